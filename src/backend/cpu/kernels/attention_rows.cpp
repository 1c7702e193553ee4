// Attention's products over panels of float32, the softmax of a run of keys, and the merging of states
// (Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018).
#include "backend/cpu/kernels/attention.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {

template <int kRows, bool kAccumulate>
inline void multiply(const PanelProduct& product, int first, const float* factors) {
  const float* a = product.a + first * product.a_stride;
  float* out = product.sums + first * product.sums_stride;
  F32 sums[kRows][2];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    if constexpr (kAccumulate) {
      const F32 factor = broadcast(factors[first + r]);
      sums[r][0] = load(out + r * product.sums_stride) * factor;
      sums[r][1] = load(out + r * product.sums_stride + kLanes) * factor;
    } else {
      sums[r][0] = sums[r][1] = F32{};
    }
  }
  const float* panel = product.panel;
  for (int i = 0; i < product.count; ++i, panel += kPanel) {
    const F32 left = load(panel);
    const F32 right = load(panel + kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const F32 x = broadcast(a[r * product.a_stride + i]);
      sums[r][0] = fma(x, left, sums[r][0]);
      sums[r][1] = fma(x, right, sums[r][1]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    store(out + r * product.sums_stride, sums[r][0]);
    store(out + r * product.sums_stride + kLanes, sums[r][1]);
  }
}

// The last rows, fewer than a tile.
template <int kRows, bool kAccumulate>
inline void multiply_rest(const PanelProduct& product, int first, const float* factors) {
  if constexpr (kRows > 0) {
    if (product.rows - first == kRows) return multiply<kRows, kAccumulate>(product, first, factors);
    multiply_rest<kRows - 1, kAccumulate>(product, first, factors);
  }
}

template <bool kAccumulate>
inline void multiply_all(const PanelProduct& product, const float* factors) {
  int r = 0;
  for (; r + kTileRows <= product.rows; r += kTileRows) multiply<kTileRows, kAccumulate>(product, r, factors);
  multiply_rest<kTileRows - 1, kAccumulate>(product, r, factors);
}

}  // namespace

void multiply_panel(const PanelProduct& product) { multiply_all<false>(product, nullptr); }
void accumulate_panel(const PanelProduct& product, const float* factors) {
  multiply_all<true>(product, factors);
}

void add_run(const RunSoftmax& run) {
  for (int r = 0; r < run.rows; ++r) {
    const float* scores = run.scores + r * kRunKeys;
    F32 most = load(scores);
    for (int p = kLanes; p < kRunKeys; p += kLanes) most = max(load(scores + p), most);
    const float top = largest(most);
    const float before = run.highest[r];
    run.highest[r] = top > before ? top : before;
    run.corrections[r] = before - run.highest[r];
  }
  int r = 0;
  for (; r + kLanes <= run.rows; r += kLanes) store(run.corrections + r, exp2(load(run.corrections + r)));
  if (r < run.rows) {
    const int rest = run.rows - r;
    store_part(run.corrections + r, exp2(load_part(run.corrections + r, rest)), rest);
  }
  for (r = 0; r < run.rows; ++r) {
    float* scores = run.scores + r * kRunKeys;
    const F32 highest = broadcast(run.highest[r]);
    F32 total = load(run.lane_totals + r * kLanes) * broadcast(run.corrections[r]);
    for (int p = 0; p < kRunKeys; p += kLanes) {
      F32 weight = exp2(load(scores + p) - highest);
      total = total + weight;
      if (run.value_scales != nullptr) weight = weight * load(run.value_scales + p);
      store(scores + p, weight);
    }
    store(run.lane_totals + r * kLanes, total);
  }
}

void add_state(const AttentionState& to, const AttentionState& from, int row, int padded) {
  const float before = to.highest[row];
  const float other = from.highest[row];
  const float highest = other > before ? other : before;
  const F32 keep = broadcast(exp2(broadcast(before - highest))[0]);
  const F32 take = broadcast(exp2(broadcast(other - highest))[0]);
  to.highest[row] = highest;
  to.total[row] = to.total[row] * keep[0] + from.total[row] * take[0];
  float* sums = to.values + static_cast<int64_t>(row) * padded;
  const float* more = from.values + static_cast<int64_t>(row) * padded;
  for (int i = 0; i < padded; i += kLanes) store(sums + i, load(sums + i) * keep + load(more + i) * take);
}

}  // namespace ferrum::cpu::FERRUM_ISA
