// A square of floats, as wide as a register, with rows and columns exchanged.
#pragma once
#include "backend/cpu/kernels/simd.h"

namespace ferrum::cpu::FERRUM_ISA {

// The lanes of both in turn: a0 b0 a1 b1 …, of their first and of their second halves.
static inline F32 first_halves(F32 a, F32 b) {
#if defined(__AVX512F__)
  return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
#elif defined(__AVX2__)
  return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
#else
  return __builtin_shufflevector(a, b, 0, 4, 1, 5);
#endif
}
static inline F32 second_halves(F32 a, F32 b) {
#if defined(__AVX512F__)
  return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
#elif defined(__AVX2__)
  return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#else
  return __builtin_shufflevector(a, b, 2, 6, 3, 7);
#endif
}

struct SquareRows {
  const float* data;
  int64_t stride;
};

// Column i of the square becomes row i of `to`, for the first `count` columns. A round of perfect shuffles of
// the rows moves one bit of a row's number into its lanes' numbers; log2(kLanes) rounds move them all.
static inline void transpose(SquareRows from, float* to, int64_t to_stride, int count) {
  F32 rows[kLanes];
#pragma GCC unroll 16
  for (int r = 0; r < kLanes; ++r) rows[r] = load(from.data + r * from.stride);
#pragma GCC unroll 4
  for (int round = 1; round < kLanes; round *= 2) {
    F32 shuffled[kLanes];
#pragma GCC unroll 8
    for (int r = 0; r < kLanes / 2; ++r) {
      shuffled[2 * r] = first_halves(rows[r], rows[r + kLanes / 2]);
      shuffled[2 * r + 1] = second_halves(rows[r], rows[r + kLanes / 2]);
    }
#pragma GCC unroll 16
    for (int r = 0; r < kLanes; ++r) rows[r] = shuffled[r];
  }
#pragma GCC unroll 16
  for (int r = 0; r < kLanes; ++r)
    if (r < count) store(to + r * to_stride, rows[r]);
}

}  // namespace ferrum::cpu::FERRUM_ISA
