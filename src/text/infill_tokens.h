// Tokens of vocabularies whose models were trained to fill in the middle of a text.
#pragma once
#include <optional>
#include <string_view>
#include <vector>

#include "text/token.h"
#include "text/tokenizer.h"

namespace ferrum {

struct InfillTokens {
  TokenId prefix = 0;
  TokenId suffix = 0;
  TokenId middle = 0;
  std::optional<TokenId> repository;  // before the name of a repository
  std::optional<TokenId> file;        // before the name of a file
};

// What the file says (Tokenizer::Special), else the spellings that known model families use, where the
// vocabulary adds them to its model's tokens. Nothing unless prefix, suffix and middle are all known.
std::optional<InfillTokens> infill_tokens_of(const Tokenizer& tokenizer);

// The tokens behind which nothing of an answer follows: padding, and what begins a repository or another
// file. As in llama.cpp (llama-vocab.cpp, special_eog_ids).
std::vector<TokenId> infill_ends(const Tokenizer& tokenizer);

// Whether a token of this spelling is one of all these, whatever the vocabulary.
bool is_infill_token(std::string_view spelling);

}  // namespace ferrum
