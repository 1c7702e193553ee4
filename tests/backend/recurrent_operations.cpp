// Layers that keep a state: sequences that begin, that go on, and that leave their state where it was or
// elsewhere.
#include <cmath>

#include "block_step.h"

namespace ferrum::test {
namespace {

// Rows of three sequences: one begins, one goes on in its slot, one from slot 1 into slot 4.
Step step_of(Bench& bench, const std::vector<int>& rows) {
  std::vector<int32_t> starts = {0};
  for (const int count : rows) starts.push_back(starts.back() + count);
  Step step;
  step.shape = {.tokens = starts.back(), .sequences = static_cast<int>(rows.size()), .outputs = 0};
  step.query_start = bench.integers(starts, static_cast<int>(starts.size()));
  const std::vector<int32_t> slots = {-1, 0, 2, 2, 1, 4};
  step.state_slots =
      bench.integers({slots.begin(), slots.begin() + std::ssize(rows) * 2}, static_cast<int>(rows.size()));
  return step;
}

constexpr int kSlots = 5;

Operation convolution(int channels, int kernel, bool has_bias, bool silu) {
  return {fmt::format("convolve/{}x{}{}{}", kernel, channels, has_bias ? "/bias" : "", silu ? "/silu" : ""),
          Agreement::kRounded, [=](Bench& bench) {
            const Step step = step_of(bench, {9, 1, 4});
            const Tensor x = bench.random(14, channels, 1, channels + 5);
            const StateLayer state = {bench.random(kSlots, (kernel - 1) * channels, 2), {}};
            const Convolution conv = {.weight = bench.random(kernel, channels, 3),
                                      .bias = has_bias ? bench.random(1, channels, 4) : Tensor{},
                                      .silu = silu};
            bench.add_output(x);
            bench.add_output(state.inputs);
            bench.set_run([&bench, x, state, step, conv] { bench.backend().convolve(x, state, step, conv); });
          }};
}

Operation delta(const DeltaRule& shape) {
  return {
      fmt::format("delta_rule/{}x{}of{}x{}{}", shape.value_heads, shape.value_dim, shape.key_heads,
                  shape.key_dim,
                  shape.by_channel ? "/by_channel"
                  : shape.tiled    ? "/tiled"
                                   : ""),
      Agreement::kRounded, [=](Bench& bench) {
        DeltaRule rule = shape;
        const Step step = step_of(bench, {11, 1, 3});
        const Tensor x = bench.random(15, rule.in_width(), 1, rule.in_width() + 3);
        const Tensor out = bench.tensor(DType::kF32, 15, rule.value_width(), rule.value_width() + 2);
        const StateLayer state = {{},
                                  bench.random(kSlots, rule.value_heads * rule.key_dim * rule.value_dim, 2)};
        std::vector<float> decay = random_floats(static_cast<size_t>(rule.value_heads), 3);
        for (float& d : decay) d = -std::exp(d);
        rule.decay = bench.floats(decay, 1);
        rule.step_bias = bench.random(1, rule.rates(), 4);
        rule.norm = {.kind = Norm::Kind::kRms, .weight = bench.random(1, rule.value_dim, 5), .eps = 1e-5f};
        bench.add_output(out);
        bench.add_output(state.memory);
        bench.set_run(
            [&bench, out, x, state, step, rule] { bench.backend().delta_rule(out, x, state, step, rule); });
      }};
}

Operation state_space(const StateSpace& shape, Norm::Kind norm = Norm::Kind::kRms) {
  return {
      fmt::format("state_space/{}x{}of{}x{}{}{}", shape.heads, shape.head_dim, shape.groups, shape.state_dim,
                  norm == Norm::Kind::kNone ? "/bare" : "", shape.norm_first ? "/norm_first" : ""),
      Agreement::kRounded, [=](Bench& bench) {
        StateSpace space = shape;
        const Step step = step_of(bench, {11, 1, 3});
        const Tensor x = bench.random(15, space.in_width(), 1, space.in_width() + 3);
        const Tensor out = bench.tensor(DType::kF32, 15, space.width(), space.width() + 2);
        const StateLayer state = {{},
                                  bench.random(kSlots, space.heads * space.state_dim * space.head_dim, 2)};
        std::vector<float> decay = random_floats(static_cast<size_t>(space.heads), 3);
        for (float& d : decay) d = -std::exp(d);
        space.decay = bench.floats(decay, 1);
        space.step_bias = bench.random(1, space.heads, 4);
        space.skip = bench.random(1, space.heads, 5);
        space.norm = {.kind = norm, .eps = 1e-5f};
        if (norm == Norm::Kind::kRms) space.norm.weight = bench.random(1, space.width(), 6);
        bench.add_output(out);
        bench.add_output(state.memory);
        bench.set_run([&bench, out, x, state, step, space] {
          bench.backend().state_space(out, x, state, step, space);
        });
      }};
}

}  // namespace

std::vector<Operation> recurrent_operations() {
  std::vector<Operation> all;
  for (const int channels : {64, 150})
    for (const int kernel : {2, 4}) all.push_back(convolution(channels, kernel, kernel == 2, channels == 64));
  for (const bool tiled : {false, true}) {
    all.push_back(delta({.key_heads = 2, .value_heads = 6, .key_dim = 16, .value_dim = 24, .tiled = tiled}));
    all.push_back(
        delta({.key_heads = 2, .value_heads = 4, .key_dim = 128, .value_dim = 128, .tiled = tiled}));
  }
  all.push_back(delta({.key_heads = 1, .value_heads = 1, .key_dim = 7, .value_dim = 5}));
  for (const int dim : {7, 16, 128})
    all.push_back(delta({.key_heads = 3,
                         .value_heads = 3,
                         .key_dim = dim,
                         .value_dim = dim,
                         .by_channel = true,
                         .sigmoid_gate = true}));
  all.push_back(state_space({.heads = 4, .head_dim = 64, .groups = 2, .state_dim = 40}));
  all.push_back(state_space({.heads = 6, .head_dim = 24, .groups = 3, .state_dim = 16, .norm_first = true}));
  all.push_back(state_space({.heads = 3, .head_dim = 80, .groups = 1, .state_dim = 9, .step_min = 0.6f},
                            Norm::Kind::kNone));
  all.push_back(
      state_space({.heads = 2, .head_dim = 5, .groups = 2, .state_dim = 7, .step_min = 0, .step_max = 0.7f}));
  all.push_back({"copy_states", Agreement::kExact, [](Bench& bench) {
                   const StateLayer state = {bench.random(kSlots, 30, 1), bench.random(kSlots, 50, 2)};
                   const Tensor from_to = bench.integers({0, 3, 4, 1}, 2);
                   bench.add_output(state.inputs);
                   bench.add_output(state.memory);
                   bench.set_run([&bench, state, from_to] { bench.backend().copy_states(state, from_to); });
                 }});
  return all;
}

}  // namespace ferrum::test
