// What llama.cpp calls the ways of splitting text before byte-level BPE (tokenizer.ggml.pre).
//
// Source: llm_tokenizer_bpe in llama.cpp's src/llama-vocab.cpp.
#pragma once
#include <optional>
#include <string_view>
#include <vector>

#include "text/tokenizer_spec.h"

namespace ferrum {

// The name of these steps, which end with the one that spells bytes; nothing if they have none.
std::optional<std::string_view> pretokenizer_name(const std::vector<PretokenizeStep>& steps,
                                                  bool ignore_merges);

}  // namespace ferrum
