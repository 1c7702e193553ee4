#include "checkpoint/tokenizer_metadata.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "base/error.h"
#include "base/mapped_file.h"
#include "checkpoint/gguf.h"
#include "checkpoint/hf_tokenizer.h"
#include "checkpoint/pretokenizer_names.h"
#include "support/paths.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;

// What is written for a folder, read again.
class TokenizerMetadata : public testing::Test {
 protected:
  void SetUp() override {
    target_ = fs::path(testing::TempDir()) / ("tokenizer_metadata_" + std::to_string(::getpid()) + ".gguf");
  }
  void TearDown() override { fs::remove(target_); }

  const GgufMetadata& written(const fs::path& folder, int vocab, const std::vector<TokenId>& stops = {}) {
    GgufHeader header;
    set_hf_tokenizer(header, folder, vocab, stops);
    GgufWriter(target_, header).finish();
    file_ = GgufFile::open(target_);
    return file_->metadata();
  }

  fs::path target_;
  std::unique_ptr<GgufFile> file_;
};

TEST_F(TokenizerMetadata, Qwen3) {
  FERRUM_NEEDS_SHARED("tokenizers/qwen3/tokenizer.json");
  const GgufMetadata& m = written(test::shared("tokenizers/qwen3"), 151936, {151645, 151643});
  EXPECT_EQ(m.string("tokenizer.ggml.model"), "gpt2");
  EXPECT_EQ(m.string("tokenizer.ggml.pre"), "qwen2");
  const auto tokens = *m.strings("tokenizer.ggml.tokens");
  const auto types = *m.integers("tokenizer.ggml.token_type");
  ASSERT_EQ(tokens.size(), 151936u);
  ASSERT_EQ(types.size(), 151936u);
  EXPECT_EQ(tokens[0], "!");
  EXPECT_EQ(types[0], 1);
  EXPECT_EQ(tokens[151643], "<|endoftext|>");
  EXPECT_EQ(types[151643], 3);
  EXPECT_EQ(tokens[151657], "<tool_call>");
  EXPECT_EQ(types[151657], 4);
  EXPECT_EQ(tokens[151935], "[PAD151935]");
  EXPECT_EQ(types[151935], 5);
  EXPECT_EQ(m.strings("tokenizer.ggml.merges")->front(), "Ġ Ġ");
  EXPECT_EQ(m.strings("tokenizer.ggml.merges")->size(), 151387u);
  EXPECT_EQ(m.unsigned_integer("tokenizer.ggml.eos_token_id"), 151645u);
  EXPECT_EQ(m.unsigned_integer("tokenizer.ggml.eot_token_id"), 151643u);
  EXPECT_EQ(m.boolean("tokenizer.ggml.add_bos_token"), false);
  EXPECT_TRUE(m.string("tokenizer.chat_template"));
}

TEST_F(TokenizerMetadata, Llama3) {
  FERRUM_NEEDS_SHARED("tokenizers/llama-3/tokenizer.json");
  const GgufMetadata& m = written(test::shared("tokenizers/llama-3"), 128256);
  EXPECT_EQ(m.string("tokenizer.ggml.model"), "gpt2");
  EXPECT_EQ(m.string("tokenizer.ggml.pre"), "llama-bpe");
  EXPECT_EQ(m.unsigned_integer("tokenizer.ggml.bos_token_id"), 128000u);
  EXPECT_EQ(m.boolean("tokenizer.ggml.add_bos_token"), true);
  EXPECT_EQ(m.strings("tokenizer.ggml.tokens")->size(), 128256u);
}

TEST_F(TokenizerMetadata, Gpt2) {
  FERRUM_NEEDS_SHARED("tokenizers/gpt2/tokenizer.json");
  const GgufMetadata& m = written(test::shared("tokenizers/gpt2"), 50257);
  EXPECT_EQ(m.string("tokenizer.ggml.pre"), "gpt-2");
}

