// tiktoken's vocabularies: bytes and their rank, without a list of merges. Two tokens merge where their joint
// bytes are a token too; the lowest rank goes first (https://github.com/openai/tiktoken).
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "text/tokenizer_spec.h"

namespace ferrum {

// Whether the first line is of a tiktoken vocabulary.
bool begins_tiktoken_model(std::string_view text);

// Llama 3's tokenizer.model: a line of base64 and a rank for each token. The file does not name the pattern,
// which is Llama 3's, nor the control tokens that follow. Errors kBadFile naming `source` and the line.
TokenizerSpec read_tiktoken_model(std::string_view text, const std::string& source);

// Adds Llama 3's control tokens (github.com/meta-llama/llama3, tokenizer.py), for a file that stands alone.
constexpr size_t kLlama3TextTokens = 128'000;
void add_llama3_control_tokens(TokenizerSpec& spec);

// Mistral's tekken.json. Errors kBadFile naming `source` and the field.
TokenizerSpec read_tekken_json(std::string_view text, const std::string& source);

}  // namespace ferrum
