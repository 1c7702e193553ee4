// Mamba-2's state space. What happens to one column of a head's memory does not depend on the other columns,
// nor on how many tokens a pass over the memory takes along, so both are chosen for the registers.
#include "backend/cpu/kernels/elementary.h"
#include "backend/cpu/kernels/functions.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {

// The pass of kTokens tokens over kCount registers of columns, from `column` on; the last register holds
// last_count of them. `before` is the memory that the first token finds.
template <int kCount, int kTokens>
inline void pass(const StateSpaceTask& task, int token, const float* before, int column, int last_count) {
  const auto count_of = [&](int c) { return c + 1 == kCount ? last_count : kLanes; };
  const float* rows[kTokens];
  F32 kept[kTokens], inputs[kTokens][kCount], sums[kTokens][kCount];
  for (int t = 0; t < kTokens; ++t) {
    rows[t] = task.x + (token + t) * task.stride;
    const F32 length = broadcast(rows[t][task.length_offset]);
    kept[t] = exp(length * task.decay);
    for (int c = 0; c < kCount; ++c) {
      const F32 x = load_some(rows[t] + task.x_offset + column + c * kLanes, count_of(c));
      inputs[t][c] = x * length;
      sums[t][c] = x * task.skip;
    }
  }
  float* to = task.after + column;
  const float* from = before == nullptr ? nullptr : before + column;
  for (int i = 0; i < task.state_dim; ++i, to += task.head_dim) {
    for (int c = 0; c < kCount; ++c) {
      F32 m = from == nullptr ? F32{} : load_some(from + c * kLanes, count_of(c));
      for (int t = 0; t < kTokens; ++t) {
        m = fma_with(inputs[t][c], rows[t] + task.b_offset + i, m * kept[t]);
        sums[t][c] = fma_with(m, rows[t] + task.c_offset + i, sums[t][c]);
      }
      store_some(to + c * kLanes, m, count_of(c));
    }
    if (from != nullptr) from += task.head_dim;
  }
  for (int t = 0; t < kTokens; ++t)
    for (int c = 0; c < kCount; ++c)
      store_some(task.out + (token + t) * task.out_stride + column + c * kLanes, sums[t][c], count_of(c));
}

template <int kCount, int kTokens>
inline void pass_all(const StateSpaceTask& task, int token) {
  constexpr int kTogether = kCount * kLanes;
  const float* const before = token == 0 ? task.before : task.after;
  int column = task.first;
  for (; column + kTogether <= task.last; column += kTogether)
    pass<kCount, kTokens>(task, token, before, column, kLanes);
  for (; column < task.last; column += kLanes)
    pass<1, kTokens>(task, token, before, column, task.last - column < kLanes ? task.last - column : kLanes);
}

}  // namespace

void step_lengths(float* x, const float* bias, int n, float least, float most) {
  in_steps(n, [&](int i, int count) {
    const F32 length = softplus(load_some(x + i, count) + load_some(bias + i, count));
    store_some(x + i, min(broadcast(most), max(broadcast(least), length)), count);
  });
}

void state_space(const StateSpaceTask& task) {
  constexpr int kTokens = 4;
  int token = 0;
  for (; token + kTokens <= task.tokens; token += kTokens) pass_all<2, kTokens>(task, token);
  for (; token < task.tokens; ++token) pass_all<4, 1>(task, token);
}

}  // namespace ferrum::cpu::FERRUM_ISA
