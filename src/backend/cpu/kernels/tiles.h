// A panel of integer quants times tiles of quantised inputs.
//
//   sum += scale · x_scale · (Σ quant · x_quant − offset · Σ x_quant) + min · x_sum      for each block
//
// Integer sums are exact and start from the offset's contribution. There is one float32 addition (two with
// minima) per block, in block order: whatever the size of a tile, a row's sum has the same bits.
#pragma once
#include "backend/cpu/kernels/dots.h"
#include "backend/cpu/kernels/tiling.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {  // nothing here may become a symbol that the linker merges: see kernels.h

// A tile is one panel of packed spans, each quad of which is unpacked once for all tokens of the tile, or two
// panels of unpacked spans, where one broadcast of an input serves two registers of weights. The number of
// tokens is limited by the registers for sums; sources of two parts have fewer.
#if defined(__AVX512F__)
constexpr int kPackedTokens[2] = {12, 8};
constexpr int kUnpackedTokens[2] = {6, 4};
#elif defined(__ARM_FEATURE_DOTPROD)
constexpr int kPackedTokens[2] = {8, 6};
constexpr int kUnpackedTokens[2] = {4, 4};
#elif defined(FERRUM_NEON)       // two registers of 16-bit sums for each 32-bit one
constexpr int kPackedTokens[2] = {6, 4};
constexpr int kUnpackedTokens[2] = {4, 2};
#elif defined(FERRUM_WORD_SUMS)  // a tile's float32 sums are in memory while a block's products are summed
constexpr int kPackedTokens[2] = {8, 8};
constexpr int kUnpackedTokens[2] = {4, 4};
#else
constexpr int kPackedTokens[2] = {4, 4};
constexpr int kUnpackedTokens[2] = {2, 2};
#endif
static_assert(kPackedTokens[0] <= kTilePadding);
// Up to this many tokens, unpacking for every tile costs less than unpacking in advance.
#if defined(FERRUM_WORD_SUMS)
constexpr int kDirectTokens = 2 * kPackedTokens[0];
#elif defined(__AVX2__)
constexpr int kDirectTokens = 48;
#elif defined(__ARM_FEATURE_MATMUL_INT8)  // only unpacked spans are multiplied with SMMLA
constexpr int kDirectTokens = kPackedTokens[0];
#elif defined(FERRUM_NEON)
constexpr int kDirectTokens = 2 * kPackedTokens[0];
#else
constexpr int kDirectTokens = kPackedTokens[0];
#endif

// The same for formats whose panels hold what is multiplied, floats or signed bytes.
#if defined(FERRUM_WORD_SUMS)
constexpr int kDirectTokensWithoutUnpacking = 48;
#else
constexpr int kDirectTokensWithoutUnpacking = kDirectTokens;
#endif
template <class Source>
constexpr int kDirectTokensOf = kIsSigned<Source> ? kDirectTokensWithoutUnpacking : kDirectTokens;

template <class Source>
inline void prefetch_block(const uint8_t* span, int b) {
  constexpr int kBytes = Source::kSpanBytes / kBlocks;
  for (int at = 0; at < kBytes; at += 64) prefetch_ahead(span + b * kBytes + at);
}

// A block with two scales.
#if defined(FERRUM_WORD_SUMS)
template <class Source, int P, int T>
inline void add_halves(F32 (&sums)[P][T], const Source* sources, const InputSpan* x, int b) {
  I32 dots[P][T];
  scaled_dots_of<Source, P, T>(dots, sources, x, b);
#pragma GCC unroll 4
  for (int p = 0; p < P; ++p) {
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t)
      sums[p][t] = fma(to_float(dots[p][t]), sources[p].span_scale * x[t].scales[b], sums[p][t]);
    if constexpr (Source::kHasMin) {
      const F32 min = sources[p].min(b, 0);
      const F32 second_min = sources[p].min(b, 1);
#pragma GCC unroll 16
      for (int t = 0; t < T; ++t) {
        sums[p][t] = fma(min, broadcast(x[t].half_sums[2 * b]), sums[p][t]);
        sums[p][t] = fma(second_min, broadcast(x[t].half_sums[2 * b + 1]), sums[p][t]);
      }
    }
  }
}
#else
template <class Source, int P, int T>
inline void add_halves(F32 (&sums)[P][T], const Source* sources, const InputSpan* x, int b) {
  I32 dots[P][T];
  dots_of<Source, P, T>(dots, sources, x, b, 0);
  F32 scaled[P][T];
#pragma GCC unroll 4
  for (int p = 0; p < P; ++p) {
    const F32 scale = sources[p].scale(b, 0);
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t) scaled[p][t] = to_float(dots[p][t]) * scale;
  }
  dots_of<Source, P, T>(dots, sources, x, b, 1);
