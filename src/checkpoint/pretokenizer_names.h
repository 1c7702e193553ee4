// The names that GGUF has for ways of splitting text before byte-level BPE (tokenizer.ggml.pre), found by
// what they stand for.
#pragma once
#include <optional>
#include <string_view>

#include "text/tokenizer_spec.h"

namespace ferrum {

// The name whose patterns, normalisation and habit of keeping whole tokens are those of a byte-level `spec`;
// nothing if there is none.
std::optional<std::string_view> gguf_pretokenizer_name(const TokenizerSpec& spec);

}  // namespace ferrum
