// Rotation, the KV cache and attention in the oracle.
#include "reference_fixture.h"

#include <cmath>

namespace ferrum::test {
namespace {

AttentionLayer layer_of(HeadShape heads, Tensor cos_sin, RopePairing pairing) {
  AttentionLayer layer;
  layer.heads = heads;
  layer.rope = {cos_sin, pairing};
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
  layer.q_norm = {.kind = Norm::Kind::kRms, .weight = bench_.floats({1, 2, 3, 4}, 1)};
  layer.k_norm = {.kind = Norm::Kind::kRms, .weight = bench_.floats({5, 6, 7, 8}, 1)};
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
  // position 1 sees 0 and 1 with weights 1:3; position 2 sees 0, 1, 2 with 1:3:1; no row sees position 3
  expect_near(out, {7, 0, 8, 0});
  layer.window = 2;
  backend_.attend(out, qkv, kv, step, layer);
  expect_near(out, {7, 0, 9, 0});  // position 2 sees 1 and 2 with 3:1
}

TEST_F(Reference, ATokenSeesItsOwnChunkUpToItself) {
  // All scores are 0, so that a result is the mean of the values that are seen.
  const KvLayer kv = {bench_.floats(std::vector<float>(8), 1),
                      bench_.floats({1, 2, 4, 8, 16, 32, 64, 128}, 8), 8};
  const Tensor qkv = bench_.floats(std::vector<float>(3 * 7), 7);
  const Tensor out = bench_.tensor(DType::kF32, 7, 1);
  AttentionLayer layer = layer_of({1, 1, 1}, {}, RopePairing::kHalves);
  layer.window = 3;
  layer.chunked = true;
  backend_.attend(out, qkv, kv, make_step(bench_, 8, {{0, 7, {0}}}), layer);
  expect_near(out, {1, 1.5f, 7.0f / 3, 8, 12, 56.0f / 3, 64});
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

TEST_F(Reference, NormsOfAllHeadsTogether) {
  // q (1, 1), (7, 7): r.m.s. 5; k 3 everywhere.
  const Tensor qkv = bench_.floats({1, 1, 7, 7, 3, 3, 3, 3, 9, 9, 9, 9}, 1);
  const KvLayer kv = {bench_.tensor(DType::kF32, 1, 4), bench_.tensor(DType::kF32, 1, 4), 1};
  AttentionLayer layer = layer_of({2, 2, 2}, {}, RopePairing::kHalves);
  layer.q_norm = {.kind = Norm::Kind::kRms, .weight = bench_.floats({1, 2, 3, 4}, 1)};
  layer.k_norm = {.kind = Norm::Kind::kRms, .weight = bench_.floats({5, 6, 7, 8}, 1)};
  backend_.rope_and_store(qkv, kv, make_step(bench_, 1, {{0, 1, {0}}}), layer);
  expect_near(qkv, {0.2f, 0.4f, 4.2f, 5.6f, 5, 6, 7, 8, 9, 9, 9, 9});
  expect_near(kv.k, {5, 6, 7, 8});
}

TEST_F(Reference, NormsAfterTheRotationAndClippedValues) {
  const Tensor cos_sin = bench_.floats({0, 1}, 1);  // a quarter turn of the first two elements
  const Tensor qkv = bench_.floats({2, 2, 2, 2, 3, 3, 3, 3, 7, -7, 1, 7}, 1);
  const KvLayer kv = {bench_.tensor(DType::kF32, 1, 4), bench_.tensor(DType::kF32, 1, 4), 1};
  AttentionLayer layer = layer_of({1, 1, 4}, cos_sin, RopePairing::kHalves);
  layer.clip = 2;
  layer.norm_last = true;
  layer.q_norm = {.kind = Norm::Kind::kRms, .weight = bench_.floats({1, 2, 3, 4}, 1)};
  backend_.rope_and_store(qkv, kv, make_step(bench_, 1, {{0, 1, {0}}}), layer);
  expect_near(qkv, {-1, 2, 3, 4, -2, 2, 2, 2, 2, -2, 1, 2});
  expect_near(kv.k, {-2, 2, 2, 2});
  expect_near(kv.v, {2, -2, 1, 2});
}

TEST_F(Reference, ClippedAfterTheNormsThatComeFirst) {
  const Tensor qkv = bench_.floats({3, 3, 4, 4, 9, -9}, 1);
  const KvLayer kv = {bench_.tensor(DType::kF32, 1, 2), bench_.tensor(DType::kF32, 1, 2), 1};
  AttentionLayer layer = layer_of({1, 1, 2}, {}, RopePairing::kHalves);
  layer.clip = 2;
  layer.q_norm = {.kind = Norm::Kind::kRms, .weight = bench_.floats({1, 3}, 1)};
  layer.k_norm = {.kind = Norm::Kind::kRms, .weight = bench_.floats({0.5f, 1}, 1)};
  backend_.rope_and_store(qkv, kv, make_step(bench_, 1, {{0, 1, {0}}}), layer);
  expect_near(qkv.columns(0, 2), {1, 2});
  expect_near(kv.k, {0.5f, 1});
  expect_near(kv.v, {2, -2});
}

TEST_F(Reference, TemperatureByPosition) {
  AttentionLayer layer = layer_of({1, 1, 2}, {}, RopePairing::kHalves);
  layer.temperature = {.beta = 2, .length = 4, .offset = 1};
  const KvLayer kv = {bench_.tensor(DType::kF32, 4, 8), bench_.tensor(DType::kF32, 16, 2), 4};
  const Tensor qkv = bench_.floats(std::vector<float>(18, 1), 3);
  backend_.rope_and_store(qkv, kv, make_step(bench_, 4, {{2, 2, {0, 1}}, {7, 1, {2, 3}}}), layer);
  // ⌊(position + 1) / 4⌋ + 1 is 1 at position 2, 2 at 3, 3 at 7
  const float at3 = 1 + 2 * std::log(2.0f);
  const float at7 = 1 + 2 * std::log(3.0f);
  expect_near(qkv, {1, 1, 1, 1, 1, 1, at3, at3, 1, 1, 1, 1, at7, at7, 1, 1, 1, 1});
  expect_near(kv.k.row(0), {0, 0, 1, 1, 0, 0, 1, 1});
}

TEST_F(Reference, KeysAndValuesOfAnotherLayer) {
  const KvLayer kv = {bench_.floats({0, 0}, 1), bench_.floats({5, 6}, 1), 1};
  AttentionLayer layer = layer_of({2, 1, 2}, {}, RopePairing::kHalves);
  layer.shares_kv = true;
  layer.clip = 1;
  const Tensor q = bench_.floats({9, 9, 9, 9}, 1);
  const Tensor out = bench_.tensor(DType::kF32, 1, 4);
  const Step step = make_step(bench_, 1, {{0, 1, {0}}});
  backend_.rope_and_store(q, kv, step, layer);
  backend_.attend(out, q, kv, step, layer);
  expect_near(q, {1, 1, 1, 1});
  expect_near(kv.v, {5, 6});
  expect_near(out, {5, 6, 5, 6});
}

TEST_F(Reference, ValuesOfAnotherWidth) {
  AttentionLayer layer = layer_of({2, 1, 1, 3}, {}, RopePairing::kHalves);
  const KvLayer kv = {bench_.tensor(DType::kF32, 1, 2), bench_.tensor(DType::kF32, 2, 3), 2};
  const Tensor qkv = bench_.floats({0, 0, 9, 1, 2, 3, 0, 0, 9, 5, 6, 7}, 2);
  const Tensor out = bench_.tensor(DType::kF32, 2, 6);
  const Step step = make_step(bench_, 2, {{0, 2, {0}}});
  backend_.rope_and_store(qkv, kv, step, layer);
  expect_near(kv.k, {9, 9});
  expect_near(kv.v, {1, 2, 3, 5, 6, 7});
  layer.value_scale = 0.5f;
  backend_.attend(out, qkv, kv, step, layer);
  expect_near(out, {0.5f, 1, 1.5f, 0.5f, 1, 1.5f, 1.5f, 2, 2.5f, 1.5f, 2, 2.5f});
}

TEST_F(Reference, SinksTakeTheirShareOfEachHead) {
  const float ln3 = std::log(3.0f);
  const KvLayer kv = {bench_.floats({0, 0}, 1), bench_.floats({4, 8}, 1), 1};
  AttentionLayer layer = layer_of({3, 1, 2}, {}, RopePairing::kHalves);
  layer.sinks = bench_.floats({ln3, -200, 200}, 1);
  const Tensor out = bench_.tensor(DType::kF32, 1, 6);
  backend_.attend(out, bench_.floats(std::vector<float>(10, 1), 1), kv, make_step(bench_, 1, {{0, 1, {0}}}),
                  layer);
  expect_near(out, {1, 2, 4, 8, 0, 0});
}

// With ln 2 a value counts half for each position between it and the token, behind it as before it.
TEST_F(Reference, ScoresFallWithTheDistanceByTheSlopeOfTheHead) {
  const KvLayer kv = {bench_.floats(std::vector<float>(6, 0), 1), bench_.floats({7, 0, 14, 0, 21, 0}, 3), 3};
  AttentionLayer layer = layer_of({2, 1, 2}, {}, RopePairing::kHalves);
  layer.slopes = bench_.floats({std::log(2.0f), 0}, 1);
  const Tensor qkv = bench_.floats(std::vector<float>(24, 1), 3);
  const Tensor out = bench_.tensor(DType::kF32, 3, 4);
  const Step step = make_step(bench_, 3, {{0, 3, {0}}});
  backend_.attend(out, qkv, kv, step, layer);
  expect_near(out, {7, 0, 7, 0, 35.0f / 3, 0, 10.5f, 0, 17, 0, 14, 0});
  layer.causal = false;
  backend_.attend(out, qkv, kv, step, layer);
  expect_near(out, {11, 0, 14, 0, 14, 0, 14, 0, 17, 0, 14, 0});
}

TEST_F(Reference, ScoresAreCapped) {
  // tanh(ln 2) = 0.6, so that the second key's capped score is ln 3.
  const float cap = std::log(3.0f) / 0.6f;
  const KvLayer kv = {bench_.floats({0, cap * std::log(2.0f), 0, 0}, 1), bench_.floats({4, 0, 8, 0}, 2), 2};
  AttentionLayer layer = layer_of({1, 1, 2}, {}, RopePairing::kHalves);
  layer.soft_cap = cap;
  const Tensor out = bench_.tensor(DType::kF32, 1, 2);
  backend_.attend(out, bench_.floats({2, 0, 0, 0, 0, 0}, 1), kv, make_step(bench_, 2, {{1, 1, {0}}}), layer);
  layer.scale = 0.5f;
  backend_.attend(out, bench_.floats({2, 0, 0, 0, 0, 0}, 1), kv, make_step(bench_, 2, {{1, 1, {0}}}), layer);
  expect_near(out, {7, 0});
}

}  // namespace
}  // namespace ferrum::test
