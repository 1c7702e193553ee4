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
#elif defined(__AVX2__)
  const auto all = reinterpret_cast<__m256i>(v);
  __m128i most = _mm_max_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
  most = _mm_max_epi32(most, _mm_shuffle_epi32(most, 0x4E));
  return _mm_cvtsi128_si32(_mm_max_epi32(most, _mm_shuffle_epi32(most, 0xB1)));
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

#if defined(__AVX2__) && !defined(__AVX512F__)

inline __m256i rounded(const float* x, float inverse_scale) {
  // The nearest integer is in the low bits of the mantissa.
  return reinterpret_cast<__m256i>(as_bits(load(x) * inverse_scale + 0x1.8p23f) - 0x4B400000);
}

inline void quantize_block(const float* x, float inverse_scale, int8_t* quants) {
  const __m256i first = _mm256_packs_epi32(rounded(x, inverse_scale), rounded(x + 8, inverse_scale));
  const __m256i second = _mm256_packs_epi32(rounded(x + 16, inverse_scale), rounded(x + 24, inverse_scale));
  // Packing keeps to halves of registers: there are now four bytes each of the inputs 0, 8, 16, 24, 4, 12, …
  const __m256i bytes = _mm256_packs_epi16(first, second);
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(quants), _mm256_permutevar8x32_epi32(bytes, order));
}

#else

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

#endif

// What products need of the quants' sums.
#if defined(__AVX2__) && !defined(__AVX512F__)

// Each lane of the result is the sum of sixteen quants: those of the first halves of four blocks, then those
// of the second halves.
inline __m256i sums_of_halves(const int8_t* quants) {
  __m256i fours[4];  // sums of four
#pragma GCC unroll 4
  for (int b = 0; b < 4; ++b) {
    const __m256i block = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(quants + kBlock * b));
    fours[b] = _mm256_madd_epi16(_mm256_maddubs_epi16(_mm256_set1_epi8(1), block), _mm256_set1_epi16(1));
  }
  return _mm256_hadd_epi32(_mm256_hadd_epi32(fours[0], fours[1]), _mm256_hadd_epi32(fours[2], fours[3]));
}

inline void store_sums(InputSpan& span) {
  static_assert(kLanes == kBlocks);
  const __m256i early = sums_of_halves(span.quants);
  const __m256i late = sums_of_halves(span.quants + kSpan / 2);
  const auto first = reinterpret_cast<I32>(_mm256_permute2x128_si256(early, late, 0x20));  // of each block
  const auto second = reinterpret_cast<I32>(_mm256_permute2x128_si256(early, late, 0x31));
  const I32 sum = first + second;
  store_register(reinterpret_cast<uint8_t*>(span.offsets), sum * -128);
  store_register(reinterpret_cast<uint8_t*>(span.small_offsets), sum * -8);
  const F32 scales = load(span.scales);
  store(span.sums, scales * to_float(sum));
  const F32 first_scaled = scales * to_float(first);
  const F32 second_scaled = scales * to_float(second);
  const F32 low = _mm256_unpacklo_ps(first_scaled, second_scaled);  // blocks 0, 1, 4, 5
  const F32 high = _mm256_unpackhi_ps(first_scaled, second_scaled);
  store(span.half_sums, _mm256_permute2f128_ps(low, high, 0x20));
  store(span.half_sums + kLanes, _mm256_permute2f128_ps(low, high, 0x31));
#if defined(FERRUM_WORD_SUMS)
  store_register(reinterpret_cast<uint8_t*>(span.half_offsets), (-first & 0xFFFF) | -second << 16);
#else
  const __m256i low_sums =
      _mm256_unpacklo_epi32(reinterpret_cast<__m256i>(first), reinterpret_cast<__m256i>(second));
  const __m256i high_sums =
      _mm256_unpackhi_epi32(reinterpret_cast<__m256i>(first), reinterpret_cast<__m256i>(second));
  auto* to = reinterpret_cast<uint8_t*>(span.half_offsets);
  store_register(to, reinterpret_cast<I32>(_mm256_permute2x128_si256(low_sums, high_sums, 0x20)) * -128);
  store_register(to + kRegister,
                 reinterpret_cast<I32>(_mm256_permute2x128_si256(low_sums, high_sums, 0x31)) * -128);
#endif
}

#else

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

inline void store_sums(InputSpan& span) {
  int32_t sums[2 * kBlocks];
  sum_half_blocks(span.quants, sums);
  for (int b = 0; b < kBlocks; ++b) {
    const int32_t sum = sums[2 * b] + sums[2 * b + 1];
    span.offsets[b] = -128 * sum;
    span.small_offsets[b] = -8 * sum;
    span.sums[b] = span.scales[b] * static_cast<float>(sum);
    for (int half = 2 * b; half < 2 * b + 2; ++half) {
      span.half_offsets[half] = -128 * sums[half];
      span.half_sums[half] = span.scales[b] * static_cast<float>(sums[half]);
    }
  }
}

#endif

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
  store_sums(span);
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
