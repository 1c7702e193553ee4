// Fill-in-the-middle: prompts that ask a model for the text between a prefix and a suffix.
//
// The order prefix, suffix, middle ("PSM") is that of Bavarian et al. 2022, arXiv 2207.14255; names of a
// repository and its files come before it as in Qwen2.5-Coder (arXiv 2409.12186).
#pragma once
#include <optional>
#include <vector>

#include "ferrum/engine.h"
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
// vocabulary marks them as control tokens. Nothing unless prefix, suffix and middle are all known.
std::optional<InfillTokens> infill_tokens_of(const Tokenizer& tokenizer);

std::vector<TokenId> encode_infill(const Tokenizer& tokenizer, const InfillTokens& tokens,
                                   const InfillPrompt& prompt);

}  // namespace ferrum
