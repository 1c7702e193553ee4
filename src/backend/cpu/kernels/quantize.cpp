// Activations to signed bytes: each block of 32 by its largest magnitude.
#include "backend/cpu/kernels/functions.h"
#include "backend/cpu/kernels/simd.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {

// The low byte of each lane.
inline void store_low_bytes(int8_t* to, I32 v) {
#if defined(__AVX512F__)
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtepi32_epi8(reinterpret_cast<__m512i>(v)));
#else
  for (int lane = 0; lane < kLanes; ++lane) to[lane] = static_cast<int8_t>(v[lane]);
#endif
}

inline int32_t sum_of_lanes(I32 v) {
#if defined(__AVX512F__)
  return _mm512_reduce_add_epi32(reinterpret_cast<__m512i>(v));
#else
  int32_t sum = 0;
  for (int lane = 0; lane < kLanes; ++lane) sum += v[lane];
  return sum;
#endif
}

inline void quantize_block(const float* x, InputSpan& span, int b) {
  constexpr int kRegisters = kBlock / kLanes;
  F32 values[kRegisters];
  F32 most = {};
  F32 zeros = {};  // stays 0 unless a value is no finite number
  for (int r = 0; r < kRegisters; ++r) {
    values[r] = load(x + r * kLanes);
    most = max(max(values[r], -values[r]), most);
    zeros = fma(values[r], F32{}, zeros);
  }
  const float magnitude = largest(most);
  const float scale = magnitude / 127 + sum(zeros);
  const float inverse = magnitude > 0 ? 127 / magnitude : 0;

  int32_t sums[2] = {};
  for (int r = 0; r < kRegisters; ++r) {
    // The nearest integer stands in the low bits of the mantissa.
    const I32 quants = as_bits(values[r] * inverse + 0x1.8p23f) - 0x4B400000;
    store_low_bytes(span.quants + kBlock * b + r * kLanes, quants);
    sums[r * 2 / kRegisters] += sum_of_lanes(quants);
  }
  span.scales[b] = scale;
  span.offsets[b] = -128 * (sums[0] + sums[1]);
  span.sums[b] = scale * static_cast<float>(sums[0] + sums[1]);
  for (int half = 0; half < 2; ++half) {
    span.half_offsets[2 * b + half] = -128 * sums[half];
    span.half_sums[2 * b + half] = scale * static_cast<float>(sums[half]);
  }
}

}  // namespace

void quantize(const float* x, int n, InputSpan* spans, int64_t stride) {
  for (int col = 0; col < n; col += kSpan, spans += stride) {
    const int blocks = n - col < kSpan ? (n - col) / kBlock : kBlocks;
    if (blocks < kBlocks) __builtin_memset(static_cast<void*>(spans), 0, sizeof *spans);
    for (int b = 0; b < blocks; ++b) quantize_block(x + col + kBlock * b, *spans, b);
  }
}

}  // namespace ferrum::cpu::FERRUM_ISA
