// Every line of every vector, with every tokenizer file of the same family.
#include "vectors.h"

#include <gtest/gtest.h>

#include "checkpoint/hf_tokenizer.h"

namespace ferrum {
namespace {

void expect_vectors(const Tokenizer& tokenizer, const std::string& name) {
  const auto vectors = test::read_vectors(name);
  ASSERT_GT(vectors.size(), 40u);
  for (const test::Vector& vector : vectors)
    EXPECT_EQ(tokenizer.encode({vector.text, true}, {.add_special = false}), vector.ids) << "'" << vector.text << "'";
}

void expect_json(const std::string& folder, const std::string& name) {
  const std::string file = "tokenizers/" + folder + "/tokenizer.json";
  const auto tokenizer = Tokenizer::make(read_tokenizer_json(test::read_file(test::shared(file)), file));
  expect_vectors(*tokenizer, name);
}

TEST(TokenizerVectors, Gpt2FromJson) {
  FERRUM_NEEDS_SHARED("tokenizers/gpt2");
  expect_json("gpt2", "gpt-2");
}

TEST(TokenizerVectors, Llama3FromJson) {
  FERRUM_NEEDS_SHARED("tokenizers/llama-3");
  expect_json("llama-3", "llama-bpe");
}

TEST(TokenizerVectors, Qwen3FromJson) {
  FERRUM_NEEDS_SHARED("tokenizers/qwen3");
  expect_json("qwen3", "qwen2");
}

TEST(TokenizerVectors, Llama2FromJson) {
  FERRUM_NEEDS_SHARED("tokenizers/llama-2");
  expect_json("llama-2", "llama-spm");
}

TEST(TokenizerVectors, BertFromJson) {
  FERRUM_NEEDS_SHARED("tokenizers/bert-base-uncased");
  expect_json("bert-base-uncased", "bert-bge");
}

}  // namespace
}  // namespace ferrum
