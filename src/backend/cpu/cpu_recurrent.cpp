// Layers that keep a state of fixed size of each sequence.
#include <cmath>
#include <cstring>

#include "backend/cpu/cpu_backend.h"
#include "base/check.h"

namespace ferrum {
namespace {

// The rows of one sequence in a step, and the slots of its state.
struct Run {
  int begin, tokens;
  int from, to;  // from −1: zeros
};

Run run_of(const Step& step, int sequence) {
  const int begin = *step.query_start.at<int32_t>(sequence);
  return {begin, *step.query_start.at<int32_t>(sequence + 1) - begin,
          *step.state_slots.at<int32_t>(sequence, 0), *step.state_slots.at<int32_t>(sequence, 1)};
}

void check_slots(const Run& run, const Tensor& slots) {
  check(run.from >= -1 && run.from < slots.rows && run.to >= 0 && run.to < slots.rows, "slots of the states");
}

constexpr int kChannelsTogether = 64;  // a multiple of all registers
constexpr int kColumnsTogether = 64;   // of a head's memory

}  // namespace

void CpuBackend::convolve(Tensor x, StateLayer state, const Step& step, const Convolution& convolution) {
  check(convolution.weight.rows >= 2 && convolution.weight.rows <= cpu::kMaxKernel, "a kernel's length");
  check_equal(convolution.weight.cols, x.cols, "channels of the convolution");
  const int64_t parts = (x.cols + kChannelsTogether - 1) / kChannelsTogether;
  pool_.parallel_for(parts * step.shape.sequences, [&](int64_t begin, int64_t end, int) noexcept {
    for (int64_t i = begin; i < end; ++i) {
      const Run run = run_of(step, static_cast<int>(i / parts));
      check_slots(run, state.inputs);
      const int first = static_cast<int>(i % parts) * kChannelsTogether;
      kernels_.convolve({.x = x.at<float>(run.begin),
                         .stride = x.stride,
                         .tokens = run.tokens,
                         .channels = x.cols,
                         .first = first,
                         .last = std::min(first + kChannelsTogether, x.cols),
                         .weight = convolution.weight.at<const float>(0),
                         .weight_stride = convolution.weight.stride,
                         .bias = convolution.bias.empty() ? nullptr : convolution.bias.at<const float>(0),
                         .kernel = convolution.weight.rows,
                         .silu = convolution.silu,
                         .before = run.from < 0 ? nullptr : state.inputs.at<const float>(run.from),
                         .after = state.inputs.at<float>(run.to)});
    }
  });
}

void CpuBackend::delta_rule(Tensor out, Tensor x, StateLayer state, const Step& step, const DeltaRule& rule) {
  check_equal(x.cols, rule.in_width(), "columns of the delta rule's input");
  check_equal(state.memory.cols, rule.value_heads * rule.key_dim * rule.value_dim, "numbers of a state");
  const int k_first = rule.key_width();
  const int v_first = 2 * k_first;
  const int z_first = v_first + rule.value_width();
  const int beta_first = z_first + rule.value_width();
  const int alpha_first = beta_first + rule.value_heads;
  const float query_scale = 1 / std::sqrt(static_cast<float>(rule.key_dim));

  pool_.parallel_for(x.rows, [&](int64_t begin, int64_t end, int) noexcept {
    for (int t = static_cast<int>(begin); t < end; ++t) {
      float* const row = x.at<float>(t);
      for (int h = 0; h < rule.key_heads; ++h) {
        kernels_.to_direction(row + h * rule.key_dim, rule.key_dim, query_scale);
        kernels_.to_direction(row + k_first + h * rule.key_dim, rule.key_dim, 1);
      }
      const float* const decay = rule.decay.at<const float>(0);
      const float* const step_bias = rule.step_bias.at<const float>(0);
      if (!rule.by_channel) {
        kernels_.delta_rates(row + beta_first, row + alpha_first, decay, step_bias, rule.value_heads);
        continue;
      }
      kernels_.logistic(row + beta_first, row + beta_first, rule.value_heads);
      for (int h = 0; h < rule.value_heads; ++h)
        kernels_.channel_rates(row + alpha_first + h * rule.key_dim, decay[h], step_bias + h * rule.key_dim,
                               rule.key_dim);
    }
  });

  const int sharing = rule.value_heads / rule.key_heads;
  const int64_t parts = (rule.value_dim + kColumnsTogether - 1) / kColumnsTogether;
  const int64_t of_sequence = parts * rule.value_heads;
  pool_.parallel_for(of_sequence * step.shape.sequences, [&](int64_t begin, int64_t end, int) noexcept {
    for (int64_t i = begin; i < end; ++i) {
      const Run run = run_of(step, static_cast<int>(i / of_sequence));
      check_slots(run, state.memory);
      const int head = static_cast<int>(i % of_sequence / parts);
      const int first = static_cast<int>(i % parts) * kColumnsTogether;
      const int key_head = rule.tiled ? head % rule.key_heads : head / sharing;
      const int64_t memory = int64_t{head} * rule.key_dim * rule.value_dim;
      const auto delta_rule = rule.by_channel ? kernels_.channel_delta_rule : kernels_.delta_rule;
      delta_rule({.x = x.at<float>(run.begin),
                  .stride = x.stride,
                  .tokens = run.tokens,
                  .q_offset = key_head * rule.key_dim,
                  .k_offset = k_first + key_head * rule.key_dim,
                  .v_offset = v_first + head * rule.value_dim,
                  .beta_offset = beta_first + head,
                  .kept_offset = alpha_first + (rule.by_channel ? head * rule.key_dim : head),
                  .key_dim = rule.key_dim,
                  .value_dim = rule.value_dim,
                  .first = first,
                  .last = std::min(first + kColumnsTogether, rule.value_dim),
                  .before = run.from < 0 ? nullptr : state.memory.at<const float>(run.from) + memory,
                  .after = state.memory.at<float>(run.to) + memory,
                  .out = out.at<float>(run.begin) + head * rule.value_dim,
                  .out_stride = out.stride});
    }
  });

  pool_.parallel_for(out.rows, [&](int64_t begin, int64_t end, int) noexcept {
    for (int t = static_cast<int>(begin); t < end; ++t) {
      float* const row = out.at<float>(t);
      for (int h = 0; h < rule.value_heads; ++h) {
        float* const head = row + h * rule.value_dim;
        kernels_.rms_norm(head, head, rule.norm.weight.empty() ? nullptr : rule.norm.weight.at<float>(0),
                          rule.value_dim, rule.norm.eps);
      }
      if (rule.sigmoid_gate)
        kernels_.apply_gate[static_cast<int>(GateKind::kSigmoid)](row, x.at<float>(t, z_first),
                                                                  rule.value_width(), 1);
      else
        kernels_.gate_silu(row, x.at<float>(t, z_first), rule.value_width());
    }
  });
}

void CpuBackend::state_space(Tensor out, Tensor x, StateLayer state, const Step& step,
                             const StateSpace& space) {
  check_equal(x.cols, space.in_width(), "columns of the state space's input");
  check_equal(state.memory.cols, space.heads * space.state_dim * space.head_dim, "numbers of a state");
  const int x_first = space.width();
  const int b_first = x_first + space.width();
  const int length_first = x_first + space.channels();

  pool_.parallel_for(x.rows, [&](int64_t begin, int64_t end, int) noexcept {
    for (int t = static_cast<int>(begin); t < end; ++t)
      kernels_.step_lengths(x.at<float>(t, length_first), space.step_bias.at<const float>(0), space.heads,
                            space.step_min, space.step_max);
  });

  const int sharing = space.heads / space.groups;
  const int64_t parts = (space.head_dim + kColumnsTogether - 1) / kColumnsTogether;
  const int64_t of_sequence = parts * space.heads;
  pool_.parallel_for(of_sequence * step.shape.sequences, [&](int64_t begin, int64_t end, int) noexcept {
    for (int64_t i = begin; i < end; ++i) {
      const Run run = run_of(step, static_cast<int>(i / of_sequence));
      check_slots(run, state.memory);
      const int head = static_cast<int>(i % of_sequence / parts);
      const int first = static_cast<int>(i % parts) * kColumnsTogether;
      const int b_offset = b_first + head / sharing * space.state_dim;
      const int64_t memory = int64_t{head} * space.state_dim * space.head_dim;
      kernels_.state_space(
          {.x = x.at<float>(run.begin),
           .stride = x.stride,
           .tokens = run.tokens,
           .x_offset = x_first + head * space.head_dim,
           .b_offset = b_offset,
           .c_offset = b_offset + space.group_width(),
           .length_offset = length_first + head,
           .state_dim = space.state_dim,
           .head_dim = space.head_dim,
           .first = first,
           .last = std::min(first + kColumnsTogether, space.head_dim),
           .decay = *space.decay.at<const float>(0, head),
           .skip = *space.skip.at<const float>(0, head),
           .before = run.from < 0 ? nullptr : state.memory.at<const float>(run.from) + memory,
           .after = state.memory.at<float>(run.to) + memory,
           .out = out.at<float>(run.begin) + head * space.head_dim,
           .out_stride = out.stride});
    }
  });

  const int group = space.width() / space.groups;
  pool_.parallel_for(out.rows, [&](int64_t begin, int64_t end, int) noexcept {
    for (int t = static_cast<int>(begin); t < end; ++t) {
      float* const row = out.at<float>(t);
      if (!space.norm_first) kernels_.gate_silu(row, x.at<float>(t), space.width());
      for (int first = 0; space.norm.kind != Norm::Kind::kNone && first < space.width(); first += group)
        kernels_.rms_norm(row + first, row + first,
                          space.norm.weight.empty() ? nullptr : space.norm.weight.at<float>(0, first), group,
                          space.norm.eps);
      if (space.norm_first) kernels_.gate_silu(row, x.at<float>(t), space.width());
    }
  });
}

void CpuBackend::copy_states(StateLayer state, Tensor from_to) {
  for (int i = 0; i < from_to.rows; ++i) {
    const int from = *from_to.at<int32_t>(i);
    const int to = *from_to.at<int32_t>(i, 1);
    for (const Tensor& slots : {state.inputs, state.memory}) {
      if (slots.empty()) continue;
      check(from >= 0 && from < slots.rows && to >= 0 && to < slots.rows, "slots of the states");
      std::memcpy(slots.address(to, 0), slots.address(from, 0), slots.row(0).bytes());
    }
  }
}

}  // namespace ferrum
