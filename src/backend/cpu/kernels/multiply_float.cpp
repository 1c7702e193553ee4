// Rows of floats times float32 activations. A lane adds up its products in order of the columns, and the
// lanes are added at the end: an order fixed by the number of columns alone.
#include "backend/cpu/kernels/functions.h"
#include "backend/cpu/kernels/simd.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {

template <class T, int kRows, int kInputs>
inline void multiply_inputs(const FloatTile& tile, int first_row, const Batch& batch, int first_input) {
  const T* rows[kRows];
  const float* inputs[kInputs];
  for (int r = 0; r < kRows; ++r)
    rows[r] = reinterpret_cast<const T*>(tile.rows + static_cast<size_t>(first_row + r) * tile.row_bytes);
  for (int t = 0; t < kInputs; ++t) inputs[t] = batch.x + batch.rows[first_input + t] * batch.stride;

  F32 sums[kRows][kInputs] = {};
  int i = 0;
  for (; i + kLanes <= tile.cols; i += kLanes) {
    F32 x[kInputs];
#pragma GCC unroll 4
    for (int t = 0; t < kInputs; ++t) x[t] = load(inputs[t] + i);
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      const F32 w = load(rows[r] + i);
#pragma GCC unroll 4
      for (int t = 0; t < kInputs; ++t) sums[r][t] = fma(w, x[t], sums[r][t]);
    }
  }
  if (i < tile.cols) {
    for (int r = 0; r < kRows; ++r) {
      const F32 w = load_part(rows[r] + i, tile.cols - i);
      for (int t = 0; t < kInputs; ++t)
        sums[r][t] = fma(w, load_part(inputs[t] + i, tile.cols - i), sums[r][t]);
    }
  }
  const TileOutput& to = tile.output;
  for (int t = 0; t < kInputs; ++t)
    for (int r = 0; r < kRows; ++r)
      to.out[(first_input + t) * to.stride + first_row + r] =
          sum(sums[r][t]) + (to.bias != nullptr ? to.bias[first_row + r] : 0.0f);
}

template <class T, int kRows>
inline void multiply_rows(const FloatTile& tile, int first_row, const Batch& batch) {
  constexpr int kInputs = kLanes == 16 ? 4 : 2;
  int t = 0;
  for (; t + kInputs <= batch.count; t += kInputs)
    multiply_inputs<T, kRows, kInputs>(tile, first_row, batch, t);
  for (; t < batch.count; ++t) multiply_inputs<T, kRows, 1>(tile, first_row, batch, t);
}

template <class T>
inline void multiply(const FloatTile& tile, const Batch& batch) {
  if (tile.row_count == kRowTile) return multiply_rows<T, kRowTile>(tile, 0, batch);
  for (int r = 0; r < tile.row_count; ++r) multiply_rows<T, 1>(tile, r, batch);
}

}  // namespace

void multiply_f32(const FloatTile& tile, const Batch& batch) { multiply<float>(tile, batch); }
void multiply_f16(const FloatTile& tile, const Batch& batch) { multiply<F16>(tile, batch); }
void multiply_bf16(const FloatTile& tile, const Batch& batch) { multiply<BF16>(tile, batch); }

}  // namespace ferrum::cpu::FERRUM_ISA
