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

// Some quads whose sums fit into 16 bits. With their weights in registers, the sums of one token after the
// other are widened; widen(p, words) makes of them what is added.
template <class Source, int P, int T, int kAtOnce, class Widen>
inline void add_quads(I32 (&dots)[P][T], const Source* sources, const InputSpan* x, int b, int first,
                      const Widen& widen) {
  __m256i w[P][kAtOnce];
#pragma GCC unroll 4
  for (int i = 0; i < kAtOnce; ++i)
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) {
      w[p][i] = as_bytes(sources[p].quad(b, first + i));
      if constexpr (T > 1) pin(w[p][i]);  // or unpacked ones would be loaded for each token
    }
#pragma GCC unroll 16
  for (int t = 0; t < T; ++t) {
    __m256i words[P];
#pragma GCC unroll 4
    for (int i = 0; i < kAtOnce; ++i) {
      const __m256i quad = as_bytes(broadcast_quad(x[t].quants + kBlock * b + 4 * (first + i)));
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p) {
        const __m256i pairs = _mm256_maddubs_epi16(w[p][i], quad);
        words[p] = i == 0 ? pairs : _mm256_add_epi16(words[p], pairs);
        if constexpr (P * T > 4) pin(words[p]);
      }
    }
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) {
      dots[p][t] += widen(p, words[p]);
      if constexpr (P * T > 1) pin(dots[p][t]);
    }
  }
}

// The same where that would take too many registers: 16-bit sums of all tokens, quad by quad.
template <class Source, int P, int T, int kAtOnce>
inline void add_quads_together(I32 (&dots)[P][T], const Source* sources, const InputSpan* x, int b,
                               int first) {
  __m256i words[P][T];
#pragma GCC unroll 8
  for (int i = 0; i < kAtOnce; ++i) {
    __m256i w[P];
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) w[p] = as_bytes(sources[p].quad(b, first + i));
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t) {
      const __m256i quad = as_bytes(broadcast_quad(x[t].quants + kBlock * b + 4 * (first + i)));
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p) {
        const __m256i pairs = _mm256_maddubs_epi16(w[p], quad);
        words[p][t] = i == 0 ? pairs : _mm256_add_epi16(words[p][t], pairs);
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

// Quants below 128 as unsigned bytes.
template <class Source, int P, int T>
inline void add_small_dots(I32 (&dots)[P][T], const Source* sources, const InputSpan* x, int b) {
  constexpr int kAtOnce = word_quads(Source::kMost);
  constexpr bool kInTurns = P * (kAtOnce + T) <= 12;  // weights and sums fit into registers
#pragma GCC unroll 4
  for (int first = 0; first < 8; first += kAtOnce)
    if constexpr (kAtOnce < 8 && kInTurns)
      add_quads<Source, P, T, kAtOnce>(dots, sources, x, b, first,
                                       [](int, __m256i words) { return widened(words); });
    else
      add_quads_together<Source, P, T, kAtOnce>(dots, sources, x, b, first);
}

// Σ scale · (quant − kOffset) · x_quant of a block with two scales.
template <class Source, int P, int T>
inline void scaled_dots_of(I32 (&dots)[P][T], const Source* sources, const InputSpan* x, int b) {
  constexpr int kMostAtOnce = P == 1 ? 4 : 2;  // quads whose weights registers hold beside the sums
  constexpr int kAtOnce = word_quads(Source::kMost) < kMostAtOnce ? word_quads(Source::kMost) : kMostAtOnce;
#pragma GCC unroll 16
  for (int t = 0; t < T; ++t)
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p)
      if constexpr (Source::kOffset != 0)
        dots[p][t] = reinterpret_cast<I32>(_mm256_madd_epi16(as_bytes(sources[p].offset_scales(b)),
                                                             _mm256_set1_epi32(x[t].half_offsets[b])));
      else
        dots[p][t] = I32{};
        // Unrolled to the end, or which bits a quad has would be computed.
#pragma GCC unroll 2
  for (int part = 0; part < 2; ++part)
#pragma GCC unroll 4
    for (int first = 4 * part; first < 4 * part + 4; first += kAtOnce)
      add_quads<Source, P, T, kAtOnce>(dots, sources, x, b, first, [&](int p, __m256i words) {
        asm("vpmaddwd %1, %0, %0" : "+x"(words) : "m"(sources[p].word_scales(b, part)));
        return reinterpret_cast<I32>(words);
      });
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

// The integer products of a block with T tokens.
template <class Source, int P, int T>
inline void dots_of(I32 (&dots)[P][T], const Source* sources, const InputSpan* x, int b, int part) {
  static_assert(Source::kParts == 1);
  begin_dots<Source, P, T>(dots, x, b, part);
  if constexpr (kIsSigned<Source>) {
    add_signed_dots<Source, P, T>(dots, sources, x, b);
  } else {
    static_assert(Source::kMost < 128);
    add_small_dots<Source, P, T>(dots, sources, x, b);
  }
}

}  // namespace
}  // namespace ferrum::cpu::FERRUM_ISA
