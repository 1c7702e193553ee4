// The convolution of layers that keep a state.
#include "backend/cpu/kernels/elementary.h"
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

}  // namespace ferrum::cpu::FERRUM_ISA
