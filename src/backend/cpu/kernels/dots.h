// The integer products of a block. They are exact, so their order does not matter.
#pragma once
#include "backend/cpu/kernels/sources.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {  // nothing here may become a symbol that the linker merges: see kernels.h

// Quants without an offset and a minimum are signed bytes.
template <class Source>
constexpr bool kIsSigned = Source::kOffset == 0 && !Source::kHasMin;

inline I32 broadcast_quad(const int8_t* x) {
  int32_t quad;
  __builtin_memcpy(&quad, x, sizeof quad);
  return I32{} + quad;
}

// The initial value of the integer sums of one part of a block: the offset's contribution.
template <class Source, int P, int T>
inline void begin_dots(I32 (&dots)[P][T], const InputSpan* x, int b, int part) {
#pragma GCC unroll 16
  for (int t = 0; t < T; ++t) {
    I32 start = {};
    if constexpr (Source::kOffset == 8 && Source::kParts == 1) {
      start = I32{} + x[t].small_offsets[b];
    } else if constexpr (Source::kOffset != 0) {
      const int32_t offset = Source::kParts == 1 ? x[t].offsets[b] : x[t].half_offsets[2 * b + part];
      start = (I32{} + offset) >> (7 - log2_of(Source::kOffset));
    }
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) dots[p][t] = start;
  }
}

#if !defined(__ARM_FEATURE_MATMUL_INT8)
// Unpacked quants are signed bytes where an instruction multiplies such.
template <class Source>
inline I32 without_offset(I32 quad) {
#if defined(__AMX_INT8__)
  if constexpr (Source::kOffset != 0)
    return reinterpret_cast<I32>(_mm512_sub_epi8(reinterpret_cast<__m512i>(quad),
                                                 _mm512_set1_epi8(static_cast<char>(Source::kOffset))));
#endif
  return quad;
}

// The quads of a block in the order of UnpackedSource.
template <class Source>
inline void store_quads(const Source& source, int b, uint8_t* to) {
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) store_register(to + i * kRegister, without_offset<Source>(source.quad(b, i)));
}
#endif

#if !defined(FERRUM_NEON) && !defined(FERRUM_WORD_SUMS)

// Adds to each lane the four products of its bytes. Weights are unsigned, or signed if kSigned.
template <bool kSigned>
inline I32 dot(I32 sum, I32 w, I32 x) {
#if defined(__AVX512VNNI__)
  static_assert(!kSigned);
  return reinterpret_cast<I32>(_mm512_dpbusd_epi32(
      reinterpret_cast<__m512i>(sum), reinterpret_cast<__m512i>(w), reinterpret_cast<__m512i>(x)));
#elif defined(__AVXVNNI__)
  static_assert(!kSigned);
  return reinterpret_cast<I32>(_mm256_dpbusd_avx_epi32(
      reinterpret_cast<__m256i>(sum), reinterpret_cast<__m256i>(w), reinterpret_cast<__m256i>(x)));
#elif defined(__SSE2__)
  static_assert(!kSigned);
  const auto quants = reinterpret_cast<__m128i>(w);
  const auto inputs = reinterpret_cast<__m128i>(x);
  const __m128i even = _mm_madd_epi16(_mm_and_si128(quants, _mm_set1_epi16(255)),
                                      _mm_srai_epi16(_mm_slli_epi16(inputs, 8), 8));
  const __m128i odd = _mm_madd_epi16(_mm_srli_epi16(quants, 8), _mm_srai_epi16(inputs, 8));
  return sum + reinterpret_cast<I32>(_mm_add_epi32(even, odd));
#else
  static_assert(!kSigned);
  for (int k = 0; k < 4; ++k) sum += (w >> (8 * k) & 255) * (x << (24 - 8 * k) >> 24);
  return sum;
#endif
}

// The same for inputs in memory: one instruction, where GCC 12 makes a broadcast and a product.
template <bool kSigned>
inline I32 dot_with(I32 sum, I32 w, const int8_t* x_quad) {
#if defined(__AVX512VNNI__)
  static_assert(!kSigned);
  typedef int32_t Quad __attribute__((may_alias, aligned(1)));
  asm("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(w), "m"(*reinterpret_cast<const Quad*>(x_quad)));
  return sum;
#else
  return dot<kSigned>(sum, w, broadcast_quad(x_quad));
#endif
}

// The integer products of one part of a block with T tokens.
template <class Source, int P, int T>
inline void dots_of(I32 (&dots)[P][T], const Source* sources, const InputSpan* x, int b, int part) {
  constexpr int kQuads = 8 / Source::kParts;
  begin_dots<Source, P, T>(dots, x, b, part);
#pragma GCC unroll 8
  for (int i = 0; i < kQuads; ++i) {
    I32 w[P];
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) w[p] = sources[p].quad(b, kQuads * part + i);
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t) {
      const int8_t* x_quad = x[t].quants + kBlock * b + 4 * (kQuads * part + i);
      // With two panels, only every third input comes from memory, or loads would be the bottleneck.
      if (P == 1 || t % 3 == 2) {
#pragma GCC unroll 4
        for (int p = 0; p < P; ++p) dots[p][t] = dot_with<kIsSigned<Source>>(dots[p][t], w[p], x_quad);
      } else {
        const I32 quad = broadcast_quad(x_quad);
#pragma GCC unroll 4
        for (int p = 0; p < P; ++p) dots[p][t] = dot<kIsSigned<Source>>(dots[p][t], w[p], quad);
      }
    }
  }
}

#endif

}  // namespace
}  // namespace ferrum::cpu::FERRUM_ISA

#if defined(FERRUM_WORD_SUMS)
#include "backend/cpu/kernels/dots_avx2.h"  // dots_of()
#elif defined(FERRUM_NEON)
#include "backend/cpu/kernels/dots_neon.h"  // dots_of(), and store_quads() where SMMLA wants them otherwise
#endif
