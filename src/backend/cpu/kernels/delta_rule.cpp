// The gated delta rule over columns of a head's memory: of heads that decay as a whole, and of those whose
// channels decay by rates of their own.
#include "backend/cpu/kernels/elementary.h"
#include "backend/cpu/kernels/functions.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {

// kVectors × kLanes columns of a head's memory: each pass over it lies in the first cache. Even and odd keys
// are summed apart, so that sums do not wait for each other.
constexpr int kVectors = 4;

template <int kCount, bool kByChannel>
inline void delta_columns(const DeltaTask& task, int column, int last_count) {
  const auto count_of = [&](int i) { return i + 1 == kCount ? last_count : kLanes; };
  const float* row = task.x;
  float* out = task.out + column;
  const float* before = task.before;
  for (int t = 0; t < task.tokens; ++t, row += task.stride, out += task.out_stride) {
    const float* const k = row + task.k_offset;
    const float* const q = row + task.q_offset;
    const float* const kept = row + task.kept_offset;
    const F32 beta = broadcast(row[task.beta_offset]);
    F32 sums[2][kCount] = {};
    if (before != nullptr) {
      const float* m = before + column;
      for (int i = 0; i < task.key_dim; ++i, m += task.value_dim)
        for (int c = 0; c < kCount; ++c) {
          const F32 was = load_some(m + c * kLanes, count_of(c));
          sums[i & 1][c] = fma_with(kByChannel ? was * broadcast(kept[i]) : was, k + i, sums[i & 1][c]);
        }
    }
    F32 change[kCount];
    for (int c = 0; c < kCount; ++c) {
      const F32 sum = sums[0][c] + sums[1][c];
      const F32 recalled = kByChannel ? sum : sum * broadcast(kept[0]);
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
                          broadcast(kept[kByChannel ? i : 0]);
        m = fma_with(change[c], k + i, m);
        sums[i & 1][c] = fma_with(m, q + i, sums[i & 1][c]);
        store_some(to + c * kLanes, m, count_of(c));
      }
    for (int c = 0; c < kCount; ++c) store_some(out + c * kLanes, sums[0][c] + sums[1][c], count_of(c));
    before = task.after;
  }
}

// By channel: kept_offset is that of the shares of all channels.
template <bool kByChannel>
inline void delta_of_columns(const DeltaTask& task) {
  constexpr int kTogether = kVectors * kLanes;
  int column = task.first;
  for (; column + kTogether <= task.last; column += kTogether)
    delta_columns<kVectors, kByChannel>(task, column, kLanes);
  for (; column < task.last; column += kLanes)
    delta_columns<1, kByChannel>(task, column, task.last - column < kLanes ? task.last - column : kLanes);
}

}  // namespace

void delta_rule(const DeltaTask& task) { delta_of_columns<false>(task); }
void channel_delta_rule(const DeltaTask& task) { delta_of_columns<true>(task); }

void delta_rates(float* beta, float* alpha, const float* decay, const float* step_bias, int n) {
  in_steps(n, [&](int i, int count) {
    store_some(beta + i, logistic(load_some(beta + i, count)), count);
    const F32 step = softplus(load_some(alpha + i, count) + load_some(step_bias + i, count));
    store_some(alpha + i, exp(load_some(decay + i, count) * step), count);
  });
}

void channel_rates(float* alpha, float decay, const float* step_bias, int n) {
  in_steps(n, [&](int i, int count) {
    const F32 step = softplus(load_some(alpha + i, count) + load_some(step_bias + i, count));
    store_some(alpha + i, exp(broadcast(decay) * step), count);
  });
}

}  // namespace ferrum::cpu::FERRUM_ISA
