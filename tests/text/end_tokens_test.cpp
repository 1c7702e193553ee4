#include "text/end_tokens.h"

#include <gtest/gtest.h>

#include "text/infill_tokens.h"
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

TEST(EndTokens, ResultsOfToolsEndATurnAndMakeTheTagNoEnd) {
  const auto tokenizer =
      vocabulary({{"</s>", TokenKind::kControl, 0}, {"<|tool_response>", TokenKind::kControl, 0}});
  EXPECT_EQ(known_ends(*tokenizer), std::vector<TokenId>{1});
}

TEST(EndTokens, TheEndOfAChannelIsNoEndOfATurn) {
  const auto tokenizer =
      vocabulary({{"<|end|>", TokenKind::kControl, 0}, {"<|return|>", TokenKind::kControl, 0}});
  EXPECT_EQ(known_ends(*tokenizer), std::vector<TokenId>{1});
  const auto solar = vocabulary({{"<|end|>", TokenKind::kControl, 0},
                                 {"<|calls|>", TokenKind::kControl, 0},
                                 {"<|flush|>", TokenKind::kControl, 0}});
  EXPECT_EQ(known_ends(*solar), (std::vector<TokenId>{1, 2}));
}

TEST(InfillTokens, AreAddedTokensOfKnownSpellings) {
  const auto tokenizer = vocabulary({{"<|fim_prefix|>", TokenKind::kUserDefined, 0},
                                     {"<|fim_suffix|>", TokenKind::kControl, 0},
                                     {"<|fim_middle|>", TokenKind::kUserDefined, 0},
                                     {"<|fim_pad|>", TokenKind::kUserDefined, 0},
                                     {"<|repo_name|>", TokenKind::kNormal, 0},
                                     {"<|file_sep|>", TokenKind::kUserDefined, 0}});
  const std::optional<InfillTokens> tokens = infill_tokens_of(*tokenizer);
  ASSERT_TRUE(tokens);
  EXPECT_EQ(tokens->prefix, 0);
  EXPECT_EQ(tokens->middle, 2);
  EXPECT_EQ(tokens->repository, std::nullopt) << "a part of ordinary text";
  EXPECT_EQ(tokens->file, 5);
  EXPECT_EQ(infill_ends(*tokenizer), (std::vector<TokenId>{3, 5}));
  EXPECT_TRUE(is_infill_token("<|repo_name|>"));
  EXPECT_FALSE(is_infill_token("<|im_end|>"));
}

}  // namespace
}  // namespace ferrum
