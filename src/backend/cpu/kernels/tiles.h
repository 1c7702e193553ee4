// A panel of integer quants times tiles of quantised inputs.
//
//   sum += scale · x_scale · (Σ quant · x_quant − offset · Σ x_quant) + min · x_sum      for each block
//
// Integer sums are exact; the offset goes into what they start from. One float32 addition (two with minima)
// per block, in order of the blocks: whatever the size of a tile, a row's sum is the same bits.
#pragma once
#include "backend/cpu/kernels/sources.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {  // nothing here may become a symbol that the linker merges: see kernels.h

// Tokens of a tile, as many as the registers hold sums of.
#if defined(__AVX512F__)
constexpr int kTileTokens = 12;
constexpr int kTileTokensOfTwoParts = 8;
#else
constexpr int kTileTokens = 4;
constexpr int kTileTokensOfTwoParts = 4;
#endif
static_assert(kTileTokens <= kTilePadding);
constexpr int kDirectTokens = kTileTokens;  // more take several tiles: worth unpacking once

constexpr int log2_of(int n) { return n <= 1 ? 0 : 1 + log2_of(n / 2); }

// The only sources without offset and minimum are those of formats that need all 256 values.
template <class Source>
constexpr bool kIsSigned = Source::kOffset == 0 && !Source::kHasMin;

inline I32 broadcast_quad(const int8_t* x) {
  int32_t quad;
  __builtin_memcpy(&quad, x, sizeof quad);
  return I32{} + quad;
}

// Adds to each lane the four products of its bytes. Weights are unsigned, or signed if kSigned says so.
template <bool kSigned>
inline I32 dot(I32 sum, I32 w, I32 x) {
#if defined(__AVX512VNNI__)
  static_assert(!kSigned);
  return reinterpret_cast<I32>(_mm512_dpbusd_epi32(
      reinterpret_cast<__m512i>(sum), reinterpret_cast<__m512i>(w), reinterpret_cast<__m512i>(x)));
#elif defined(__AVX2__)
  // Sums of two fit into 16 bits: 2 × 127 × 127 where quants are below 128, and 2 × 128 × 127 for magnitudes
  // of signed ones.
  auto quants = reinterpret_cast<__m256i>(w);
  auto inputs = reinterpret_cast<__m256i>(x);
  if constexpr (kSigned) {
    inputs = _mm256_sign_epi8(inputs, quants);
    quants = _mm256_abs_epi8(quants);
  }
  return sum + reinterpret_cast<I32>(
                   _mm256_madd_epi16(_mm256_maddubs_epi16(quants, inputs), _mm256_set1_epi16(1)));
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

// The integer products of one part of a block with T tokens.
template <class Source, int T>
inline void dots_of(I32 (&dots)[T], const Source& source, const InputSpan* x, int b, int part) {
  constexpr int kQuads = 8 / Source::kParts;
  constexpr bool kSigned = kIsSigned<Source>;
#pragma GCC unroll 16
  for (int t = 0; t < T; ++t) {
    if constexpr (Source::kOffset == 0) {
      dots[t] = I32{};
    } else {
      const int32_t offset = Source::kParts == 1 ? x[t].offsets[b] : x[t].half_offsets[2 * b + part];
      dots[t] = (I32{} + offset) >> (7 - log2_of(Source::kOffset));
    }
  }
  // One token alone would wait for each product: two sums, which is as exact.
  constexpr int kChains = T == 1 ? 2 : 1;
  I32 second[kChains] = {};
#pragma GCC unroll 8
  for (int i = 0; i < kQuads; ++i) {
    const I32 w = source.quad(b, kQuads * part + i);
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t) {
      const I32 quad = broadcast_quad(x[t].quants + kBlock * b + 4 * (kQuads * part + i));
      if (kChains == 2 && i % 2 == 1)
        second[0] = dot<kSigned>(second[0], w, quad);
      else
        dots[t] = dot<kSigned>(dots[t], w, quad);
    }
  }
  if constexpr (kChains == 2) dots[0] += second[0];
}

template <class Source, int T>
inline void add_block(F32 (&sums)[T], const Source& source, const InputSpan* x, int b) {
  I32 dots[T];
  dots_of<Source, T>(dots, source, x, b, 0);
  const F32 scale = source.scale(b, 0);
  if constexpr (Source::kParts == 1) {
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t) sums[t] = fma(to_float(dots[t]), scale * x[t].scales[b], sums[t]);
    if constexpr (Source::kHasMin) {
      const F32 min = source.min(b, 0);
#pragma GCC unroll 16
      for (int t = 0; t < T; ++t) sums[t] = fma(min, broadcast(x[t].sums[b]), sums[t]);
    }
  } else {
    F32 scaled[T];
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t) scaled[t] = to_float(dots[t]) * scale;
    dots_of<Source, T>(dots, source, x, b, 1);
    const F32 second_scale = source.scale(b, 1);
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t) {
      scaled[t] = fma(to_float(dots[t]), second_scale, scaled[t]);
      sums[t] = fma(scaled[t], broadcast(x[t].scales[b]), sums[t]);
    }
    if constexpr (Source::kHasMin) {
      const F32 min = source.min(b, 0);
      const F32 second_min = source.min(b, 1);
#pragma GCC unroll 16
      for (int t = 0; t < T; ++t) {
        sums[t] = fma(min, broadcast(x[t].half_sums[2 * b]), sums[t]);
        sums[t] = fma(second_min, broadcast(x[t].half_sums[2 * b + 1]), sums[t]);
      }
    }
  }
}

