// The oracle itself, on cases small enough to be worked out by hand or by a formula that is not its own: what
// is done to each row, and products.
#include "reference_fixture.h"

#include <cmath>

namespace ferrum::test {
namespace {

TEST_F(Reference, Embed) {
  const Tensor out = bench_.tensor(DType::kF32, 3, 2);
  backend_.embed(out, weight({1, 2, 3, 4, 5, 6}, 3), bench_.integers({2, 0, 2}, 3));
  expect_near(out, {5, 6, 1, 2, 5, 6});
}

TEST_F(Reference, RmsNorm) {
  const Tensor out = bench_.tensor(DType::kF32, 1, 2);
  // mean square of (3, 4) with eps 3.5: 16; 3/4 and 4/4, times the weights
  backend_.norm(out, bench_.floats({3, 4}, 1),
                {.kind = Norm::Kind::kRms, .weight = bench_.floats({2, -1}, 1), .eps = 3.5f});
  expect_near(out, {1.5f, -1});
}

TEST_F(Reference, AddNorm) {
  const Tensor out = bench_.tensor(DType::kF32, 1, 2);
  const Tensor residual = bench_.floats({1, 1}, 1);
  backend_.add_norm(out, residual, bench_.floats({4, 6}, 1), 0.5f,
                    {.kind = Norm::Kind::kRms, .weight = bench_.floats({1, 1}, 1), .eps = 3.5f});
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

TEST_F(Reference, GatedSilu) {
  const Tensor out = bench_.tensor(DType::kF32, 1, 2);
  // gates 0 and ln 3, whose sigmoid is 3/4; ups 5 and 2
  const float ln3 = std::log(3.0f);
  backend_.expand(out, bench_.floats({1}, 1), weight({0, ln3, 5, 2}, 4), {});
  expect_near(out, {0, ln3 * 0.75f * 2});
}

TEST_F(Reference, LayerNorm) {
  // mean 2, variance 1, with eps 3: (x − 2) / 2
  const Tensor x = bench_.floats({1, 3}, 1);
  const Tensor out = bench_.tensor(DType::kF32, 1, 2);
  Norm norm = {.kind = Norm::Kind::kLayer, .eps = 3};
  backend_.norm(out, x, norm);
  expect_near(out, {-0.5f, 0.5f});
  norm.weight = bench_.floats({2, 4}, 1);
  norm.bias = bench_.floats({1, -1}, 1);
  backend_.norm(out, x, norm);
  expect_near(out, {0, 1});
}

TEST_F(Reference, NormsWithoutWeightOrAtAll) {
  const Tensor x = bench_.floats({3, 4}, 1);
  const Tensor out = bench_.tensor(DType::kF32, 1, 2);
  backend_.norm(out, x, {.kind = Norm::Kind::kRms, .eps = 3.5f});
  expect_near(out, {0.75f, 1});
  backend_.add_norm(out, x, bench_.floats({1, 2}, 1), 3, {});
  expect_near(out, {6, 10});
  expect_near(x, {6, 10});
}

TEST_F(Reference, AddAndScale) {
  const Tensor x = bench_.floats({1, 2}, 1);
  backend_.add(x, bench_.floats({3, 4}, 1), -2);
  expect_near(x, {-5, -6});
  backend_.scale(x, 3, 0);
  expect_near(x, {-15, -18});
  const float ln2 = std::log(2.0f);
  const Tensor capped = bench_.floats({2 * ln2, -2 * ln2, 1000}, 1);
  backend_.scale(capped, 5, 10);  // tanh(ln 2) = 0.6
  expect_near(capped, {6, -6, 10});
}

TEST_F(Reference, GatesOfElementsAndOfRuns) {
  const float ln3 = std::log(3.0f);  // whose sigmoid is 3/4
  const Tensor x = bench_.floats({4, 8, 2, 6}, 1);
  backend_.apply_gate(x, bench_.floats({ln3, 0}, 1), GateKind::kSigmoid);
  expect_near(x, {3, 6, 1, 3});
  backend_.apply_gate(x, bench_.floats({0, -ln3, ln3, 0}, 1), GateKind::kSigmoid);
  expect_near(x, {1.5f, 1.5f, 0.75f, 1.5f});
  const Tensor y = bench_.floats({2, 3}, 1);
  backend_.apply_gate(y, bench_.floats({0, std::log(2.718281828f - 1)}, 1), GateKind::kSoftplus);
  expect_near(y, {2 * std::log(2.0f), 3});
}

TEST_F(Reference, ActivationsWithoutAGate) {
  const float ln2 = std::log(2.0f);
  const float ln3 = std::log(3.0f);
  const auto expect = [&](const Activation& a, float x, float expected) {
    const Tensor out = bench_.tensor(DType::kF32, 1, 1);
    backend_.expand(out, bench_.floats({x}, 1), weight({1}, 1), a);
    expect_near(out, {expected});
  };
  using Kind = Activation::Kind;
  expect({.kind = Kind::kSilu, .gated = false}, ln3, 0.75f * ln3);
  expect({.kind = Kind::kScaledSilu, .gated = false, .alpha = 0.5f}, 2 * ln3, 0.75f * ln3);
  expect({.kind = Kind::kGelu, .gated = false}, 1, 0.8413447f);  // Φ(1)
  expect({.kind = Kind::kGelu, .gated = false}, -2, -2 * 0.0227501f);
  expect({.kind = Kind::kGeluTanh, .gated = false}, 1, 0.8411920f);
  expect({.kind = Kind::kGeluTanh, .gated = false}, -1, -0.1588080f);
  expect({.kind = Kind::kReluSquared, .gated = false}, 3, 9);
  expect({.kind = Kind::kReluSquared, .gated = false}, -2, 0);
  Activation xielu = {
      .kind = Kind::kXielu, .gated = false, .limit = -1e-6f, .positive = 2, .negative = 3, .beta = 0.5f};
  expect(xielu, 2, 9);                                  // 2 · 4 + 0.5 · 2
  expect(xielu, -ln2, 3 * (-0.5f + ln2) - 0.5f * ln2);  // e^−ln 2 − 1 = −1/2
  xielu.limit = -ln2;
  expect(xielu, -0.1f, 3 * (-0.5f + 0.1f) - 0.5f * 0.1f);
}

TEST_F(Reference, ActivationsOfAGateWithBiases) {
  // Gates 1 + 2 and 1 − 3, ups 5 and 2 + 2.
  const Tensor out = bench_.tensor(DType::kF32, 1, 2);
  backend_.expand(out, bench_.floats({1}, 1), weight({1, 1, 5, 2}, 4, {2, -3, 0, 2}),
                  {.kind = Activation::Kind::kReluSquared});
  expect_near(out, {45, 0});
}

TEST_F(Reference, ClampedSilu) {
  const float ln3 = std::log(3.0f);
  const Activation clamped = {
      .kind = Activation::Kind::kClampedSilu, .limit = 7, .alpha = ln3 / 7};  // σ(alpha · 7) = 3/4
  const Tensor out = bench_.tensor(DType::kF32, 1, 3);
  // g is at most 7 and may be as low as it likes, u is in ± 7.
  backend_.expand(out, bench_.floats({1}, 1), weight({9, 7, -14, -10, 3, 8}, 6), clamped);
  expect_near(out, {7 * 0.75f * -6, 7 * 0.75f * 4, -14 * 0.1f * 8});
}

TEST_F(Reference, LimitedSilu) {
  const float ln3 = std::log(3.0f);  // σ = 3/4
  const Activation limited = {.kind = Activation::Kind::kSilu, .limit = 2};
  const Tensor out = bench_.tensor(DType::kF32, 1, 4);
  backend_.expand(out, bench_.floats({1}, 1), weight({9, ln3, -ln3, ln3, 1, 3, 1, -5}, 8), limited);
  expect_near(out, {2, 1.5f * ln3, -0.25f * ln3, -1.5f * ln3});
}

// One head of one column. With dt + bias = ln(e − 1) a step is 1 long, and half of the memory is kept.
TEST_F(Reference, StateSpace) {
  const float e = std::exp(1.0f);
  const float ln3 = std::log(3.0f);
  Step step;
  step.shape = {.tokens = 2, .sequences = 1, .outputs = 0};
  step.query_start = bench_.integers({0, 2}, 2);
  step.state_slots = bench_.integers({0, 1}, 1);
  StateSpace space = {.heads = 1, .head_dim = 1, .groups = 1, .state_dim = 1};
  space.decay = bench_.floats({-std::log(2.0f)}, 1);
  space.step_bias = bench_.floats({0.25f}, 1);
  space.skip = bench_.floats({1.5f}, 1);
  const float dt = std::log(e - 1) - 0.25f;
  const StateLayer state = {{}, bench_.floats({4, 0}, 2)};
  const Tensor out = bench_.tensor(DType::kF32, 2, 1);
  // z, x, B, C, dt. The memory becomes 4/2 + 3 · 2 = 8, then 8/2 + 1 · 2 = 6.
  backend_.state_space(out, bench_.floats({ln3, 2, 3, 0.5f, dt, -ln3, 2, 1, -1, dt}, 2), state, step, space);
  expect_near(out, {(8 * 0.5f + 3) * ln3 * 0.75f, (-6 + 3) * -ln3 * 0.25f});
  expect_near(state.memory, {4, 6});
  // A step of at least 2 keeps a quarter, of at most 1/2 what is left of a half of one.
  space.step_min = 2;
  backend_.state_space(out, bench_.floats({ln3, 2, 3, 1, dt, ln3, 0, 0, 0, dt}, 2), state, step, space);
  expect_near(state.memory, {4, (4 / 4.0f + 3 * 2 * 2) / 4});
  space.step_min = 0;
  space.step_max = 0.5f;
  backend_.state_space(out, bench_.floats({ln3, 2, 3, 1, dt, ln3, 0, 0, 0, dt}, 2), state, step, space);
  expect_near(state.memory, {4, (4 * std::sqrt(0.5f) + 3) * std::sqrt(0.5f)});
}

TEST_F(Reference, GatherRows) {
  const Tensor out = bench_.tensor(DType::kF32, 3, 2);
  backend_.gather_rows(out, bench_.floats({1, 2, 3, 4}, 2), bench_.integers({1, 0, 1}, 3));
  expect_near(out, {3, 4, 1, 2, 3, 4});
}

TEST_F(Reference, ScatterRows) {
  const Tensor to = bench_.floats({1, 2, 3, 4, 5, 6}, 3);
  backend_.scatter_rows(to, bench_.floats({7, 8, 9, 10}, 2), bench_.integers({2, 0}, 2));
  expect_near(to, {9, 10, 3, 4, 7, 8});
}

TEST_F(Reference, CopyBlocks) {
  const KvLayer kv = {
      bench_.floats({0, 1, 2, 3, 4, 5}, 3), bench_.floats({10, 11, 12, 13, 14, 15}, 6), 2, 0, {}, {}, 3};
  backend_.copy_blocks(kv, bench_.integers({2, 0}, 1));
  expect_near(kv.k, {4, 5, 2, 3, 4, 5});
  expect_near(kv.v, {14, 15, 12, 13, 14, 15});
}

}  // namespace
}  // namespace ferrum::test
