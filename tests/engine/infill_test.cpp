// Prompts that have a gap filled in, from the tokens that a vocabulary has for it.
#include "engine/infill.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/prompt_builder.h"
#include "support/errors.h"
#include "support/small_models.h"

namespace ferrum {
namespace {

using Ids = std::vector<TokenId>;

// Ten tokens: 3 to 7 are control tokens of these spellings, then "a", "b" and a line's end.
class GapModel {
 public:
  explicit GapModel(std::vector<std::string> controls) {
    enum { kNormal = 1, kUnknown, kControl };
    std::vector<std::string> tokens = {"<unk>", "<s>", "</s>"};
    tokens.insert(tokens.end(), controls.begin(), controls.end());
    tokens.insert(tokens.end(), {"a", "b"});
    model_.others.string("tokenizer.ggml.model", "llama")
        .strings("tokenizer.ggml.tokens", tokens)
        .array<float>("tokenizer.ggml.scores", test::gguf::kF32, {0, 0, 0, 0, 0, 0, 0, 0, -1, -1})
        .array<int32_t>("tokenizer.ggml.token_type", test::gguf::kI32,
                        {kUnknown, kControl, kControl, kControl, kControl, kControl, kControl, kControl,
                         kNormal, kNormal})
        .boolean("tokenizer.ggml.add_bos_token", 0)
        .boolean("tokenizer.ggml.add_space_prefix", 0);
  }
  GapModel& names(const std::string& key, uint32_t id) {
    model_.others.u32("tokenizer.ggml." + key, id);
    return *this;
  }
  PromptBuilder builder() const {
    const test::TemporaryFolder folder;
    return PromptBuilder(*Checkpoint::open(folder.write("m.gguf", model_.build())));
  }

 private:
  test::SmallGguf model_;
};

TEST(Infill, KnownSpellingsThatAreControlTokens) {
  const PromptBuilder prompts =
      GapModel({"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|repo_name|>", "<|file_sep|>"})
          .builder();
  ASSERT_TRUE(prompts.infills());
  EXPECT_EQ(prompts.tokens(InfillPrompt{.prefix = "ab", .suffix = "b", .files = {}}),
            (Ids{3, 8, 9, 4, 9, 5}));
}

TEST(Infill, OtherFilesComeFirst) {
  const PromptBuilder prompts =
      GapModel({"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|repo_name|>", "<|file_sep|>"})
          .builder();
  const Ids ids = prompts.tokens(
      InfillPrompt{.prefix = "a", .suffix = "b", .files = {{.name = "ab", .text = "<|fim_middle|>b"}}});
  ASSERT_GT(ids.size(), 8u);
  EXPECT_EQ(ids.front(), 6) << "the repository's name";
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 7), 2) << "the other file and this one";
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 5), 1) << "files are text, whatever they spell";
  EXPECT_EQ(Ids(ids.end() - 5, ids.end()), (Ids{3, 8, 4, 9, 5}));
}

TEST(Infill, TheFilesOwnWordCounts) {
  GapModel model({"p", "s", "m", "r", "f"});
  EXPECT_FALSE(model.builder().infills());
  model.names("fim_pre_token_id", 3).names("fim_suf_token_id", 4);
  EXPECT_FALSE(model.builder().infills()) << "the middle is missing";
  model.names("middle_token_id", 5);  // the older name
  EXPECT_EQ(model.builder().tokens(InfillPrompt{.prefix = "a", .suffix = "", .files = {}}),
            (Ids{3, 8, 4, 5}));
}

TEST(Infill, ControlTokensOfTheTextMayBePlain) {
  const PromptBuilder prompts =
      GapModel({"<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<c>", "<d>"}).builder();
  InfillPrompt prompt = {.prefix = "a<c>", .suffix = "", .files = {}};
  EXPECT_EQ(prompts.tokens(prompt), (Ids{3, 8, 6, 4, 5}));
  prompt.control_tokens = TextPrompt::ControlTokens::kText;
  const Ids ids = prompts.tokens(prompt);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 6), 0);
}

TEST(Infill, WithoutTheTokensThereIsNone) {
  const PromptBuilder prompts = GapModel({"<c>", "<d>", "<e>", "<f>", "<g>"}).builder();
  EXPECT_FALSE(prompts.infills());
  test::expect_error(ErrorCode::kBadArgument, {"filling in the middle"},
                     [&] { prompts.tokens(InfillPrompt{.prefix = "a", .suffix = "b", .files = {}}); });
}

}  // namespace
}  // namespace ferrum
