// Parameters of the kernel of adapters: low_rank.cu.
#pragma once
#include "backend/cuda/device/gpu_types.h"
#include "backend/cuda/kernels/rows.h"

namespace ferrum::cuda {

inline constexpr int kLowRankThreads = 256;

// add_low_rank: one LowRank (backend/low_rank.h) for the rows that use it. Grid: rows.
struct AddLowRank {
  Rows out, x;
  const int* tokens;    // of a table: a[tokens[t], r] takes the place of A x; null: not
  const int* slots;     // of each row
  const float* scales;  // of each row
  const int* matrix;    // of each row, or null
  int slot, of_matrix;  // rows of this slot, and of this matrix, use it
  const void *a, *b;    // null: 1
  int64_t a_stride, b_stride;
  int type;                   // KvType: of a and b
  int inputs, rank, columns;  // of A, of both, of B
  int first, from;
  float scale;
};

}  // namespace ferrum::cuda
