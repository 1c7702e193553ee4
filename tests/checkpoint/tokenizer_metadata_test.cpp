#include "checkpoint/writers/tokenizer_metadata.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "base/mapped_file.h"
#include "checkpoint/gguf/gguf.h"
#include "checkpoint/gguf/gguf_pretokenizers.h"
#include "checkpoint/gguf/gguf_tokenizer.h"
#include "checkpoint/gguf/pretokenizer_names.h"
#include "checkpoint/tokenizer/hf_tokenizer.h"
#include "support/files.h"
#include "support/paths.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;

// What is written for a folder, read again.
class TokenizerMetadata : public testing::Test {
 protected:
  const GgufMetadata& written(const fs::path& folder, int vocab, const std::vector<TokenId>& stops = {}) {
    GgufHeader header;
    set_hf_tokenizer(header, folder, vocab, stops);
    GgufWriter(target_, header).finish();
    file_ = GgufFile::open(target_);
    return file_->metadata();
  }

  test::TemporaryFolder folder_;
  const fs::path target_ = folder_.path() / "tokenizer.gguf";
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
  EXPECT_EQ(m.string("tokenizer.ggml.model"), "none");
  EXPECT_EQ(m.unsigned_integer("tokenizer.ggml.eos_token_id"), 2u);
  EXPECT_EQ(m.unsigned_integer("tokenizer.ggml.eot_token_id"), 7u);
  EXPECT_EQ(m.unsigned_integer("tokenizer.ggml.eom_token_id"), 9u);
}

TEST_F(TokenizerMetadata, FromAFileAndWhatLiesBesideIt) {
  FERRUM_NEEDS_SHARED("tokenizers/qwen3/tokenizer.json");
  GgufHeader header;
  set_tokenizer_from(header, test::shared("tokenizers/qwen3/tokenizer.json"), 151936);
  GgufWriter(target_, header).finish();
  const auto file = GgufFile::open(target_);
  EXPECT_EQ(file->metadata().unsigned_integer("tokenizer.ggml.eos_token_id"), 151645u);
  EXPECT_TRUE(file->metadata().has("tokenizer.chat_template"));
}

TEST_F(TokenizerMetadata, FromNowhere) {
  GgufHeader header;
  EXPECT_THROW(set_tokenizer_from(header, "/absent/tokenizer.json", 10), Error);
  EXPECT_THROW(set_tokenizer_from(header, test::data("goldens/qwen3"), 384), Error);
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
  EXPECT_NE(message_of(spec, 3).find("way of normalising and splitting text has no name there"),
            std::string::npos);
  spec = tiny();
  spec.model = WordLevelSpec{};
  EXPECT_NE(message_of(spec, 3).find("its model is no BPE, Unigram or WordPiece"), std::string::npos);
  spec.model = UnigramSpec{};
  EXPECT_NE(message_of(spec, 3).find("its way of splitting text is not SentencePiece's"), std::string::npos);
  spec.pretokenizer.clear();
  EXPECT_NE(message_of(spec, 3).find("it puts no space before a text"), std::string::npos);
  spec.pretokenizer = {SplitMetaspace{}};
  EXPECT_NE(message_of(spec, 3).find("one before and one behind go around a text"), std::string::npos);
  spec.suffix = {0};
  EXPECT_EQ(message_of(spec, 3), "no error");
  spec.normalizer = {Lowercase{}};
  EXPECT_NE(message_of(spec, 3).find("its normalisation is more than SentencePiece's"), std::string::npos);
  spec.model = WordPieceSpec{};
  EXPECT_NE(message_of(spec, 3).find("its way of normalising and splitting text is not BERT's"),
            std::string::npos);
  spec = tiny();
  spec.model = BpeSpec{.merges = {{"a ", "b"}}};
  EXPECT_NE(message_of(spec, 3).find("has a space in it"), std::string::npos);
  spec = tiny();
  spec.pretokenizer.clear();
  EXPECT_NE(message_of(spec, 3).find("neither byte-level nor falls back to bytes"), std::string::npos);
}