TEST_F(TokenizerMetadata, Llama2IsSentencePiece) {
  FERRUM_NEEDS_SHARED("tokenizers/llama-2/tokenizer.json");
  const GgufMetadata& m = written(test::shared("tokenizers/llama-2"), 32000);
  EXPECT_EQ(m.string("tokenizer.ggml.model"), "llama");
  const auto tokens = *m.strings("tokenizer.ggml.tokens");
  const auto scores = *m.floats("tokenizer.ggml.scores");
  const auto types = *m.integers("tokenizer.ggml.token_type");
  EXPECT_EQ(types[0], 2);         // <unk>
  EXPECT_EQ(types[1], 3);         // <s>
  EXPECT_EQ(types[3 + 0x0A], 6);  // <0x0A>
  // In tokenizer.model tokens follow each other by score. (Not so runs of spaces, whose merges come last.)
  float last = 1;
  for (size_t i = 259; i < 2000; ++i) {
    if (tokens[i].find_first_not_of("▁") == std::string_view::npos) continue;
    EXPECT_LT(scores[i], last) << tokens[i];
    last = scores[i];
  }
  EXPECT_EQ(m.boolean("tokenizer.ggml.add_space_prefix"), true);
  EXPECT_EQ(m.boolean("tokenizer.ggml.add_bos_token"), true);
  EXPECT_EQ(m.unsigned_integer("tokenizer.ggml.unknown_token_id"), 0u);
}

TEST_F(TokenizerMetadata, AFolderWithoutATokenizerHasStopTokensOnly) {
  const GgufMetadata& m = written(test::data("goldens/qwen3"), 384, {2, 7, 9});
  EXPECT_FALSE(m.has("tokenizer.ggml.model"));
  EXPECT_EQ(m.unsigned_integer("tokenizer.ggml.eos_token_id"), 2u);
  EXPECT_EQ(m.unsigned_integer("tokenizer.ggml.eot_token_id"), 7u);
  EXPECT_EQ(m.unsigned_integer("tokenizer.ggml.eom_token_id"), 9u);
}

TokenizerSpec tiny() {
  TokenizerSpec spec;
  spec.source = "tiny.json";
  spec.tokens = {{.spelling = "a"}, {.spelling = "b"}, {.spelling = "ab"}};
  spec.model = BpeSpec{.merges = {{"a", "b"}}};
  spec.pretokenizer = {SplitByteLevel{}};
  return spec;
}

std::string message_of(const TokenizerSpec& spec, int vocab) {
  GgufHeader header;
  try {
    set_tokenizer_metadata(header, spec, vocab);
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

TEST(TokenizerMetadataErrors, WhatGgufHasNoWordsFor) {
  EXPECT_EQ(message_of(tiny(), 3), "no error");
  EXPECT_NE(message_of(tiny(), 2).find("has 3 tokens, but the model's vocabulary has 2"), std::string::npos);
  TokenizerSpec spec = tiny();
  spec.pretokenizer.insert(spec.pretokenizer.begin(), SplitPattern{{TextPattern::Kind::kRegex, "odd"}});
  EXPECT_NE(message_of(spec, 3).find("pattern that has no name there"), std::string::npos);
  spec = tiny();
  spec.model = UnigramSpec{};
  EXPECT_NE(message_of(spec, 3).find("its model is no BPE"), std::string::npos);
  spec = tiny();
  spec.model = BpeSpec{.merges = {{"a ", "b"}}};
  EXPECT_NE(message_of(spec, 3).find("has a space in it"), std::string::npos);
  spec = tiny();
  spec.pretokenizer.clear();
  EXPECT_NE(message_of(spec, 3).find("neither byte-level nor falls back to bytes"), std::string::npos);
}

TEST(PretokenizerNames, ANameSaysEverythingItStandsFor) {
  const std::vector<PretokenizeStep> gpt2 = {SplitByteLevel{}};
  EXPECT_EQ(pretokenizer_name(gpt2, false), "gpt-2");
  EXPECT_FALSE(pretokenizer_name(gpt2, true));
  EXPECT_FALSE(pretokenizer_name({SplitByteLevel{.add_prefix_space = true}}, false));
  EXPECT_EQ(pretokenizer_name({SplitDigits{.individually = true}, SplitByteLevel{}}, false), "smollm");
  EXPECT_FALSE(pretokenizer_name({SplitDigits{.individually = false}, SplitByteLevel{}}, false));
  EXPECT_FALSE(pretokenizer_name({}, false));
}

}  // namespace
}  // namespace ferrum
