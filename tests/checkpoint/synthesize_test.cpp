#include "checkpoint/writers/synthesize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "base/error.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf/gguf.h"
#include "support/files.h"
#include "support/paths.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;

class Synthesize : public testing::Test {
 protected:
  fs::path config(const std::string& text) const {
    std::ofstream(folder_.path() / "config.json") << text;
    return folder_.path() / "config.json";
  }
  fs::path target() const { return folder_.path() / "model.gguf"; }

  test::TemporaryFolder folder_;
};

constexpr const char* kMoe = R"({"model_type": "qwen3_moe", "vocab_size": 300, "hidden_size": 256,
  "intermediate_size": 512, "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 64,
  "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 256, "norm_topk_prob": true,
  "max_position_embeddings": 512, "rope_theta": 1000000.0, "eos_token_id": 2})";
constexpr const char* kLlama = R"({"model_type": "llama", "vocab_size": 300, "hidden_size": 256,
  "intermediate_size": 512, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
  "attention_bias": true, "mlp_bias": true, "max_position_embeddings": 512, "tie_word_embeddings": true,
  "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                   "original_max_position_embeddings": 64}})";

float deviation(const std::vector<float>& values) {
  double squares = 0;
  for (const float v : values) squares += double{v} * v;
  return static_cast<float>(std::sqrt(squares / static_cast<double>(values.size())));
}

TEST_F(Synthesize, EveryTypeOpensAsTheRequestedModel) {
  const fs::path file = config(kMoe);
  for (int i = 0; i < kFileTypeCount; ++i) {
    const auto type = static_cast<FileType>(i);
    synthesize(file, target(), {.type = type});
    const auto checkpoint = Checkpoint::open(target());
    const ModelDescription& model = checkpoint->model();
    EXPECT_EQ(name_of(*model.architecture), "qwen3moe");
    EXPECT_EQ(model.depth(), 4);
    EXPECT_EQ(model.experts(), 4);
    EXPECT_EQ(model.rope.theta, 1e6f);
    for (const HostTensor& tensor : checkpoint->tensors()) {
      const bool is_norm = tensor.name.find("norm") != std::string::npos;
      const float expected = is_norm || tensor.name == "token_embd.weight"
                                 ? 1.0f
                                 : 1 / std::sqrt(static_cast<float>(tensor.cols()));
      EXPECT_NEAR(deviation(decoded(tensor)) / expected, 1, 0.06) << name_of(type) << " " << tensor.name;
    }
  }
}

TEST_F(Synthesize, BiasesTiesAndRopeFactorsAsTheConfigurationSays) {
  synthesize(config(kLlama), target(), {.type = FileType::kQ8_0});
  const auto checkpoint = Checkpoint::open(target());
  EXPECT_TRUE(checkpoint->model().tied_head);
  EXPECT_EQ(checkpoint->model().rope.frequency_divisors.size(), 32u);
  for (const TensorRole role : {TensorRole::kQuery, TensorRole::kAttentionOut, TensorRole::kDown})
    EXPECT_NE(checkpoint->find({role, 1, -1, true}), nullptr);
}

// XLM-RoBERTa's table of positions begins with two that no text has.
TEST_F(Synthesize, AnEncoderMakesEmbeddings) {
  synthesize(config(R"({"model_type": "xlm-roberta", "architectures": ["XLMRobertaModel"], "vocab_size": 300,
    "hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 2, "num_attention_heads": 4,
    "max_position_embeddings": 66, "type_vocab_size": 1, "pad_token_id": 1})"),
             target(), {.type = FileType::kQ4_K_M});
  const auto checkpoint = Checkpoint::open(target());
  const ModelDescription& model = checkpoint->model();
  EXPECT_EQ(name_of(*model.architecture), "bert");
  EXPECT_EQ(model.context, 64);
  EXPECT_FALSE(model.causal);
  EXPECT_EQ(model.text_head.pooling, std::vector{TextPooling::kMean});
  EXPECT_EQ(checkpoint->find({TensorRole::kPositionEmbedding})->rows(), 64);
}

TEST_F(Synthesize, SameSeedSameBytesWhateverTheThreads) {
  const fs::path file = config(kMoe);
  const auto bytes = [&](uint64_t seed, int threads) {
    synthesize(file, target(), {.type = FileType::kQ4_K_M, .seed = seed, .pipeline = {.threads = threads}});
    return test::read_file(target());
  };
  const std::string once = bytes(1, 1);
  EXPECT_EQ(once, bytes(1, 3));
  EXPECT_NE(once, bytes(2, 1));
}