std::optional<std::string_view> name_of_steps(std::vector<PretokenizeStep> steps, bool ignore_merges = false,
                                              std::vector<NormalizeStep> normalizer = {}) {
  TokenizerSpec spec = tiny();
  spec.model = BpeSpec{.ignore_merges = ignore_merges};
  spec.pretokenizer = std::move(steps);
  spec.normalizer = std::move(normalizer);
  return gguf_pretokenizer_name(spec);
}

TEST(PretokenizerNames, ANameExpandsToAllItsSteps) {
  EXPECT_EQ(name_of_steps({SplitByteLevel{}}), "gpt-2");
  EXPECT_FALSE(name_of_steps({SplitByteLevel{}}, true));
  EXPECT_FALSE(name_of_steps({SplitByteLevel{.add_prefix_space = true}}));
  EXPECT_FALSE(name_of_steps({SplitByteLevel{.use_regex = false}}));
  EXPECT_EQ(name_of_steps({SplitByteLevel{}}, false, {NormalizeUnicode{unicode::Form::kNfc}}), "modern-bert");
  EXPECT_FALSE(name_of_steps({SplitByteLevel{}}, false, {NormalizeUnicode{unicode::Form::kNfkc}}));
  EXPECT_EQ(name_of_steps({SplitDigits{.individually = true}, SplitByteLevel{}}), "smollm");
  EXPECT_FALSE(name_of_steps({SplitDigits{.individually = false}, SplitByteLevel{}}));
  const SplitPattern qwen2 = {{TextPattern::Kind::kRegex, find_gguf_pretokenizer("qwen2")->patterns.front()}};
  const SplitByteLevel bytes = {.use_regex = false};
  EXPECT_EQ(name_of_steps({qwen2, bytes}, false, {NormalizeUnicode{unicode::Form::kNfc}}), "qwen2");
  EXPECT_EQ(name_of_steps({qwen2, bytes}), "deepseek-r1-qwen");
  EXPECT_FALSE(name_of_steps({qwen2, bytes}, true));
  SplitPattern merged = qwen2;
  merged.behavior = SplitBehavior::kMergedWithNext;
  EXPECT_FALSE(name_of_steps({merged, bytes}));
}

// The texts of llama.cpp's vectors, by the tokenizer of the folder and by what became of it in GGUF.
void expect_same_ids(const fs::path& folder, const GgufMetadata& metadata, const char* texts) {
  const auto original = load_hf_tokenizer(folder);
  const auto converted = load_gguf_tokenizer(metadata);
  const auto file = MappedFile::open(test::shared(texts));
  std::string_view rest = file->text();
  constexpr std::string_view kSeparator = "\n__ggml_vocab_test__\n";
  int compared = 0;
  while (!rest.empty()) {
    const size_t end = rest.find(kSeparator);
    const std::string_view text = rest.substr(0, end);
    EXPECT_EQ(original->encode({text}), converted->encode({text})) << text;
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + kSeparator.size());
    ++compared;
  }
  EXPECT_GT(compared, 30);
}

TEST_F(TokenizerMetadata, TextsBecomeTheSameTokens) {
  FERRUM_NEEDS_SHARED("tokenizers/vectors/qwen2.inp");
  struct Case {
    const char* folder;
    int vocab;
    const char* texts;
  };
  for (const Case& c : {Case{"tokenizers/qwen3", 151936, "tokenizers/vectors/qwen2.inp"},
                        Case{"tokenizers/llama-3", 128256, "tokenizers/vectors/llama-bpe.inp"},
                        Case{"tokenizers/gpt2", 50257, "tokenizers/vectors/gpt-2.inp"},
                        Case{"tokenizers/llama-2", 32000, "tokenizers/vectors/llama-spm.inp"},
                        Case{"tokenizers/mistral", 32768, "tokenizers/vectors/llama-spm.inp"}}) {
    SCOPED_TRACE(c.folder);
    const fs::path folder = test::shared(c.folder);
    expect_same_ids(folder, written(folder, c.vocab), c.texts);
  }
}

}  // namespace
}  // namespace ferrum
