// What stands beside tokenizer.json or tokenizer.model in a Hugging Face folder: tokenizer_config.json and
// special_tokens_map.json. They add tokens and say which are BOS, EOS and padding, and whether a text gets
// them.
#pragma once
#include <string>
#include <string_view>

#include "text/tokenizer_spec.h"

namespace ferrum {

// Errors kBadFile naming `source` and the field (fault B21).
void apply_tokenizer_config(std::string_view text, const std::string& source, TokenizerSpec& spec);
void apply_special_tokens_map(std::string_view text, const std::string& source, TokenizerSpec& spec);

}  // namespace ferrum
