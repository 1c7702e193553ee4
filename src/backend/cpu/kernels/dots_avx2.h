// The integer products of a block with AVX2 alone.
//
// VPMADDUBSW multiplies unsigned bytes by signed ones and adds neighbouring products in 16 bits. Where quants
// are small, several of these sums fit into 16 bits before they must be widened, which takes two
// instructions: with 4 bits those of a whole block, 8 × 2 × 15 × 127 = 30480.
#pragma once

namespace ferrum::cpu::FERRUM_ISA {
namespace {  // nothing here may become a symbol that the linker merges: see kernels.h

// Keeps additions in the order of the source. GCC 12 delays them until all products of a block are there, for
// which there are not nearly enough registers.
template <class Register>
inline void pin(Register& sum) {
  asm volatile("" : "+x"(sum));
}

// Quads whose sums of products fit into 16 bits together: two products each, by inputs up to 127.
constexpr int word_quads(int most_quant) {
  int quads = 8;
  while (quads > 1 && quads * 2 * most_quant * 127 > 32767) quads /= 2;
  return quads;
}

inline __m256i as_bytes(I32 v) { return reinterpret_cast<__m256i>(v); }

inline I32 widened(__m256i words) {
  return reinterpret_cast<I32>(_mm256_madd_epi16(words, _mm256_set1_epi16(1)));
}

// Quants below 128 as unsigned bytes.
template <class Source, int P, int T>
inline void add_small_dots(I32 (&dots)[P][T], const Source* sources, const InputSpan* x, int b, int part) {
  constexpr int kQuads = 8 / Source::kParts;
  constexpr int kAtOnce = word_quads(Source::kMost) < kQuads ? word_quads(Source::kMost) : kQuads;
#pragma GCC unroll 4
  for (int first = 0; first < kQuads; first += kAtOnce) {
    __m256i words[P][T];
#pragma GCC unroll 8
    for (int i = kQuads * part + first; i < kQuads * part + first + kAtOnce; ++i) {
      __m256i w[P];
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p) w[p] = as_bytes(sources[p].quad(b, i));
#pragma GCC unroll 16
      for (int t = 0; t < T; ++t) {
        const __m256i quad = as_bytes(broadcast_quad(x[t].quants + kBlock * b + 4 * i));
#pragma GCC unroll 4
        for (int p = 0; p < P; ++p) {
          const __m256i pairs = _mm256_maddubs_epi16(w[p], quad);
          words[p][t] = i == kQuads * part + first ? pairs : _mm256_add_epi16(words[p][t], pairs);
          if constexpr (P * T > 1) pin(words[p][t]);
        }
      }
    }
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p)
#pragma GCC unroll 16
      for (int t = 0; t < T; ++t) {
        dots[p][t] += widened(words[p][t]);
        if constexpr (P * T > 2) pin(dots[p][t]);
      }
  }
}

// Signed quants of 8 bits: their magnitudes times inputs with their signs. Two products fit into 16 bits,
// 2 × 128 × 127.
template <class Source, int P, int T>
inline void add_signed_dots(I32 (&dots)[P][T], const Source* sources, const InputSpan* x, int b) {
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    __m256i w[P];
    __m256i magnitudes[P];
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) {
      w[p] = as_bytes(sources[p].quad(b, i));
      magnitudes[p] = _mm256_abs_epi8(w[p]);
    }
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t) {
      const __m256i quad = as_bytes(broadcast_quad(x[t].quants + kBlock * b + 4 * i));
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p) {
        dots[p][t] += widened(_mm256_maddubs_epi16(magnitudes[p], _mm256_sign_epi8(quad, w[p])));
        if constexpr (P * T > 2) pin(dots[p][t]);
      }
    }
  }
}

// The integer products of one part of a block with T tokens.
template <class Source, int P, int T>
inline void dots_of(I32 (&dots)[P][T], const Source* sources, const InputSpan* x, int b, int part) {
  begin_dots<Source, P, T>(dots, x, b, part);
  if constexpr (kIsSigned<Source>) {
    static_assert(Source::kParts == 1);
    add_signed_dots<Source, P, T>(dots, sources, x, b);
  } else {
    static_assert(Source::kMost < 128);
    add_small_dots<Source, P, T>(dots, sources, x, b, part);
  }
}

}  // namespace
}  // namespace ferrum::cpu::FERRUM_ISA
