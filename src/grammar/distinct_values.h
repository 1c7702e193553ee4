// Items and members that must differ: what their values' hashes are, and whether one that is still free may
// come.
#pragma once
#include <string>
#include <string_view>

#include "grammar/threads.h"

namespace ferrum::grammar {

enum class ValueKind : uint64_t { kLiteral = 1, kString, kNumber, kArray, kObject };

// Of a value, from its text or from the hashes of its parts: values of two kinds are never equal.
ValueHash hash_of(ValueKind kind, std::string_view text);
ValueHash hash_of(ValueKind kind, const ValueHash& inner);
// Equal for numbers of equal value, however they are written.
ValueHash number_hash(const std::string& text);

// The array, if `frame` is one whose items must differ; else null.
const ArrayFrame* unique_array(const FrameRef& frame);

// Whether one of the numbers that `text` may become, from `state` of the automaton on, is not among `used`.
// `text` is afterwards as it was before.
bool has_unused_number(const Automaton& automaton, uint32_t state, std::string& text, const HashSet* used);

}  // namespace ferrum::grammar
