// Panels of BF16 times tiles of bf16 inputs with AMX.
//
// 32 columns of a packed panel are a tile as they lie: row i holds columns 2i and 2i + 1 of each lane, which
// is the layout that TDPBF16PS takes its second operand in. A row's sum stays in its tile from span to span,
// and each instruction adds the same 32 columns, so it has the same bits for any number of tokens: also a
// single token is multiplied so. Source: Intel's Software Developer's Manual, TDPBF16PS.
#pragma once
#include "backend/cpu/kernels/functions.h"
#include "backend/cpu/kernels/tile_registers.h"
#include "backend/cpu/kernels/tiling.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {  // nothing here may become a symbol that the linker merges: see kernels.h

constexpr int kStepColumns = 32;
constexpr int kStepBytes = kStepColumns * kLanes * 2;  // of a panel

// Tiles 0 to 3 are sums, 4 and 5 inputs of two groups of tokens, 6 and 7 the weights of two panels.
inline void configure_pairs(int first_tokens, int second_tokens) {
  TileConfiguration tiles;
  tiles.set(0, first_tokens, kRegister);
  tiles.set(1, second_tokens > 0 ? second_tokens : first_tokens, kRegister);
  tiles.set(2, first_tokens, kRegister);
  tiles.set(3, second_tokens > 0 ? second_tokens : first_tokens, kRegister);
  tiles.set(4, first_tokens, kRegister);
  tiles.set(5, second_tokens, kRegister);
  tiles.set(6, kTileRows, kRegister);
  tiles.set(7, kTileRows, kRegister);
  tiles.load();
}

// The inputs and weights of successive steps of 32 columns. Columns past the last whole step are copied, with
// zeros behind them: a panel ends with its last column.
class PairSteps {
 public:
  PairSteps(const PanelTask& task, int panel, int first)
      : weights_(task.panels + panel * task.panel_stride),
        inputs_(static_cast<const HalfSpan*>(task.inputs) + first),
        panel_stride_(task.panel_stride),
        input_stride_(task.input_stride),
        cols_(task.cols) {}

  int count() const { return (cols_ + kStepColumns - 1) / kStepColumns; }
  const uint16_t* inputs(int step) const {
    const int col = step * kStepColumns;
    return inputs_[col / kSpan * input_stride_].values + col % kSpan;
  }
  const uint8_t* weights(int step, int panel, uint8_t* padded) const {
    const uint8_t* at = weights_ + panel * panel_stride_ + int64_t{step} * kStepBytes;
    const int left = cols_ - step * kStepColumns;
    if (left >= kStepColumns) return at;
    const int bytes = (left + 1) / 2 * kRegister;
    __builtin_memcpy(padded, at, static_cast<size_t>(bytes));
    __builtin_memset(padded + bytes, 0, static_cast<size_t>(kStepBytes - bytes));
    asm volatile("" : : : "memory");  // GCC 12 does not know that TILELOADD reads it
    return padded;
  }

 private:
  const uint8_t* weights_;
  const HalfSpan* inputs_;
  int64_t panel_stride_, input_stride_;
  int cols_;
};

// From farther ahead into the first level than prefetch_ahead(): a step takes 1 KiB of a panel at once.
inline void prefetch_step(const uint8_t* weights) {
  for (int at = 0; at < kStepBytes; at += 64) {
    __builtin_prefetch(weights + at + 8192, 0, 2);
    __builtin_prefetch(weights + at + 4096, 0, 3);
  }
}

// Two panels and two groups of tokens.
inline void multiply_two_by_two(const PanelTask& task, int panel, int first) {
  float* to = task.sums + panel * task.sums_stride + first * kLanes;
  float* second = to + task.sums_stride;
  constexpr int kGroup = kTileRows * kLanes;
  _tile_loadd(0, to, kRegister);
  _tile_loadd(1, to + kGroup, kRegister);
  _tile_loadd(2, second, kRegister);
  _tile_loadd(3, second + kGroup, kRegister);
  const PairSteps steps(task, panel, first);
  alignas(64) uint8_t padded[2][kStepBytes];
  for (int i = 0; i < steps.count(); ++i) {
    const uint16_t* x = steps.inputs(i);
    const uint8_t* w = steps.weights(i, 0, padded[0]);
    const uint8_t* next = steps.weights(i, 1, padded[1]);
    if (first == 0) {
      prefetch_step(w);
      prefetch_step(next);
    }
    _tile_loadd(4, x, sizeof(HalfSpan));
    _tile_loadd(6, w, kRegister);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(5, x + kTileRows * kSpan, sizeof(HalfSpan));
    _tile_dpbf16ps(1, 5, 6);
    _tile_loadd(7, next, kRegister);
    _tile_dpbf16ps(2, 4, 7);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, to, kRegister);
  _tile_stored(1, to + kGroup, kRegister);
  _tile_stored(2, second, kRegister);
  _tile_stored(3, second + kGroup, kRegister);
}

