// Finds the GGUF name (tokenizer.ggml.pre) of a pre-tokenizer for byte-level BPE by what it does.
#pragma once
#include <optional>
#include <string_view>

#include "text/tokenizer_spec.h"

namespace ferrum {

// The name whose patterns, normalisation and ignore_merges equal those of a byte-level `spec`; nothing if
// there is none.
std::optional<std::string_view> gguf_pretokenizer_name(const TokenizerSpec& spec);

}  // namespace ferrum
