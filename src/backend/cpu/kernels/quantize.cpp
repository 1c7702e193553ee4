// Quantises activations to signed bytes: each block of 32 by its largest magnitude.
#include "backend/cpu/kernels/functions.h"
#include "backend/cpu/kernels/simd.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {

constexpr int kRegisters = kBlock / kLanes;
constexpr int32_t kInfinity = 0x7F800000;

// Compares bits: those of magnitudes are ordered like the magnitudes, and a NaN's are above all.
inline int32_t largest_lane(I32 v) {
#if defined(__AVX512F__)
  return _mm512_reduce_max_epi32(reinterpret_cast<__m512i>(v));
#elif defined(FERRUM_NEON)
  return vmaxvq_s32(v);
#else
  int32_t most = v[0];
  for (int lane = 1; lane < kLanes; ++lane) most = v[lane] > most ? v[lane] : most;
  return most;
#endif
}

inline int32_t largest_magnitude(const float* x) {
  I32 most = {};
  for (int r = 0; r < kRegisters; ++r) {
    const I32 magnitude = as_bits(load(x + r * kLanes)) & 0x7FFFFFFF;
    most = magnitude > most ? magnitude : most;
  }
  return largest_lane(most);
}

// Stores the low byte of each lane.
inline void store_low_bytes(int8_t* to, I32 v) {
#if defined(__AVX512F__)
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtepi32_epi8(reinterpret_cast<__m512i>(v)));
#elif defined(FERRUM_NEON)
  const int16x4_t words = vmovn_s32(v);
  const int8x8_t twice = vmovn_s16(vcombine_s16(words, words));
  __builtin_memcpy(to, &twice, kLanes);
#else
  for (int lane = 0; lane < kLanes; ++lane) to[lane] = static_cast<int8_t>(v[lane]);
#endif
}

inline void quantize_block(const float* x, float inverse_scale, int8_t* quants) {
  for (int r = 0; r < kRegisters; ++r) {
    // The nearest integer is in the low bits of the mantissa.
    const F32 shifted = load(x + r * kLanes) * inverse_scale + 0x1.8p23f;
    store_low_bytes(quants + r * kLanes, as_bits(shifted) - 0x4B400000);
  }
}

// Sums of sixteen quants each.
inline void sum_half_blocks(const int8_t* quants, int32_t (&sums)[2 * kBlocks]) {
#if defined(__AVX512VNNI__)
  for (int i = 0; i < kSpan; i += 64) {  // a half block is a quarter of a register
    __m512i four =
        _mm512_dpbusd_epi32(_mm512_setzero_si512(), _mm512_set1_epi8(1), _mm512_loadu_si512(quants + i));
    four = _mm512_add_epi32(four, _mm512_shuffle_epi32(four, _MM_PERM_CDAB));
    four = _mm512_add_epi32(four, _mm512_shuffle_epi32(four, _MM_PERM_BADC));
    const __m512i first_of_each = _mm512_setr_epi32(0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(sums + i / 16),
                     _mm512_castsi512_si128(_mm512_permutexvar_epi32(first_of_each, four)));
  }
#elif defined(FERRUM_NEON)
  for (int half = 0; half < 2 * kBlocks; ++half) sums[half] = vaddlvq_s8(vld1q_s8(quants + 16 * half));
#else
  for (int half = 0; half < 2 * kBlocks; ++half) {
    int32_t sum = 0;
    for (int i = 0; i < 16; ++i) sum += quants[16 * half + i];
    sums[half] = sum;
  }
#endif
}

inline void quantize_span(const float* x, int blocks, InputSpan& span) {
  float inverses[kBlocks] = {};
  for (int b = 0; b < blocks; ++b) {
    const int32_t bits = largest_magnitude(x + kBlock * b);
    float magnitude;
    __builtin_memcpy(&magnitude, &bits, sizeof magnitude);
    span.scales[b] = bits < kInfinity ? magnitude / 127 : __builtin_nanf("");
    inverses[b] = inverse_scale(magnitude);
  }
  for (int b = 0; b < blocks; ++b) quantize_block(x + kBlock * b, inverses[b], span.quants + kBlock * b);

  int32_t sums[2 * kBlocks];
  sum_half_blocks(span.quants, sums);
  for (int b = 0; b < kBlocks; ++b) {
    const int32_t sum = sums[2 * b] + sums[2 * b + 1];
    span.offsets[b] = -128 * sum;
    span.small_offsets[b] = -8 * sum;
    span.sums[b] = span.scales[b] * static_cast<float>(sum);
#if defined(FERRUM_WORD_SUMS)
    span.half_offsets[b] = (-sums[2 * b] & 0xFFFF) | -sums[2 * b + 1] * 0x10000;
#endif
    for (int half = 2 * b; half < 2 * b + 2; ++half) {
#if !defined(FERRUM_WORD_SUMS)
      span.half_offsets[half] = -128 * sums[half];
#endif
      span.half_sums[half] = span.scales[b] * static_cast<float>(sums[half]);
    }
  }
}

}  // namespace

void quantize(const float* x, int n, InputSpan* spans, int64_t stride) {
  for (int col = 0; col < n; col += kSpan, spans += stride) {
    const int blocks = n - col < kSpan ? (n - col) / kBlock : kBlocks;
    if (blocks < kBlocks) __builtin_memset(static_cast<void*>(spans), 0, sizeof *spans);
    quantize_span(x + col, blocks, *spans);
  }
}

}  // namespace ferrum::cpu::FERRUM_ISA
