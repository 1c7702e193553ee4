#include "text/end_tokens.h"

#include <gtest/gtest.h>

#include "text/tokenizer_spec.h"

namespace ferrum {
namespace {

std::unique_ptr<const Tokenizer> vocabulary(std::vector<TokenizerSpec::Token> tokens) {
  TokenizerSpec spec;
  spec.tokens = std::move(tokens);
  spec.model = WordLevelSpec{};
  return Tokenizer::make(std::move(spec));
}

TEST(EndTokens, ControlTokensOfKnownSpellings) {
  using Kind = TokenKind;
  const auto tokenizer = vocabulary({{"<|im_end|>", Kind::kControl, 0},
                                     {"</s>", Kind::kControl, 0},
                                     {"<turn|>", Kind::kControl, 0},
                                     {"<|eot_id|>", Kind::kNormal, 0},
                                     {"<|im_start|>", Kind::kControl, 0},
                                     {"<|end|>", Kind::kControl, 0}});
  EXPECT_EQ(known_ends(*tokenizer), (std::vector<TokenId>{0, 5, 2, 1}));
}

TEST(EndTokens, TheEndOfAChannelIsNoEndOfATurn) {
  const auto tokenizer =
      vocabulary({{"<|end|>", TokenKind::kControl, 0}, {"<|return|>", TokenKind::kControl, 0}});
  EXPECT_EQ(known_ends(*tokenizer), std::vector<TokenId>{1});
}

}  // namespace
}  // namespace ferrum