TEST_F(Synthesize, FewerLayers) {
  const fs::path file = config(kMoe);
  synthesize(file, target(), {.type = FileType::kQ4_0, .layers = 2});
  EXPECT_EQ(Checkpoint::open(target())->model().depth(), 2);
  EXPECT_THROW(synthesize(file, target(), {.layers = 5}), Error);
  EXPECT_THROW(synthesize(file, target(), {.layers = 0}), Error);
}

// Heads of two sizes, layers that read another's keys and values, experts beside a dense part.
TEST_F(Synthesize, Gemma4) {
  for (const char* name : {"gemma4_dense", "gemma4_moe", "gemma4_e2b"}) {
    const fs::path folder = test::shared("goldens2") / name;
    FERRUM_NEEDS_SHARED(folder);
    const auto wanted = Checkpoint::open(folder);
    synthesize(folder, target(), {.type = FileType::kQ4_0});
    const auto made = Checkpoint::open(target());
    ASSERT_EQ(made->model().depth(), wanted->model().depth());
    EXPECT_EQ(made->model().parameters, wanted->model().parameters);
    EXPECT_EQ(made->model().rope.frequency_divisors, wanted->model().rope.frequency_divisors);
    EXPECT_EQ(made->model().per_layer_width, wanted->model().per_layer_width);
    for (int i = 0; i < made->model().depth(); ++i) {
      const LayerDescription& layer = made->model().layer(i);
      EXPECT_EQ(layer.attention.head_dim, wanted->model().layer(i).attention.head_dim);
      EXPECT_EQ(layer.attention.kv_layer, wanted->model().layer(i).attention.kv_layer);
      EXPECT_EQ(layer.feed_forward.width, wanted->model().layer(i).feed_forward.width);
      EXPECT_EQ(layer.feed_forward.beside_width, wanted->model().layer(i).feed_forward.beside_width);
      EXPECT_EQ(decoded(*made->find({TensorRole::kLayerScale, i})), std::vector{1.0f});
    }
  }
}

TEST_F(Synthesize, ProgressRunsToTheEnd) {
  uint64_t last = 0;
  uint64_t whole = 0;
  SynthesizeOptions options = {.type = FileType::kQ8_0};
  options.pipeline.progress = [&](uint64_t done, uint64_t total) {
    EXPECT_GE(done, last);
    last = done;
    whole = total;
  };
  synthesize(config(kMoe), target(), options);
  EXPECT_EQ(last, whole);
  EXPECT_GT(whole, 0u);
}

TEST_F(Synthesize, TokenizerOfAnotherGgufFile) {
  FERRUM_NEEDS_SHARED("tokenizers/vectors/gpt-2.gguf");
  std::string text = kMoe;
  text.replace(text.find("300"), 3, "50300");
  const fs::path vocabulary = test::shared("tokenizers/vectors/gpt-2.gguf");
  synthesize(config(text), target(), {.type = FileType::kQ4_0, .layers = 1, .tokenizer = vocabulary});
  const auto copy = GgufFile::open(target());
  const auto original = GgufFile::open(vocabulary);
  const auto tokens = *copy->metadata().strings("tokenizer.ggml.tokens");
  const auto known = *original->metadata().strings("tokenizer.ggml.tokens");
  ASSERT_EQ(tokens.size(), 50300u);
  EXPECT_TRUE(std::equal(known.begin(), known.end(), tokens.begin()));
  EXPECT_EQ(tokens.back(), "[PAD50299]");
  EXPECT_EQ(copy->metadata().integers("tokenizer.ggml.token_type")->back(), 5);
  for (const char* key : {"tokenizer.ggml.model", "tokenizer.ggml.pre"})
    EXPECT_EQ(copy->metadata().string(key), original->metadata().string(key)) << key;
  EXPECT_EQ(copy->metadata().strings("tokenizer.ggml.merges")->size(),
            original->metadata().strings("tokenizer.ggml.merges")->size());

  EXPECT_THROW(synthesize(config(kMoe), target(), {.tokenizer = vocabulary}),
               Error);  // more tokens than rows
}

}  // namespace
}  // namespace ferrum
