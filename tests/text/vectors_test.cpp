// Every line of every vector, with every tokenizer file of the same family.
#include "vectors.h"

#include <gtest/gtest.h>

#include "checkpoint/readers/tokenizer_source.h"

namespace ferrum {
namespace {

struct Case {
  const char* name;
  const char* file;  // under shared/tokenizers
  const char* vectors;
};

class TokenizerVectors : public testing::TestWithParam<Case> {};

TEST_P(TokenizerVectors, EveryLine) {
  const std::string file = std::string("tokenizers/") + GetParam().file;
  FERRUM_NEEDS_SHARED(file);
  const auto tokenizer = open_tokenizer(test::shared(file));
  const auto vectors = test::read_vectors(GetParam().vectors);
  ASSERT_EQ(vectors.size(), 46u);
  for (const test::Vector& vector : vectors)
    EXPECT_EQ(tokenizer->encode({vector.text, true}, {.add_special = false}), vector.ids)
        << "'" << vector.text << "'";
}

INSTANTIATE_TEST_SUITE_P(, TokenizerVectors,
                         testing::Values(Case{"Gpt2Json", "gpt2/tokenizer.json", "gpt-2"},
                                         Case{"Gpt2Gguf", "vectors/gpt-2.gguf", "gpt-2"},
                                         Case{"Llama3Json", "llama-3/tokenizer.json", "llama-bpe"},
                                         Case{"Llama3Tiktoken", "llama-3/tokenizer.model", "llama-bpe"},
                                         Case{"Qwen3Json", "qwen3/tokenizer.json", "qwen2"},
                                         Case{"Llama2Json", "llama-2/tokenizer.json", "llama-spm"},
                                         Case{"Llama2SentencePiece", "llama-2/tokenizer.model", "llama-spm"},
                                         Case{"Llama2Gguf", "vectors/llama-spm.gguf", "llama-spm"},
                                         Case{"BertJson", "bert-base-uncased/tokenizer.json", "bert-bge"},
                                         Case{"BertGguf", "vectors/bert-bge.gguf", "bert-bge"}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace ferrum
