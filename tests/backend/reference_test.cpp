// The oracle itself, on cases small enough to be worked out by hand or by a formula that is not its own.
#include "backend/reference/reference_backend.h"

#include <gtest/gtest.h>

#include <cmath>
#include <list>

#include "block_step.h"

namespace ferrum::test {
namespace {

class Reference : public testing::Test {
 protected:
  std::vector<float> values(Tensor t) {
    std::vector<float> all;
    for (int r = 0; r < t.rows; ++r) all.insert(all.end(), t.at<float>(r), t.at<float>(r) + t.cols);
    return all;
  }
  void expect_near(Tensor t, const std::vector<float>& expected) {
    const std::vector<float> actual = values(t);
    ASSERT_EQ(actual.size(), expected.size());
    for (size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], expected[i], 1e-6) << "element " << i;
  }
  // A float32 weight with these elements.
  const Weight& weight(const std::vector<float>& elements, int rows, std::vector<float> bias = {},
                       int groups = 1) {
    stored_.push_back(elements);
    const std::vector<float>& kept = stored_.back();
    WeightSource source;
    source.groups = groups;
    source.parts = {{{"w",
                      Format::kF32,
                      {rows * groups, static_cast<int>(kept.size()) / (rows * groups)},
                      std::as_bytes(std::span(kept))}}};
    source.bias = std::move(bias);
    weights_.push_back(backend_.pack(source));
    return *weights_.back();
  }

