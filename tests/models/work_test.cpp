// Bytes and operations per token, worked out a second time by hand from the models' shapes.
#include "models/work.h"
#include "models/kv_layers.h"

#include <gtest/gtest.h>

#include "support/layers.h"
#include "support/paths.h"
#include "support/small_models.h"

namespace ferrum {
namespace {

std::unique_ptr<Checkpoint> golden(const char* name) {
  return Checkpoint::open(test::data(std::string("goldens/") + name));
}

// layers 2, hidden 8, heads 2 of size 4, one key/value head, ffn 16, vocabulary 10, all float32.
constexpr int64_t kSmallLayer = 8 * 8 + 2 * 4 * 8 + 8 * 8 + 3 * 8 * 16;
constexpr double kSmallNorms = (2 * 2 + 1) * 8;

struct Small {
  explicit Small(const test::SmallGguf& model)
      : checkpoint(Checkpoint::open(folder.write("small.gguf", model.build()))),
        volume(volume_of(*checkpoint)) {}

  test::TemporaryFolder folder;
  std::unique_ptr<Checkpoint> checkpoint;
  ModelVolume volume;
};

TEST(Work, OfADenseModel) {
  const Small small{test::SmallGguf()};
  EXPECT_EQ(small.volume.layers.parameters, 2 * kSmallLayer);
  EXPECT_EQ(small.volume.layers.bytes, 4 * (2 * kSmallLayer + kSmallNorms));
  EXPECT_EQ(small.volume.head.parameters, 80);
  EXPECT_EQ(small.volume.head.bytes, 320U);
  EXPECT_EQ(small.volume.embedding_row, 32U);

  const ModelDescription& model = small.checkpoint->model();
  const double weights = 4 * (2 * kSmallLayer + kSmallNorms + 80);
  const double kv_of_a_token = 2 * 2 * 4 * 2;  // layers, keys and values, width, bytes
  EXPECT_EQ(decode_work(small.volume, model, DType::kF16, 1, 50),
            (Work{weights + 32 + 50 * kv_of_a_token, 2.0 * (2 * kSmallLayer + 80)}));
  // Weights are read once for all sequences, the rest for each.
  EXPECT_EQ(decode_work(small.volume, model, DType::kF32, 3, 50),
            (Work{weights + 3 * 32 + 3 * 50 * 2 * kv_of_a_token, 3 * 2.0 * (2 * kSmallLayer + 80)}));
  // Bytes come with a float32 scale for each head's keys and values.
  const double i8_kv_of_a_token = 2 * 2 * (4 * 1 + 4);
  EXPECT_EQ(decode_work(small.volume, model, DType::kI8, 1, 50).bytes, weights + 32 + 50 * i8_kv_of_a_token);
  // One row of logits; what the prompt's own tokens leave in the cache need not be read.
  EXPECT_EQ(prompt_work(small.volume, model, DType::kF16, 20, 0),
            (Work{weights + 20 * 32, 2.0 * (20 * 2 * kSmallLayer + 80)}));
  EXPECT_EQ(prompt_work(small.volume, model, DType::kF16, 20, 30).bytes,
            weights + 20 * 32 + 30 * kv_of_a_token);
}

// Two heads of 2 numbers and 2 rotated ones, values of 8, a latent vector of 6. What is kept of a token is
// that vector and the rotated part of the key, whichever way the file has the matrices of keys and values.
TEST(Work, OfLatentAttention) {
  test::SmallGguf split("deepseek2");
  split.set("attention.key_length_mla", 4);
  split.set("attention.value_length_mla", 8);
  split.set("attention.kv_lora_rank", 6);
  split.set("rope.dimension_count", 2);
  for (const std::string layer : {"blk.0.", "blk.1."}) {
    split.tensors.erase(layer + "attn_k.weight");
    split.tensors.erase(layer + "attn_v.weight");
    split.tensors[layer + "attn_kv_a_mqa.weight"] = {8, 8};
    split.tensors[layer + "attn_kv_a_norm.weight"] = {6};
    split.tensors[layer + "attn_k_b.weight"] = {2, 6, 2};
    split.tensors[layer + "attn_v_b.weight"] = {2, 8, 6};
    split.tensors[layer + "attn_output.weight"] = {8, 16};
  }
  test::SmallGguf fused = split;
  for (const std::string layer : {"blk.0.", "blk.1."}) {
    fused.tensors.erase(layer + "attn_k_b.weight");
    fused.tensors.erase(layer + "attn_v_b.weight");
    fused.tensors[layer + "attn_kv_b.weight"] = {2 * (2 + 8), 6};
  }
  constexpr int64_t kLayer = 8 * 8 + 8 * 8 + 2 * 6 * 2 + 2 * 8 * 6 + 8 * 16 + 3 * 8 * 16;
  for (const test::SmallGguf& file : {split, fused}) {
    const Small small(file);
    EXPECT_EQ(small.volume.layers.parameters, 2 * kLayer);
    const double weights = 4 * (2 * kLayer + kSmallNorms + 2 * 6 + 80);
    EXPECT_EQ(decode_work(small.volume, small.checkpoint->model(), DType::kF16, 1, 50),
              (Work{weights + 32 + 50 * 2.0 * (2 + 6) * 2, 2.0 * (2 * kLayer + 80)}));
    EXPECT_EQ(decode_work(small.volume, small.checkpoint->model(), DType::kI8, 1, 50).bytes,
              weights + 32 + 50 * 2.0 * (2 + 6 + 2 * 4));
  }
}

TEST(Work, ATiedHeadIsTheEmbeddingTable) {
  test::SmallGguf tied;
  tied.tensors.erase("output.weight");
  const Small small(tied);
  ASSERT_TRUE(small.checkpoint->model().tied_head);
  EXPECT_EQ(small.volume.head.bytes, 320U);
  EXPECT_EQ(small.volume.head.parameters, 80);
}

TEST(Work, BiasesAreReadButAreNoParameters) {
  const auto checkpoint = golden("qwen2");
  const ModelDescription& m = checkpoint->model();
  const ModelVolume v = volume_of(*checkpoint);
  const int64_t q = int64_t{m.layers.front().attention.q_heads} * m.layers.front().attention.head_dim;
  const int64_t kv = int64_t{m.layers.front().attention.kv_heads} * m.layers.front().attention.head_dim;
  const int64_t matrices =
      m.depth() * (m.hidden * (2 * q + 2 * kv) + 3 * int64_t{m.hidden} * m.dense_width());
  const int64_t vectors = m.depth() * (2 * m.hidden + q + 2 * kv) + m.hidden;
  EXPECT_EQ(v.layers.parameters, matrices);
  EXPECT_EQ(v.layers.bytes % static_cast<uint64_t>(matrices + vectors), 0U);  // all in one format
}

TEST(Work, OfAMixtureCountsTheExpertsThatAreUsed) {
  for (const char* name : {"qwen3_moe", "qwen3_moe_mixed_dense_layers"}) {
    const auto checkpoint = golden(name);
    const ModelDescription& m = checkpoint->model();
    const ModelVolume v = volume_of(*checkpoint);
    int64_t moe_layers = 0;
    for (const bool moe : test::moe_layers(m)) moe_layers += moe ? 1 : 0;
    const int64_t expert = moe_layers * 3 * m.hidden * m.expert_width();
    EXPECT_EQ(v.expert.parameters, expert) << name;
    EXPECT_EQ(v.experts, m.experts());
    EXPECT_EQ(v.active, m.routing.top_k);

    const auto total = [&](const ModelVolume::Part& part) { return static_cast<double>(part.parameters); };
    const Work one = decode_work(v, m, DType::kF16, 1, 1);
    EXPECT_DOUBLE_EQ(one.operations, 2 * (total(v.layers) + total(v.head) + v.active * total(v.expert)));
    const double bytes_of_an_expert = static_cast<double>(v.expert.bytes);
    const double kv =
        2.0 * m.depth() * m.layers.front().attention.kv_heads * m.layers.front().attention.head_dim * 2;
    EXPECT_NEAR(one.bytes,
                static_cast<double>(v.layers.bytes + v.head.bytes + v.embedding_row) +
                    m.routing.top_k * bytes_of_an_expert + kv,
                1);
    // Everything that a model has is counted somewhere, once.
    const double all =
        total(v.layers) + m.experts() * total(v.expert) + total(v.head) * (m.tied_head ? 1 : 2);
    EXPECT_LT(static_cast<double>(m.parameters) - all, 0.01 * static_cast<double>(m.parameters)) << name;
    EXPECT_GE(static_cast<double>(m.parameters), all) << name;
  }
}

TEST(Work, DistinctExpertsOfManyTokens) {
  EXPECT_DOUBLE_EQ(distinct_experts(128, 8, 1), 8);
  EXPECT_NEAR(distinct_experts(128, 8, 2), 16 - 0.5, 1e-9);  // 8 × 8 / 128 coincide on average
  EXPECT_NEAR(distinct_experts(128, 8, 1000), 128, 1e-9);
  EXPECT_DOUBLE_EQ(distinct_experts(4, 4, 3), 4);
  EXPECT_EQ(distinct_experts(0, 0, 5), 0);
}

TEST(Work, AWindowBoundsWhatIsReadOfTheCache) {
  const auto checkpoint = golden("mistral_sliding_window");
  const ModelDescription& m = checkpoint->model();
  ASSERT_GT(m.window(), 0);
  const ModelVolume v = volume_of(*checkpoint);
  const double near = decode_work(v, m, DType::kF16, 1, m.window()).bytes;
  const double far = decode_work(v, m, DType::kF16, 1, 2 * int64_t{m.window()}).bytes;
  int64_t full_layers = 0;
  for (const bool slides : test::sliding_layers(m)) full_layers += slides ? 0 : 1;
  EXPECT_EQ(far - near, 2.0 * full_layers * m.window() * m.layers.front().attention.kv_heads *
                            m.layers.front().attention.head_dim * 2);
}

// Behind the last layer with keys of its own a prompt computes one row, and only rows of the table of
// per-layer embeddings are read.
TEST(Work, OfLayersThatShareKeysAndOfPerLayerEmbeddings) {
  FERRUM_NEEDS_SHARED("goldens2/gemma4_e2b");
  const auto checkpoint = Checkpoint::open(test::shared("goldens2/gemma4_e2b"));
  const ModelDescription& m = checkpoint->model();
  const ModelVolume v = volume_of(*checkpoint);
  ASSERT_TRUE(m.tied_head);
  EXPECT_EQ(v.head.parameters, int64_t{m.vocab} * m.hidden);
  const HostTensor* table = checkpoint->find({TensorRole::kPerLayerEmbedding});
  ASSERT_NE(table, nullptr);
  const uint64_t row =
      row_bytes(table->format, static_cast<size_t>(m.hidden) + static_cast<size_t>(table->cols()));
  EXPECT_EQ(v.embedding_row, row);
  const int last = last_keeping_layer(m);
  ASSERT_LT(last, m.depth() - 1);
  EXPECT_GT(v.tail.parameters, 0);
  const auto operations = [&](int64_t tokens) {
    return prompt_work(v, m, DType::kF16, tokens, 0).operations;
  };
  EXPECT_DOUBLE_EQ(operations(11) - operations(1), 2 * 10.0 * static_cast<double>(v.layers.parameters));
}

// Layer 0 attends: 2 heads of 8 for keys, and for values. Layers 1 and 2 keep 3 inputs of each of
// 112 channels, and a state of 64 × 12; both are read and left again.
TEST(Work, OfStatesThatALayerKeeps) {
  const auto checkpoint = Checkpoint::open(test::data("goldens/hybrids/bamba_switches"));
  const ModelVolume volume = volume_of(*checkpoint);
  const ModelDescription& model = checkpoint->model();
  const double states = 2 * 2 * (3 * (64 + 2 * 2 * 12) + 64 * 12) * 4.0;
  const double kv_of_a_token = 2 * 2 * 8 * 2;
  const double of_a_sequence = static_cast<double>(volume.embedding_row) + states + 50 * kv_of_a_token;
  EXPECT_EQ(decode_work(volume, model, DType::kF16, 3, 50).bytes -
                decode_work(volume, model, DType::kF16, 1, 50).bytes,
            2 * of_a_sequence);
  EXPECT_EQ(decode_work(volume, model, DType::kF16, 1, 50).bytes,
            prompt_work(volume, model, DType::kF16, 1, 50).bytes);
}

}  // namespace
}  // namespace ferrum
