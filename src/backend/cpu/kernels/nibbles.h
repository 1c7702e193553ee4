// Four-bit indices into a table of 16 bytes.
#pragma once
#include "backend/cpu/kernels/simd.h"

namespace ferrum::cpu::FERRUM_ISA {

// 16 bytes to 32 quants, lower nibbles first: each nibble's entry of the table, plus `shift`.
static inline void look_up_nibbles(const uint8_t* nibbles, const int8_t* table, int shift, uint8_t* quants) {
#if defined(__AVX2__)
  const __m128i entries = _mm_add_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table)),
                                       _mm_set1_epi8(static_cast<char>(shift)));
  const __m128i packed = _mm_loadu_si128(reinterpret_cast<const __m128i*>(nibbles));
  const __m128i mask = _mm_set1_epi8(15);
  const __m128i low = _mm_and_si128(packed, mask);
  const __m128i high = _mm_and_si128(_mm_srli_epi16(packed, 4), mask);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(quants), _mm_shuffle_epi8(entries, low));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(quants + 16), _mm_shuffle_epi8(entries, high));
#else
  for (int i = 0; i < 16; ++i) {
    quants[i] = static_cast<uint8_t>(table[nibbles[i] & 15] + shift);
    quants[16 + i] = static_cast<uint8_t>(table[nibbles[i] >> 4] + shift);
  }
#endif
}

}  // namespace ferrum::cpu::FERRUM_ISA
