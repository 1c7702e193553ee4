// Tokens that end a turn or a text in the vocabularies of well-known models.
#pragma once
#include <string_view>
#include <vector>

#include "text/token.h"
#include "text/tokenizer.h"

namespace ferrum {

// Whether a token of this spelling ends a turn or a text, whatever the vocabulary: "<|im_end|>",
// "<|eot_id|>", ….
bool is_known_end(std::string_view spelling);

// The control tokens of a vocabulary that end a turn or a text by their spelling.
std::vector<TokenId> known_ends(const Tokenizer& tokenizer);

}  // namespace ferrum
