// Keys and values of latent attention, split from the one matrix that folders and older GGUF files have.
#include "checkpoint/latent_tensors.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "checkpoint/architecture.h"
#include "support/errors.h"
#include "tensor/formats/encode.h"

namespace ferrum {
namespace {

constexpr int kHeads = 3, kPlain = 5, kValue = 4, kLatent = 64;
constexpr int64_t kRows = kHeads * (kPlain + kValue);

ModelDescription latent_model() {
  ModelDescription model;
  model.architecture = architecture_named("deepseek2");
  model.layers.resize(2);
  for (LayerDescription& layer : model.layers) {
    AttentionDescription& a = layer.attention;
    a.q_heads = kHeads;
    a.kv_heads = 1;
    a.rope_dim = 2;
    a.head_dim = kPlain + a.rope_dim;
    a.value_dim = kValue;
    a.latent = kLatent;
  }
  return model;
}

std::vector<std::byte> random_rows(Format format) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  std::vector<float> values(kRows * kLatent);
  for (float& v : values) v = normal(random);
  std::vector<std::byte> bytes(row_bytes(format, values.size()));
  formats::encode(format, values, bytes.data());
  return bytes;
}

void expect_split(Format format, Format of_keys, Naming naming, const std::string& name,
                  const std::vector<std::string>& names) {
  const std::vector<std::byte> bytes = random_rows(format);
  std::vector<HostTensor> tensors = {
      {.name = "other", .format = format, .shape = {kRows, kLatent}, .bytes = bytes},
      {.name = name, .format = format, .shape = {kRows, kLatent}, .bytes = bytes}};
  const std::vector<float> both = decoded(tensors[1]);
  split_latent(tensors, latent_model(), naming);
  ASSERT_EQ(tensors.size(), 3U);
  EXPECT_EQ(tensors[0].name, "other");
  const HostTensor& keys = tensors[1];
  const HostTensor& values = tensors[2];
  EXPECT_EQ((std::vector{keys.name, values.name}), names);
  EXPECT_EQ(keys.format, of_keys);
  EXPECT_EQ(values.format, format);
  EXPECT_EQ(keys.shape, (std::vector<int64_t>{kHeads, kLatent, kPlain}));
  EXPECT_EQ(values.shape, (std::vector<int64_t>{kHeads, kValue, kLatent}));
  const auto at = [&](int head, int row, int column) {
    return both[static_cast<size_t>((head * (kPlain + kValue) + row) * kLatent + column)];
  };
  const std::vector<float> k = decoded(keys);
  const std::vector<float> v = decoded(values);
  for (int head = 0; head < kHeads; ++head)
    for (int c = 0; c < kLatent; ++c) {
      for (int r = 0; r < kPlain; ++r)
        EXPECT_EQ(k[static_cast<size_t>((head * kLatent + c) * kPlain + r)], at(head, r, c));
      for (int r = 0; r < kValue; ++r)
        EXPECT_EQ(v[static_cast<size_t>((head * kValue + r) * kLatent + c)], at(head, kPlain + r, c));
    }
  // Rows across the end of a head are the same as one by one.
  std::vector<float> across(20 * kPlain);
  decode_rows(keys, kLatent - 9, 20, across.data());
  EXPECT_TRUE(std::equal(across.begin(), across.end(), k.begin() + (kLatent - 9) * kPlain));
}

TEST(LatentTensors, OfFoldersAndOlderFiles) {
  for (const Format format : {Format::kF32, Format::kBF16, Format::kF16})
    expect_split(
        format, format, Naming::kHuggingFace, "model.layers.1.self_attn.kv_b_proj.weight",
        {"model.layers.1.self_attn.kv_b_proj.weight[k]", "model.layers.1.self_attn.kv_b_proj.weight[v]"});
  expect_split(Format::kBF16, Format::kBF16, Naming::kGguf, "blk.1.attn_kv_b.weight",
               {"blk.1.attn_k_b.weight", "blk.1.attn_v_b.weight"});
}

TEST(LatentTensors, BlocksAreDecodedWhereTheyCannotBeTransposed) {
  expect_split(Format::kQ8_0, Format::kF32, Naming::kGguf, "blk.0.attn_kv_b.weight",
               {"blk.0.attn_k_b.weight", "blk.0.attn_v_b.weight"});
}

TEST(LatentTensors, AnotherShapeIsRefused) {
  const std::vector<std::byte> bytes = random_rows(Format::kF32);
  std::vector<HostTensor> tensors = {{.name = "blk.0.attn_kv_b.weight",
                                      .format = Format::kF32,
                                      .shape = {kRows / 3, 3 * kLatent},
                                      .bytes = bytes}};
  test::expect_error(ErrorCode::kBadConfig, {"'blk.0.attn_kv_b.weight'", "[9, 192]", "[27, 64]"},
                     [&] { split_latent(tensors, latent_model(), Naming::kGguf); });
}

}  // namespace
}  // namespace ferrum