// One panel and two groups.
inline void multiply_one_by_two(const PanelTask& task, int panel, int first) {
  float* to = task.sums + panel * task.sums_stride + first * kLanes;
  constexpr int kGroup = kTileRows * kLanes;
  _tile_loadd(0, to, kRegister);
  _tile_loadd(1, to + kGroup, kRegister);
  const PairSteps steps(task, panel, first);
  alignas(64) uint8_t padded[kStepBytes];
  for (int i = 0; i < steps.count(); ++i) {
    const uint16_t* x = steps.inputs(i);
    const uint8_t* w = steps.weights(i, 0, padded);
    if (first == 0) prefetch_step(w);
    _tile_loadd(4, x, sizeof(HalfSpan));
    _tile_loadd(6, w, kRegister);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(5, x + kTileRows * kSpan, sizeof(HalfSpan));
    _tile_dpbf16ps(1, 5, 6);
  }
  _tile_stored(0, to, kRegister);
  _tile_stored(1, to + kGroup, kRegister);
}

// Four panels and one group: as many streams from memory where tokens are few.
inline void multiply_four_by_one(const PanelTask& task, int panel, int first) {
  float* to = task.sums + panel * task.sums_stride + first * kLanes;
  const int64_t stride = task.sums_stride;
  _tile_loadd(0, to, kRegister);
  _tile_loadd(1, to + stride, kRegister);
  _tile_loadd(2, to + 2 * stride, kRegister);
  _tile_loadd(3, to + 3 * stride, kRegister);
  const PairSteps steps(task, panel, first);
  alignas(64) uint8_t padded[4][kStepBytes];
  for (int i = 0; i < steps.count(); ++i) {
    const uint8_t* w[4];
    for (int p = 0; p < 4; ++p) w[p] = steps.weights(i, p, padded[p]);
    _tile_loadd(4, steps.inputs(i), sizeof(HalfSpan));
    if (first == 0) prefetch_step(w[0]);
    _tile_loadd(6, w[0], kRegister);
    _tile_dpbf16ps(0, 4, 6);
    if (first == 0) prefetch_step(w[1]);
    _tile_loadd(7, w[1], kRegister);
    _tile_dpbf16ps(1, 4, 7);
    if (first == 0) prefetch_step(w[2]);
    _tile_loadd(6, w[2], kRegister);
    _tile_dpbf16ps(2, 4, 6);
    if (first == 0) prefetch_step(w[3]);
    _tile_loadd(7, w[3], kRegister);
    _tile_dpbf16ps(3, 4, 7);
  }
  _tile_stored(0, to, kRegister);
  _tile_stored(1, to + stride, kRegister);
  _tile_stored(2, to + 2 * stride, kRegister);
  _tile_stored(3, to + 3 * stride, kRegister);
}

inline void multiply_one_by_one(const PanelTask& task, int panel, int first) {
  float* to = task.sums + panel * task.sums_stride + first * kLanes;
  _tile_loadd(0, to, kRegister);
  const PairSteps steps(task, panel, first);
  alignas(64) uint8_t padded[kStepBytes];
  for (int i = 0; i < steps.count(); ++i) {
    const uint8_t* w = steps.weights(i, 0, padded);
    if (first == 0) prefetch_step(w);
    _tile_loadd(4, steps.inputs(i), sizeof(HalfSpan));
    _tile_loadd(6, w, kRegister);
    _tile_dpbf16ps(0, 4, 6);
  }
  _tile_stored(0, to, kRegister);
}

// All panels with the tokens from `first` on, of which there are as many as the tiles are configured for.
inline void multiply_two_groups(const PanelTask& task, int first) {
  int p = 0;
  for (; p + 2 <= task.panel_count; p += 2) multiply_two_by_two(task, p, first);
  if (p < task.panel_count) multiply_one_by_two(task, p, first);
}

inline void multiply_one_group(const PanelTask& task, int first) {
  int p = 0;
  for (; p + 4 <= task.panel_count; p += 4) multiply_four_by_one(task, p, first);
  for (; p < task.panel_count; ++p) multiply_one_by_one(task, p, first);
}

inline void multiply_pairs_with_tiles(const PanelTask& task) {
  constexpr int kBoth = 2 * kTileRows;
  const int rest = task.tokens % kBoth;
  int first = 0;
  if (task.tokens >= kBoth) configure_pairs(kTileRows, kTileRows);
  for (; first + kBoth <= task.tokens; first += kBoth) multiply_two_groups(task, first);
  if (rest > kTileRows) {
    configure_pairs(kTileRows, rest - kTileRows);
    multiply_two_groups(task, first);
  } else if (rest > 0) {
    configure_pairs(rest, 0);
    multiply_one_group(task, first);
  }
  _tile_release();
}

}  // namespace
}  // namespace ferrum::cpu::FERRUM_ISA