// What is past `tokens` is computed with the rest and thrown away.
struct Tile {
  int first;
  int tokens;
};

template <class Source, int T>
inline void multiply_tile(const PanelTask& task, const uint8_t* panel, float* to, Tile tile) {
  F32 sums[T];
#pragma GCC unroll 16
  for (int t = 0; t < T; ++t) sums[t] = load(to + t * kLanes);
  const InputSpan* x = static_cast<const InputSpan*>(task.inputs) + tile.first;
  for (int col = 0; col < task.cols; col += kSpan, x += task.input_stride, panel += Source::kSpanBytes) {
    const int blocks = task.cols - col < kSpan ? (task.cols - col) / kBlock : kBlocks;
    const Source source(panel, blocks);
    for (int b = 0; b < blocks; ++b) add_block<Source, T>(sums, source, x, b);
  }
#pragma GCC unroll 16
  for (int t = 0; t < T; ++t)
    if (t < tile.tokens) store(to + t * kLanes, sums[t]);
}

// Tiles of nearly the same size, each rounded up to one that is compiled.
template <class Source>
inline void multiply_panels(const PanelTask& task) {
  constexpr int kMost = Source::kParts == 1 ? kTileTokens : kTileTokensOfTwoParts;
  for (int p = 0; p < task.panel_count; ++p) {
    const uint8_t* panel = task.panels + p * task.panel_stride;
    for (int t = 0; t < task.tokens;) {
      const int left = task.tokens - t;
      const int tiles = (left + kMost - 1) / kMost;
      const int tokens = (left + tiles - 1) / tiles;
      float* sums = task.sums + p * task.sums_stride + t * kLanes;
      if (tokens == 1) {
        multiply_tile<Source, 1>(task, panel, sums, {t, tokens});
      } else if (tokens == 2) {
        multiply_tile<Source, 2>(task, panel, sums, {t, tokens});
      } else if (tokens <= 4) {
        multiply_tile<Source, 4>(task, panel, sums, {t, tokens});
      } else {
        if constexpr (kMost >= 8) {
          if (tokens <= 6)
            multiply_tile<Source, 6>(task, panel, sums, {t, tokens});
          else if (tokens <= 8)
            multiply_tile<Source, 8>(task, panel, sums, {t, tokens});
        }
        if constexpr (kMost >= 12) {
          if (tokens > 8) multiply_tile<Source, 12>(task, panel, sums, {t, tokens});
        }
      }
      t += tokens;
    }
  }
}

template <class Source>
inline void unpack_spans(const uint8_t* panel, int cols, uint8_t* to) {
  using Unpacked = UnpackedOf<Source>;
  for (int col = 0; col < cols; col += kSpan, panel += Source::kSpanBytes, to += kUnpackedBytes) {
    const int blocks = cols - col < kSpan ? (cols - col) / kBlock : kBlocks;
    const Source source(panel, blocks);
    for (int b = 0; b < blocks; ++b) {
#pragma GCC unroll 8
      for (int i = 0; i < 8; ++i) store_register(to + (b * 8 + i) * kRegister, source.quad(b, i));
      for (int part = 0; part < Source::kParts; ++part) {
        const int at = (b * Source::kParts + part) * kRegister;
        store_register(to + Unpacked::kScalesAt + at, as_bits(source.scale(b, part)));
        if constexpr (Source::kHasMin) store_register(to + Unpacked::kMinsAt + at, as_bits(source.min(b, part)));
      }
    }
  }
}

template <class Source>
inline void expand_spans(const uint8_t* panel, int cols, float* out) {
  constexpr bool kSigned = kIsSigned<Source>;
  for (int col = 0; col < cols; col += kSpan, panel += Source::kSpanBytes) {
    const int blocks = cols - col < kSpan ? (cols - col) / kBlock : kBlocks;
    const Source source(panel, blocks);
    for (int b = 0; b < blocks; ++b)
      for (int i = 0; i < 8; ++i) {
        const int part = i / (8 / Source::kParts);
        const F32 scale = source.scale(b, part);
        const I32 quad = source.quad(b, i);
        for (int k = 0; k < 4; ++k) {
          const I32 quant = kSigned ? quad << (24 - 8 * k) >> 24 : (quad >> (8 * k) & 255) - Source::kOffset;
          F32 value = to_float(quant) * scale;
          if constexpr (Source::kHasMin) value = value + source.min(b, part);
          store(out + (col + kBlock * b + 4 * i + k) * kLanes, value);
        }
      }
  }
}

}  // namespace
}  // namespace ferrum::cpu::FERRUM_ISA
