// Panels of floats times tiles of inputs, two columns at a time, in column order.
//
// Columns defines how two columns are read from a panel (Pair, pair(), kBytes of one column), the type of an
// input span (Span), and how their products are added (add()).
#pragma once
#include "backend/cpu/kernels/functions.h"
#include "backend/cpu/kernels/tiling.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {  // nothing here may become a symbol that the linker merges: see kernels.h

// Tokens of a tile, and panels for that many: sums for most registers, and enough independent ones to hide
// the latency of additions.
#if defined(__AVX512F__)
constexpr int kMostTokens = 12;
constexpr int panels_with(int tokens) { return tokens <= 4 ? 4 : 2; }
#elif defined(FERRUM_NEON)  // as many registers, but a load per input and four rows
constexpr int kMostTokens = 6;
constexpr int panels_with(int tokens) { return tokens <= 4 ? 4 : 3; }
#else
constexpr int kMostTokens = 6;
constexpr int panels_with(int tokens) { return tokens <= 2 ? 4 : 2; }
#endif
static_assert(kMostTokens <= kTilePadding);

struct Tile {
  int first;
  int tokens;
};

template <class Columns, int P, int T>
inline void multiply_tile(const PanelTask& task, int first_panel, Tile tile) {
  F32 sums[P][T];
  const uint8_t* panels[P];
  float* to = task.sums + first_panel * task.sums_stride + tile.first * kLanes;
#pragma GCC unroll 4
  for (int p = 0; p < P; ++p) {
    panels[p] = task.panels + (first_panel + p) * task.panel_stride;
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t) sums[p][t] = load(to + p * task.sums_stride + t * kLanes);
  }
  const auto* x = static_cast<const typename Columns::Span*>(task.inputs) + tile.first;
  const int cols = task.cols + task.cols % 2;
  for (int col = 0; col < cols; col += kSpan, x += task.input_stride) {
    const int count = cols - col < kSpan ? cols - col : kSpan;
    for (int i = 0; i < count; i += 2) {
      typename Columns::Pair w[P];
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p) {
        const uint8_t* from = panels[p] + static_cast<int64_t>(col + i) * Columns::kBytes;
        if (tile.first == 0)
          for (int at = 0; at < 2 * Columns::kBytes; at += 64) prefetch_ahead(from + at);
        w[p] = Columns::pair(from);
      }
      Columns::template add<P, T>(sums, w, x, i);
    }
  }
#pragma GCC unroll 4
  for (int p = 0; p < P; ++p)
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t)
      if (t < tile.tokens) store(to + p * task.sums_stride + t * kLanes, sums[p][t]);
}

template <class Columns, int T>
inline void multiply_panels(const PanelTask& task, Tile tile) {
  constexpr int kPanels = panels_with(T);
  int p = 0;
  for (; p + kPanels <= task.panel_count; p += kPanels) multiply_tile<Columns, kPanels, T>(task, p, tile);
  for (; p < task.panel_count; ++p) multiply_tile<Columns, 1, T>(task, p, tile);
}

template <class Columns>
inline void multiply(const PanelTask& task) {
  in_tiles<kMostTokens>(task.tokens, [&]<int kSize>(int first, int count) {
    multiply_panels<Columns, kSize>(task, {first, count});
  });
}

}  // namespace
}  // namespace ferrum::cpu::FERRUM_ISA