#pragma GCC unroll 4
  for (int p = 0; p < P; ++p) {
    const F32 scale = sources[p].scale(b, 1);
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t) {
      scaled[p][t] = fma(to_float(dots[p][t]), scale, scaled[p][t]);
      sums[p][t] = fma(scaled[p][t], broadcast(x[t].scales[b]), sums[p][t]);
    }
    if constexpr (Source::kHasMin) {
      const F32 min = sources[p].min(b, 0);
      const F32 second_min = sources[p].min(b, 1);
#pragma GCC unroll 16
      for (int t = 0; t < T; ++t) {
        sums[p][t] = fma(min, broadcast(x[t].half_sums[2 * b]), sums[p][t]);
        sums[p][t] = fma(second_min, broadcast(x[t].half_sums[2 * b + 1]), sums[p][t]);
      }
    }
  }
}
#endif

template <class Source, int P, int T>
inline void add_block(F32 (&sums)[P][T], const Source* sources, const InputSpan* x, int b) {
  if constexpr (Source::kParts == 2) {
    add_halves<Source, P, T>(sums, sources, x, b);
  } else {
    I32 dots[P][T];
    dots_of<Source, P, T>(dots, sources, x, b, 0);
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) {
      const F32 scale = sources[p].scale(b, 0);
#pragma GCC unroll 16
      for (int t = 0; t < T; ++t) sums[p][t] = fma(to_float(dots[p][t]), scale * x[t].scales[b], sums[p][t]);
      if constexpr (Source::kHasMin) {
        const F32 min = sources[p].min(b, 0);
#pragma GCC unroll 16
        for (int t = 0; t < T; ++t) sums[p][t] = fma(min, broadcast(x[t].sums[b]), sums[p][t]);
      }
    }
  }
}

struct Tile {
  int first_panel;
  int first;
  int tokens;
};

// Inlined, since a call would be noticeable for a tile this short.
template <class Source, int P, int T>
[[gnu::always_inline]] inline void multiply_tile(const PanelTask& task, Tile tile) {
  float* to = task.sums + tile.first_panel * task.sums_stride + tile.first * kLanes;
  const uint8_t* panel = task.panels + tile.first_panel * task.panel_stride;
  const InputSpan* x = static_cast<const InputSpan*>(task.inputs) + tile.first;
  F32 sums[P][T];
#pragma GCC unroll 4
  for (int p = 0; p < P; ++p)
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t) sums[p][t] = load(to + p * task.sums_stride + t * kLanes);
  for (int col = 0; col < task.cols; col += kSpan, x += task.input_stride, panel += Source::kSpanBytes) {
    const int blocks = task.cols - col < kSpan ? (task.cols - col) / kBlock : kBlocks;
    if constexpr (P == 1) {
      const Source source(panel, blocks);
      for (int b = 0; b < blocks; ++b) {
        if (tile.first == 0) prefetch_block<Source>(panel, b);  // later tiles find it in a cache
        add_block<Source, P, T>(sums, &source, x, b);
      }
    } else {
      static_assert(P == 2);
      const Source sources[2] = {Source(panel, blocks), Source(panel + task.panel_stride, blocks)};
      for (int b = 0; b < blocks; ++b) {
        // Prefetches the inputs of the next tile from the second-level cache.
        for (int t = T; t < 2 * T; ++t)
          __builtin_prefetch(reinterpret_cast<const uint8_t*>(x + t) + 64 * b, 0, 3);
        add_block<Source, P, T>(sums, sources, x, b);
      }
    }
  }
#pragma GCC unroll 4
  for (int p = 0; p < P; ++p)
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t)
      if (t < tile.tokens) store(to + p * task.sums_stride + t * kLanes, sums[p][t]);
}

template <class Source, int P, int kMost>
inline void multiply_tokens(const PanelTask& task, int panel) {
  in_tiles<kMost>(task.tokens, [&]<int kSize>(int first, int count) {
    multiply_tile<Source, P, kSize>(task, {panel, first, count});
  });
}

template <class Source>
inline void multiply_panels(const PanelTask& task) {
  for (int p = 0; p < task.panel_count; ++p)
    multiply_tokens<Source, 1, kPackedTokens[Source::kParts - 1]>(task, p);
}

template <class Source>
inline void multiply_unpacked_panels(const PanelTask& task) {
  constexpr int kMost = kUnpackedTokens[Source::kParts - 1];
  int p = 0;
  for (; p + 2 <= task.panel_count; p += 2) multiply_tokens<Source, 2, kMost>(task, p);
  if (p < task.panel_count) multiply_tokens<Source, 1, kMost>(task, p);
}

template <class Source>
inline void unpack_spans(const uint8_t* panel, int cols, uint8_t* to) {
  using Unpacked = UnpackedOf<Source>;
  for (int col = 0; col < cols; col += kSpan, panel += Source::kSpanBytes, to += kUnpackedBytes) {
    const int blocks = cols - col < kSpan ? (cols - col) / kBlock : kBlocks;
    const Source source(panel, blocks);
    for (int b = 0; b < blocks; ++b) {
      store_quads(source, b, to + b * 8 * kRegister);
      store_scales<Unpacked>(source, b, to);
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
