// Inner products of attention, for any number of rows. Each sum is a separate chain in order of `i`, so it
// has the same bits however rows are grouped.
#pragma once
#include "backend/cpu/kernels/functions.h"
#include "backend/cpu/kernels/simd.h"

namespace ferrum::cpu::FERRUM_ISA {

// Columns and rows that are summed at once: as many sums as leave registers for the factors.
constexpr int kPanel = 2 * kLanes;
#if defined(__AVX512F__) || defined(FERRUM_NEON)  // 32 registers
constexpr int kTileRows = 12;
#elif defined(__AVX2__)
constexpr int kTileRows = 6;
#else
constexpr int kTileRows = 4;
#endif
static_assert(kRunKeys % kPanel == 0 && kDimPadding % kPanel == 0 && kPartition % kRunKeys == 0);

struct PanelProduct {
  const float* a;  // [rows, count]
  int64_t a_stride;
  const float* panel;  // [count, kPanel]
  int count;
  float* sums;  // [rows, kPanel]
  int64_t sums_stride;
  int rows;
};
// sums[r] = Σ a[r][i] × panel[i]
void multiply_panel(const PanelProduct& product);
// sums[r] = factors[r] × sums[r] + Σ a[r][i] × panel[i]
void accumulate_panel(const PanelProduct& product, const float* factors);

// The softmax of one run of keys. Each row's scores become weights 2^(score − highest); its `highest` and
// lane totals are updated to include the run; earlier sums must be multiplied by corrections[row].
struct RunSoftmax {
  float* scores;       // [rows, kRunKeys]; −infinity where a row does not see the position
  float* highest;      // [rows]
  float* corrections;  // [rows]
  float* lane_totals;  // [rows, kLanes]
  int rows;
  const float* value_scales;  // [kRunKeys]: factors of the weights, applied after these are summed; or null
};
void add_run(const RunSoftmax& run);

}  // namespace ferrum::cpu::FERRUM_ISA
