// Operations of layers that keep a state.
#include "backend/cpu/kernels/elementary.h"
#include "backend/cpu/kernels/functions.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {

inline F32 load_some(const float* p, int n) { return n == kLanes ? load(p) : load_part(p, n); }
inline void store_some(float* p, F32 v, int n) {
  if (n == kLanes)
    store(p, v);
  else
    store_part(p, v, n);
}

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

// kVectors × kLanes columns of a head's memory: each pass over it lies in the first cache. Even and odd keys
// are summed apart, so that sums do not wait for each other.
constexpr int kVectors = 4;

template <int kCount>
inline void delta_columns(const DeltaTask& task, int column, int last_count) {
  const auto count_of = [&](int i) { return i + 1 == kCount ? last_count : kLanes; };
  const float* row = task.x;
  float* out = task.out + column;
  const float* before = task.before;
  for (int t = 0; t < task.tokens; ++t, row += task.stride, out += task.out_stride) {
    const float* const k = row + task.k_offset;
    const float* const q = row + task.q_offset;
    const float kept = row[task.kept_offset];
    const F32 beta = broadcast(row[task.beta_offset]);
    F32 sums[2][kCount] = {};
    if (before != nullptr) {
      const float* m = before + column;
      for (int i = 0; i < task.key_dim; ++i, m += task.value_dim)
        for (int c = 0; c < kCount; ++c)
          sums[i & 1][c] = fma_with(load_some(m + c * kLanes, count_of(c)), k + i, sums[i & 1][c]);
    }
    F32 change[kCount];
    for (int c = 0; c < kCount; ++c) {
      const F32 recalled = (sums[0][c] + sums[1][c]) * broadcast(kept);
      change[c] = beta * (load_some(row + task.v_offset + column + c * kLanes, count_of(c)) - recalled);
      sums[0][c] = sums[1][c] = F32{};
    }
    float* to = task.after + column;
    for (int i = 0; i < task.key_dim; ++i, to += task.value_dim)
      for (int c = 0; c < kCount; ++c) {
        F32 m = before == nullptr
                    ? F32{}
                    : load_some(before + static_cast<int64_t>(i) * task.value_dim + column + c * kLanes,
                                count_of(c)) *
                          broadcast(kept);
        m = fma_with(change[c], k + i, m);
        sums[i & 1][c] = fma_with(m, q + i, sums[i & 1][c]);
        store_some(to + c * kLanes, m, count_of(c));
      }
    for (int c = 0; c < kCount; ++c) store_some(out + c * kLanes, sums[0][c] + sums[1][c], count_of(c));
    before = task.after;
  }
}

}  // namespace

void convolve(const ConvolutionTask& task) {
  int c = task.first;
  for (; c + kLanes <= task.last; c += kLanes) convolve_lanes(task, c, kLanes);
  if (c < task.last) convolve_lanes(task, c, task.last - c);
}

void delta_rule(const DeltaTask& task) {
  constexpr int kTogether = kVectors * kLanes;
  int column = task.first;
  for (; column + kTogether <= task.last; column += kTogether) delta_columns<kVectors>(task, column, kLanes);
  for (; column < task.last; column += kLanes)
    delta_columns<1>(task, column, task.last - column < kLanes ? task.last - column : kLanes);
}

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
