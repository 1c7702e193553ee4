// Operations of layers that keep a state.
#include "backend/cpu/kernels/delta_columns.h"
#include "backend/cpu/kernels/functions.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {

// `count` channels, at most kLanes.
inline void convolve_lanes(const ConvolutionTask& task, int channel, int count) {
  const int kept = task.kernel - 1;
  F32 inputs[kMaxKernel] = {};  // those before the next, oldest first
  if (task.before != nullptr)
    for (int j = 0; j < kept; ++j)
      inputs[j] = load_some(task.before + static_cast<int64_t>(j) * task.channels + channel, count);
  F32 weights[kMaxKernel];
  for (int j = 0; j < task.kernel; ++j)
    weights[j] = load_some(task.weight + j * task.weight_stride + channel, count);
  const F32 bias = task.bias == nullptr ? F32{} : load_some(task.bias + channel, count);
  float* x = task.x + channel;
  for (int t = 0; t < task.tokens; ++t, x += task.stride) {
    inputs[kept] = load_some(x, count);
    F32 sum = bias;
    for (int j = 0; j < task.kernel; ++j) sum = fma(weights[j], inputs[j], sum);
    for (int j = 0; j < kept; ++j) inputs[j] = inputs[j + 1];
    store_some(x, task.silu ? sum * logistic(sum) : sum, count);
  }
  for (int j = 0; j < kept; ++j)
    store_some(task.after + static_cast<int64_t>(j) * task.channels + channel, inputs[j], count);
}

}  // namespace

void convolve(const ConvolutionTask& task) {
  int c = task.first;
  for (; c + kLanes <= task.last; c += kLanes) convolve_lanes(task, c, kLanes);
  if (c < task.last) convolve_lanes(task, c, task.last - c);
}

void delta_rule(const DeltaTask& task) { delta_of_columns<false>(task); }

void to_direction(float* x, int n, float scale) {
  F32 squares = {};
  for (int i = 0; i < n; i += kLanes) {
    const F32 v = load_some(x + i, n - i < kLanes ? n - i : kLanes);
    squares = fma(v, v, squares);
  }
  const F32 factor = broadcast(scale / __builtin_sqrtf(sum(squares) + 1e-6f));
  for (int i = 0; i < n; i += kLanes) {
    const int count = n - i < kLanes ? n - i : kLanes;
    store_some(x + i, load_some(x + i, count) * factor, count);
  }
}

void gate_silu_row(float* x, const float* gates, int n) {
  for (int i = 0; i < n; i += kLanes) {
    const int count = n - i < kLanes ? n - i : kLanes;
    const F32 gate = load_some(gates + i, count);
    store_some(x + i, load_some(x + i, count) * gate * logistic(gate), count);
  }
}

void delta_rates(float* beta, float* alpha, const float* decay, const float* step_bias, int n) {
  for (int i = 0; i < n; i += kLanes) {
    const int count = n - i < kLanes ? n - i : kLanes;
    store_some(beta + i, logistic(load_some(beta + i, count)), count);
    const F32 step = softplus(load_some(alpha + i, count) + load_some(step_bias + i, count));
    store_some(alpha + i, exp(load_some(decay + i, count) * step), count);
  }
}

}  // namespace ferrum::cpu::FERRUM_ISA
