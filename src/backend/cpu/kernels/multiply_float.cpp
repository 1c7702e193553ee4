// Panels of floats times tiles of float32 inputs, one fused multiplication and addition per column in order.
//
// A panel of F32 or F16 holds column after column; one of BF16 two columns at a time, the earlier in the
// lower half of each lane, which takes one instruction each to widen.
#include "backend/cpu/kernels/functions.h"
#include "backend/cpu/kernels/tiling.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {

struct Pair {
  F32 first, second;
};

struct F32Columns {
  static constexpr int kBytes = 4 * kLanes;  // of a column
  static Pair pair(const uint8_t* p) {
    const auto* column = reinterpret_cast<const float*>(p);
    return {load(column), load(column + kLanes)};
  }
};
struct F16Columns {
  static constexpr int kBytes = 2 * kLanes;
  static Pair pair(const uint8_t* p) {
    const auto* column = reinterpret_cast<const F16*>(p);
    return {load(column), load(column + kLanes)};
  }
};
struct BF16Columns {
  static constexpr int kBytes = 2 * kLanes;
  static Pair pair(const uint8_t* p) {
    const I32 both = load_register(p);
    return {from_bits(both << 16), from_bits(both & ~0xFFFF)};
  }
};

// Tokens of a tile, and panels that go with so many: sums for most registers, and enough of them that none
// waits for the addition before.
#if defined(__AVX512F__)
constexpr int kMostTokens = 12;
constexpr int panels_with(int tokens) { return tokens <= 4 ? 4 : 2; }
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
  const FloatSpan* x = static_cast<const FloatSpan*>(task.inputs) + tile.first;
  const int cols = task.cols + task.cols % 2;
  for (int col = 0; col < cols; col += kSpan, x += task.input_stride) {
    const int count = cols - col < kSpan ? cols - col : kSpan;
    for (int i = 0; i < count; i += 2) {
      Pair w[P];
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p) {
        const uint8_t* from = panels[p] + static_cast<int64_t>(col + i) * Columns::kBytes;
        if (tile.first == 0)
          for (int at = 0; at < 2 * Columns::kBytes; at += 64) __builtin_prefetch(from + kAhead + at, 0, 3);
        w[p] = Columns::pair(from);
      }
#pragma GCC unroll 16
      for (int t = 0; t < T; ++t) {
        const F32 value = broadcast(x[t].values[i]);
#pragma GCC unroll 4
        for (int p = 0; p < P; ++p) sums[p][t] = fma(w[p].first, value, sums[p][t]);
      }
#pragma GCC unroll 16
      for (int t = 0; t < T; ++t) {
        const F32 value = broadcast(x[t].values[i + 1]);
#pragma GCC unroll 4
        for (int p = 0; p < P; ++p) sums[p][t] = fma(w[p].second, value, sums[p][t]);
      }
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

template <class Columns>
inline void expand(const uint8_t* panel, int cols, float* out) {
  for (int i = 0; i < cols + cols % 2; i += 2) {
    const Pair pair = Columns::pair(panel + static_cast<int64_t>(i) * Columns::kBytes);
    store(out + i * kLanes, pair.first);
    if (i + 1 < cols) store(out + (i + 1) * kLanes, pair.second);
  }
}

}  // namespace

void multiply_f32(const PanelTask& task) { multiply<F32Columns>(task); }
void multiply_f16(const PanelTask& task) { multiply<F16Columns>(task); }
void multiply_bf16(const PanelTask& task) { multiply<BF16Columns>(task); }

void expand_f32(const uint8_t* panel, int cols, float* out) { expand<F32Columns>(panel, cols, out); }
void expand_f16(const uint8_t* panel, int cols, float* out) { expand<F16Columns>(panel, cols, out); }
void expand_bf16(const uint8_t* panel, int cols, float* out) { expand<BF16Columns>(panel, cols, out); }

}  // namespace ferrum::cpu::FERRUM_ISA
