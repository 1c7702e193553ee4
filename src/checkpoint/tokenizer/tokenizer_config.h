// The files beside a tokenizer in a Hugging Face folder: tokenizer_config.json, special_tokens_map.json and
// added_tokens.json. They add tokens, name BOS, EOS and padding, and say whether a text gets them. What
// contradicts the tokenizer, or names a token that it lacks, is left out with a warning that names file and
// field.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer_spec.h"

namespace ferrum {

// All that are in `folder`. As in transformers, added_tokens.json and special_tokens_map.json count only
// where tokenizer_config.json has no added_tokens_decoder, and the map then overrules the configuration.
// Errors kBadFile naming the file.
void apply_files_beside(const std::filesystem::path& folder, TokenizerSpec& spec);

void apply_tokenizer_config(std::string_view text, const std::string& source, TokenizerSpec& spec);
void apply_special_tokens_map(std::string_view text, const std::string& source, TokenizerSpec& spec);
// An object of tokens and ids. Those of `special` are control tokens, the others are text.
void apply_added_tokens(std::string_view text, const std::string& source,
                        const std::vector<std::string>& special, TokenizerSpec& spec);

}  // namespace ferrum