  ReferenceBackend backend_;
  Bench bench_{backend_};
  std::list<std::vector<float>> stored_;
  std::vector<std::unique_ptr<Weight>> weights_;
};

TEST_F(Reference, Embed) {
  const Tensor out = bench_.tensor(DType::kF32, 3, 2);
  backend_.embed(out, weight({1, 2, 3, 4, 5, 6}, 3), bench_.integers({2, 0, 2}, 3));
  expect_near(out, {5, 6, 1, 2, 5, 6});
}

TEST_F(Reference, RmsNorm) {
  const Tensor out = bench_.tensor(DType::kF32, 1, 2);
  // mean square of (3, 4) with eps 3.5: 16; 3/4 and 4/4, times the weights
  backend_.rms_norm(out, bench_.floats({3, 4}, 1), bench_.floats({2, -1}, 1), 3.5f);
  expect_near(out, {1.5f, -1});
}

TEST_F(Reference, AddRmsNorm) {
  const Tensor out = bench_.tensor(DType::kF32, 1, 2);
  const Tensor residual = bench_.floats({1, 1}, 1);
  backend_.add_rms_norm(out, residual, bench_.floats({2, 3}, 1), bench_.floats({1, 1}, 1), 3.5f);
  expect_near(residual, {3, 4});
  expect_near(out, {0.75f, 1});
}

TEST_F(Reference, LinearWithBias) {
  const Tensor out = bench_.tensor(DType::kF32, 2, 2);
  backend_.linear(out, bench_.floats({1, 2, 3, 0, 1, 0}, 2), weight({1, 0, -1, 2, 2, 2}, 2, {10, 20}));
  expect_near(out, {8, 32, 10, 22});
}

TEST_F(Reference, LinearOfStackedParts) {
  const std::vector<float> top = {1, 2};
  const std::vector<float> bottom = {3, 4, 5, 6};
  WeightSource source;
  source.parts = {{{"top", Format::kF32, {1, 2}, std::as_bytes(std::span(top))}},
                  {{"bottom", Format::kF32, {2, 2}, std::as_bytes(std::span(bottom))}}};
  const auto w = backend_.pack(source);
  const Tensor out = bench_.tensor(DType::kF32, 1, 3);
  backend_.linear(out, bench_.floats({1, 10}, 1), *w);
  expect_near(out, {21, 43, 65});
}

TEST_F(Reference, Swiglu) {
  const Tensor out = bench_.tensor(DType::kF32, 1, 2);
  // gates 0 and ln 3, whose sigmoid is 3/4; ups 5 and 2
  const float ln3 = std::log(3.0f);
  backend_.swiglu(out, bench_.floats({1}, 1), weight({0, ln3, 5, 2}, 4));
  expect_near(out, {0, ln3 * 0.75f * 2});
}

TEST_F(Reference, GatherRows) {
  const Tensor out = bench_.tensor(DType::kF32, 3, 2);
  backend_.gather_rows(out, bench_.floats({1, 2, 3, 4}, 2), bench_.integers({1, 0, 1}, 3));
  expect_near(out, {3, 4, 1, 2, 3, 4});
}

TEST_F(Reference, CopyBlocks) {
  const KvLayer kv = {bench_.floats({0, 1, 2, 3, 4, 5}, 3), bench_.floats({10, 11, 12, 13, 14, 15}, 6), 2};
  backend_.copy_blocks(kv, bench_.integers({2, 0}, 1));
  expect_near(kv.k, {4, 5, 2, 3, 4, 5});
  expect_near(kv.v, {14, 15, 12, 13, 14, 15});
}

TEST_F(Reference, RouteTakesTheLargestAndOfEqualOnesTheLowerId) {
  const Routing out = {bench_.tensor(DType::kI32, 1, 2), bench_.tensor(DType::kF32, 1, 2)};
  const float ln2 = std::log(2.0f);
  const Tensor logits = bench_.floats({0, ln2, 0, ln2}, 1);  // probabilities 1/6 1/3 1/6 1/3
  backend_.route(out, logits, {2, false});
  EXPECT_EQ(*out.expert_ids.at<int32_t>(0, 0), 1);
  EXPECT_EQ(*out.expert_ids.at<int32_t>(0, 1), 3);
  expect_near(out.weights, {1.0f / 3, 1.0f / 3});
  backend_.route(out, logits, {2, true});
  expect_near(out.weights, {0.5f, 0.5f});
}

TEST_F(Reference, Experts) {
  // Width 1: expert e has gate g, up u, down d. silu(ln 3) = 3/4 ln 3.
  const float ln3 = std::log(3.0f);
  const Weight& gate_up = weight({ln3, 1, ln3, 2}, 2, {}, 2);
  const Weight& down = weight({10, 100}, 1, {}, 2);
  const Routing routing = {bench_.integers({1, 0}, 1), bench_.floats({0.5f, 2}, 1)};
  const Tensor out = bench_.tensor(DType::kF32, 1, 1);
  backend_.experts(out, bench_.floats({1}, 1), routing, gate_up, down);
  const float silu = 0.75f * ln3;
  ASSERT_EQ(out.rows, 1);
  EXPECT_NEAR(*out.at<float>(0), 0.5f * 100 * silu * 2 + 2 * 10 * silu * 1, 1e-4);
}

AttentionLayer layer_of(HeadShape heads, Tensor cos_sin, RopePairing pairing) {
  AttentionLayer layer;
  layer.heads = heads;
  layer.rope = {cos_sin, pairing};
  layer.norm_eps = 0;
  layer.scale = 1;
  return layer;
}

TEST_F(Reference, RotationOfBothPairingsAndTheSlots) {
  // A quarter turn of the first pair, none of the second: (a, b) -> (−b, a). Position 1 is used.
  const Tensor cos_sin = bench_.floats({1, 1, 0, 0, 0, 1, 1, 0}, 2);
  for (const RopePairing pairing : {RopePairing::kHalves, RopePairing::kNeighbours}) {
    const Tensor qkv = bench_.floats({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 1);
    const KvLayer kv = {bench_.tensor(DType::kF32, 2, 8), bench_.tensor(DType::kF32, 4, 4), 2};
    const Step step = make_step(bench_, 2, {{1, 1, {1}}});
    backend_.rope_and_store(qkv, kv, step, layer_of({1, 1, 4}, cos_sin, pairing));
    if (pairing == RopePairing::kHalves) {
      expect_near(qkv, {-3, 2, 1, 4, -7, 6, 5, 8, 9, 10, 11, 12});
      expect_near(kv.k.row(1), {0, -7, 0, 6, 0, 5, 0, 8});
    } else {
      expect_near(qkv, {-2, 1, 3, 4, -6, 5, 7, 8, 9, 10, 11, 12});
      expect_near(kv.k.row(1), {0, -6, 0, 5, 0, 7, 0, 8});
    }
    expect_near(kv.v.row(3), {9, 10, 11, 12});
    expect_near(kv.k.row(0), std::vector<float>(8));
  }
}

TEST_F(Reference, HeadsAreNormalisedBeforeTheyRotateAndOnlyPartlyRotated) {
  const Tensor cos_sin = bench_.floats({0, 1}, 1);  // a quarter turn of the first two elements
  const Tensor qkv = bench_.floats({2, 2, 2, 2, 3, 3, 3, 3, 7, 7, 7, 7}, 1);
  const KvLayer kv = {bench_.tensor(DType::kF32, 1, 4), bench_.tensor(DType::kF32, 1, 4), 1};
  AttentionLayer layer = layer_of({1, 1, 4}, cos_sin, RopePairing::kHalves);
  layer.q_norm = bench_.floats({1, 2, 3, 4}, 1);
  layer.k_norm = bench_.floats({5, 6, 7, 8}, 1);
  backend_.rope_and_store(qkv, kv, make_step(bench_, 1, {{0, 1, {0}}}), layer);
  expect_near(qkv, {-2, 1, 3, 4, -6, 5, 7, 8, 7, 7, 7, 7});
}

TEST_F(Reference, AttentionIsCausalAndWeighsBySoftmax) {
  // One head of two elements; keys' first element makes the score, values' first element the result.
  const float ln3 = std::log(3.0f);
  const KvLayer kv = {bench_.floats({0, ln3, 0, 0, 0, 50, 0, 0}, 2),
                      bench_.floats({4, 0, 8, 0, 12, 0, 99, 0}, 4), 2};
  const Tensor qkv = bench_.floats({1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0}, 2);
  const Tensor out = bench_.tensor(DType::kF32, 2, 2);
  AttentionLayer layer = layer_of({1, 1, 2}, {}, RopePairing::kHalves);
  const Step step = make_step(bench_, 2, {{1, 2, {0, 1}}});
  backend_.attend(out, qkv, kv, step, layer);
  // position 1 sees 0 and 1 with weights 1:3; position 2 sees 0, 1, 2 with 1:3:1; nobody sees position 3
  expect_near(out, {7, 0, 8, 0});
  layer.window = 2;
  backend_.attend(out, qkv, kv, step, layer);
  expect_near(out, {7, 0, 9, 0});  // position 2 sees 1 and 2 with 3:1
}

TEST_F(Reference, QueryHeadsShareTheirKeysInOrder) {
  // Two kv heads whose only value is 1 and 2; four q heads.
  const KvLayer kv = {bench_.floats({0, 0, 0, 0}, 1), bench_.floats({1, 1, 2, 2}, 1), 1};
  const Tensor qkv = bench_.floats(std::vector<float>(16, 1), 1);
  const Tensor out = bench_.tensor(DType::kF32, 1, 8);
  backend_.attend(out, qkv, kv, make_step(bench_, 1, {{0, 1, {0}}}),
                  layer_of({4, 2, 2}, {}, RopePairing::kHalves));
  expect_near(out, {1, 1, 1, 1, 2, 2, 2, 2});
}

}  // namespace
}  // namespace ferrum::test
