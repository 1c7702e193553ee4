// Fill-in-the-middle: prompts that ask a model for the text between a prefix and a suffix.
//
// The order prefix, suffix, middle ("PSM") is that of Bavarian et al. 2022, arXiv 2207.14255; names of a
// repository and its files come before it as in Qwen2.5-Coder (arXiv 2409.12186).
#pragma once
#include <vector>

#include "ferrum/engine.h"
#include "text/infill_tokens.h"
#include "text/tokenizer.h"

namespace ferrum {

std::vector<TokenId> encode_infill(const Tokenizer& tokenizer, const InfillTokens& tokens,
                                   const InfillPrompt& prompt);

}  // namespace ferrum
