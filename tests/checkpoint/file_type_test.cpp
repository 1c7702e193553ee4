#include "checkpoint/file_type.h"

#include <gtest/gtest.h>

#include <map>

#include "checkpoint/architecture.h"

namespace ferrum {
namespace {

ModelDescription model(int layers, int q_heads, int kv_heads, int experts = 0) {
  ModelDescription m;
  m.architecture = architecture_named(experts ? "qwen3moe" : "llama");
  m.layers.resize(static_cast<size_t>(layers));
  for (LayerDescription& layer : m.layers) {
    layer.attention.q_heads = q_heads;
    layer.attention.kv_heads = kv_heads;
    layer.feed_forward.experts = experts;
  }
  return m;
}

Format of(FileType type, const ModelDescription& m, TensorRole role, int layer = -1, int64_t cols = 4096) {
  return format_of_tensor(type, m, {role, layer}, cols);
}

TEST(FileType, NamesAndNumbers) {
  const std::map<std::string, uint32_t> numbers = {
      {"F32", 0},     {"F16", 1},        {"Q4_0", 2},    {"Q4_1", 3},     {"Q8_0", 7},    {"Q5_0", 8},
      {"Q5_1", 9},    {"Q2_K", 10},      {"Q3_K_S", 11}, {"Q3_K_M", 12},  {"Q3_K_L", 13}, {"Q4_K_S", 14},
      {"Q4_K_M", 15}, {"Q5_K_S", 16},    {"Q5_K_M", 17}, {"Q6_K", 18},    {"IQ4_NL", 25}, {"IQ4_XS", 30},
      {"BF16", 32},   {"MXFP4_MOE", 38}, {"Q2_K_S", 21}, {"IQ1_S", 24},   {"IQ1_M", 31},  {"IQ2_XXS", 19},
      {"IQ2_XS", 20}, {"IQ2_S", 28},     {"IQ2_M", 29},  {"IQ3_XXS", 23}, {"IQ3_XS", 22}, {"IQ3_S", 26},
      {"IQ3_M", 27},  {"TQ1_0", 36},     {"TQ2_0", 37}};
  EXPECT_EQ(std::ssize(numbers), kFileTypeCount);
  for (const auto& [name, number] : numbers) {
    const auto type = file_type_named(name);
    ASSERT_TRUE(type) << name;
    EXPECT_EQ(name_of(*type), name);
    EXPECT_EQ(gguf_number(*type), number) << name;
    EXPECT_NE(file_type_names().find(name), std::string::npos);
  }
  EXPECT_EQ(file_type_named("q4_k_m"), FileType::kQ4_K_M);
  EXPECT_EQ(file_type_named("mxfp4"), FileType::kMXFP4_MOE);
  EXPECT_FALSE(file_type_named("Q4_K"));
}

TEST(FileType, NormsRoutersAndBiasesAreF32) {
  const auto m = model(32, 32, 8, 128);
  for (int t = 0; t < kFileTypeCount; ++t) {
    const auto type = static_cast<FileType>(t);
    EXPECT_EQ(of(type, m, TensorRole::kAttentionNorm, 3), Format::kF32);
    EXPECT_EQ(of(type, m, TensorRole::kQueryNorm, 3), Format::kF32);
    EXPECT_EQ(of(type, m, TensorRole::kRouter, 3), Format::kF32);
    EXPECT_EQ(of(type, m, TensorRole::kRopeFrequencies), Format::kF32);
    EXPECT_EQ(format_of_tensor(type, m, {TensorRole::kQuery, 3, -1, true}, 4096), Format::kF32);
  }
}

TEST(FileType, Q4_K_M_Of32Layers) {  // as in the published files of Llama 3 8B
  const auto m = model(32, 32, 8);
  const std::vector<int> more = {0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 28, 29, 30, 31};
  for (int layer = 0; layer < 32; ++layer) {
    const bool six = std::find(more.begin(), more.end(), layer) != more.end();
    EXPECT_EQ(of(FileType::kQ4_K_M, m, TensorRole::kValue, layer), six ? Format::kQ6_K : Format::kQ4_K)
        << layer;
    EXPECT_EQ(of(FileType::kQ4_K_M, m, TensorRole::kDown, layer), six ? Format::kQ6_K : Format::kQ4_K)
        << layer;
    EXPECT_EQ(of(FileType::kQ4_K_M, m, TensorRole::kQuery, layer), Format::kQ4_K);
    EXPECT_EQ(of(FileType::kQ4_K_M, m, TensorRole::kAttentionOut, layer), Format::kQ4_K);
  }
  EXPECT_EQ(of(FileType::kQ4_K_M, m, TensorRole::kHead), Format::kQ6_K);
  EXPECT_EQ(of(FileType::kQ4_K_M, m, TensorRole::kEmbedding), Format::kQ4_K);
}

TEST(FileType, ATiedEmbeddingIsTheHead) {
  auto m = model(28, 16, 8);
  m.tied_head = true;
  EXPECT_EQ(of(FileType::kQ4_K_M, m, TensorRole::kEmbedding), Format::kQ6_K);
  EXPECT_EQ(of(FileType::kQ8_0, m, TensorRole::kEmbedding), Format::kQ8_0);
  EXPECT_EQ(of(FileType::kBF16, m, TensorRole::kEmbedding), Format::kBF16);
}

TEST(FileType, OtherMixtures) {
  const auto m = model(32, 32, 8);
  EXPECT_EQ(of(FileType::kQ2_K, m, TensorRole::kValue, 5), Format::kQ4_K);
  EXPECT_EQ(of(FileType::kQ2_K, model(32, 32, 32), TensorRole::kValue, 5), Format::kQ3_K);
  EXPECT_EQ(of(FileType::kQ2_K, m, TensorRole::kDown, 5), Format::kQ3_K);
  EXPECT_EQ(of(FileType::kQ3_K_M, m, TensorRole::kValue, 1), Format::kQ5_K);
  EXPECT_EQ(of(FileType::kQ3_K_M, m, TensorRole::kValue, 2), Format::kQ4_K);
  EXPECT_EQ(of(FileType::kQ3_K_M, m, TensorRole::kDown, 1), Format::kQ5_K);
  EXPECT_EQ(of(FileType::kQ3_K_M, m, TensorRole::kDown, 2), Format::kQ4_K);
  EXPECT_EQ(of(FileType::kQ3_K_S, m, TensorRole::kDown, 2), Format::kQ3_K);
  EXPECT_EQ(of(FileType::kQ3_K_L, m, TensorRole::kAttentionOut, 2), Format::kQ5_K);
  EXPECT_EQ(of(FileType::kQ4_K_S, m, TensorRole::kValue, 3), Format::kQ5_K);
  EXPECT_EQ(of(FileType::kQ4_K_S, m, TensorRole::kDown, 4), Format::kQ4_K);
  EXPECT_EQ(of(FileType::kIQ4_XS, m, TensorRole::kDown, 3), Format::kQ5_K);
  EXPECT_EQ(of(FileType::kIQ4_XS, m, TensorRole::kValue, 20), Format::kQ5_K);
  EXPECT_EQ(of(FileType::kQ6_K, m, TensorRole::kValue, 20), Format::kQ6_K);
  EXPECT_EQ(of(FileType::kQ4_K_M, model(32, 32, 8, 8), TensorRole::kValue, 20), Format::kQ8_0);
  EXPECT_EQ(of(FileType::kQ4_K_M, model(80, 64, 8), TensorRole::kValue, 11), Format::kQ5_K);
}

TEST(FileType, BelowThreeBits) {
  const auto m = model(32, 32, 8);
  EXPECT_EQ(of(FileType::kIQ2_XXS, m, TensorRole::kHead), Format::kQ5_K);
  EXPECT_EQ(of(FileType::kIQ2_XXS, m, TensorRole::kEmbedding), Format::kQ2_K);
  EXPECT_EQ(of(FileType::kIQ2_XXS, m, TensorRole::kValue, 20), Format::kQ4_K);
  EXPECT_EQ(of(FileType::kIQ2_XXS, m, TensorRole::kDown, 3), Format::kQ2_K);
  EXPECT_EQ(of(FileType::kIQ2_XXS, m, TensorRole::kDown, 4), Format::kIQ2_XXS);
  EXPECT_EQ(of(FileType::kIQ2_XXS, m, TensorRole::kAttentionOut, 4), Format::kIQ2_XXS);
  EXPECT_EQ(of(FileType::kIQ2_S, m, TensorRole::kGate, 4), Format::kIQ2_XS);
  EXPECT_EQ(of(FileType::kIQ2_M, m, TensorRole::kGate, 4), Format::kIQ2_S);
  EXPECT_EQ(of(FileType::kIQ2_M, m, TensorRole::kEmbedding), Format::kIQ3_S);
  EXPECT_EQ(of(FileType::kIQ2_M, model(32, 32, 32), TensorRole::kValue, 20), Format::kIQ3_S);
  EXPECT_EQ(of(FileType::kIQ2_M, m, TensorRole::kDown, 3), Format::kIQ3_S);
  EXPECT_EQ(of(FileType::kIQ2_M, m, TensorRole::kAttentionOut, 3), Format::kIQ3_S);
  EXPECT_EQ(of(FileType::kIQ1_S, m, TensorRole::kAttentionOut, 3), Format::kIQ2_XXS);
  EXPECT_EQ(of(FileType::kIQ1_M, m, TensorRole::kUp, 3), Format::kIQ1_M);
  EXPECT_EQ(of(FileType::kIQ1_M, model(32, 32, 8, 8), TensorRole::kAttentionOut, 3), Format::kQ5_K);
}

TEST(FileType, AboutThreeBits) {
  const auto m = model(32, 32, 8);
  EXPECT_EQ(of(FileType::kIQ3_XXS, m, TensorRole::kHead), Format::kQ5_K);
  EXPECT_EQ(of(FileType::kIQ3_XXS, m, TensorRole::kQuery, 4), Format::kIQ2_S);
  EXPECT_EQ(of(FileType::kIQ3_XXS, m, TensorRole::kDown, 3), Format::kQ4_K);
  EXPECT_EQ(of(FileType::kIQ3_XXS, m, TensorRole::kDown, 4), Format::kQ3_K);
  EXPECT_EQ(of(FileType::kIQ3_XXS, m, TensorRole::kUp, 4), Format::kIQ3_XXS);
  EXPECT_EQ(of(FileType::kIQ3_XS, m, TensorRole::kUp, 3), Format::kIQ3_S);
  EXPECT_EQ(of(FileType::kIQ3_XS, m, TensorRole::kUp, 4), Format::kIQ3_XXS);
  EXPECT_EQ(of(FileType::kIQ3_XS, m, TensorRole::kKey, 4), Format::kIQ3_XXS);
  EXPECT_EQ(of(FileType::kIQ3_M, m, TensorRole::kHead), Format::kQ6_K);
  EXPECT_EQ(of(FileType::kIQ3_M, m, TensorRole::kValue, 20), Format::kQ4_K);
  EXPECT_EQ(of(FileType::kIQ3_M, m, TensorRole::kAttentionOut, 20), Format::kQ4_K);
  EXPECT_EQ(of(FileType::kIQ3_S, m, TensorRole::kQuery, 20), Format::kIQ3_S);
  EXPECT_EQ(of(FileType::kQ2_K_S, m, TensorRole::kDown, 3), Format::kQ4_K);
  EXPECT_EQ(of(FileType::kTQ1_0, m, TensorRole::kEmbedding), Format::kQ4_K);
  EXPECT_EQ(of(FileType::kTQ2_0, m, TensorRole::kDown, 0), Format::kTQ2_0);
}

TEST(FileType, Mxfp4IsForExperts) {
  const auto m = model(48, 32, 4, 128);
  EXPECT_EQ(of(FileType::kMXFP4_MOE, m, TensorRole::kExpertGate, 1), Format::kMXFP4);
  EXPECT_EQ(of(FileType::kMXFP4_MOE, m, TensorRole::kQuery, 1), Format::kQ8_0);
  EXPECT_EQ(of(FileType::kMXFP4_MOE, m, TensorRole::kHead), Format::kQ8_0);
}

TEST(FileType, RowsThatAreNoWholeBlocks) {
  const auto m = model(32, 14, 2);
  EXPECT_EQ(of(FileType::kQ4_K_M, m, TensorRole::kQuery, 5, 896), Format::kQ5_0);  // 896 = 3.5 × 256
  EXPECT_EQ(of(FileType::kQ4_K_M, m, TensorRole::kValue, 0, 896), Format::kQ8_0);  // instead of Q6_K
  EXPECT_EQ(of(FileType::kQ5_K_S, m, TensorRole::kQuery, 5, 896), Format::kQ5_1);
  EXPECT_EQ(of(FileType::kQ2_K, m, TensorRole::kQuery, 5, 896), Format::kQ4_0);
  EXPECT_EQ(of(FileType::kIQ4_XS, m, TensorRole::kQuery, 5, 896), Format::kIQ4_NL);
  EXPECT_EQ(of(FileType::kIQ1_M, m, TensorRole::kQuery, 5, 896), Format::kIQ4_NL);
  EXPECT_EQ(of(FileType::kTQ1_0, m, TensorRole::kQuery, 5, 896), Format::kQ4_0);
  EXPECT_EQ(of(FileType::kQ4_K_M, m, TensorRole::kHead, -1, 896), Format::kQ8_0);
  EXPECT_EQ(of(FileType::kQ4_K_M, m, TensorRole::kQuery, 5, 100), Format::kF16);
  EXPECT_EQ(of(FileType::kQ8_0, m, TensorRole::kQuery, 5, 100), Format::kF16);
  EXPECT_EQ(of(FileType::kBF16, m, TensorRole::kQuery, 5, 100), Format::kBF16);
}

}  // namespace
}  // namespace ferrum
