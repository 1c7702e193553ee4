// Parameters of products: multiply_*.cu, and of what prepares their inputs: inputs.cu.
#pragma once
#include "backend/cuda/device/gpu_types.h"
#include "backend/cuda/kernels/tiles.h"
#include "backend/cuda/kernels/views.h"

namespace ferrum::cuda {

inline constexpr int kTokenTile = 8;     // tokens that a warp multiplies at once, or
inline constexpr int kWideTiles = 4;     // as many tiles of them in the kernels for many tokens, which take
inline constexpr int kWideRowTiles = 2;  // as many tiles of rows
inline constexpr int kMostWarps = 8;     // that share the columns of a row

// Warps among which the units of a row are shared out: each takes a run of `units_of_warp` units, and the
// sums of the runs are added in order. This and nothing else decides how a sum is rounded: it depends on the
// weight's width alone.
constexpr int warps_for(int units) { return units >= 64 ? 8 : units >= 16 ? 4 : units >= 4 ? 2 : 1; }
constexpr int units_of_warp(int units) { return (units + warps_for(units) - 1) / warps_for(units); }

// multiply_FORMAT_8 and _32: out = x · wᵀ + bias. Grid: row tiles (/ kWideRowTiles), token tiles (/
// kWideTiles), heads.
struct Multiply {
  TiledWeight w;
  const gpu::Vec2* x;  // fragments: inputs.cu
  int parts;           // of x
  int tiles;           // of x
  int positions;       // rows of x
  float* out;
  int64_t out_stride;
  int out_of_head;      // columns from one head's output to the next
  const float* bias;    // of the segment's first row, or null
  int bias_of_group;    // from one group to the next
  const int* groups;    // the group of each block of token tiles, −1: none; null: the head
  const int* out_rows;  // the row of out of each position, −1: none; null: the position
};
constexpr int shared_bytes_of(int warps, int row_tiles, int token_tiles) {
  return gpu::SharedSize().array<float>(warps * row_tiles * token_tiles * 128).bytes();
}

// multiply_FORMAT_64: the same for many rows of x.
// Grid: row tiles / kRowTilesOfBlock, token tiles / kTokenTilesOfBlock, heads.
inline constexpr int kRowTilesOfBlock = 8, kTokenTilesOfBlock = 8;
inline constexpr int kRowWarps = 4, kTokenWarps = 2;  // of a block, by which these are shared out
inline constexpr int kPipelineThreads = 32 * kRowWarps * kTokenWarps;
inline constexpr int kStages = 4;        // units of columns in shared memory
inline constexpr int kInputBytes = 512;  // of a unit of a tile of x, for each part
constexpr int pipeline_shared_bytes(const QuantFormat& f, int parts) {
  const int of_tile =
      f.low_bits * 64 + f.high_bits * 64 + (f.is_float() ? 0 : 8 * (f.record_bytes() + f.sub_bytes()));
  return kStages * (kRowTilesOfBlock * of_tile + parts * kTokenTilesOfBlock * kInputBytes);
}

// pack_inputs: rows of x as the second operand of mma.m16n8k16, in bf16, or as the sum of two bf16 numbers:
//   [heads, parts, tiles of 8 positions, units, 2 steps, 32 lanes] of two pairs; behind the last row and
//   column zeros.
// Grid: units / kUnitsOfBlock, tiles, heads.
inline constexpr int kUnitsOfBlock = 4;
struct PackInputs {
  gpu::Vec2* out;
  Rows x;
  const int* rows;   // the row of x of each position, −1: none; null: the position
  const int* order;  // the column of x for each column of the weight; null: the same
  int order_of_group;
  const int* groups;  // the group of each `tiles_of_group` tiles, as Multiply::groups
  int tiles_of_group;
  int positions, cols, units, parts;
};

// embed_FORMAT: out[i] = row tokens[i] of the table. Grid: units / kUnitsOfEmbed, tokens.
inline constexpr int kUnitsOfEmbed = 16;
struct Embed {
  TiledWeight w;
  Rows out;
  const int* tokens;
  const int* order;  // the column of out for each column of the table; null: the same
  int cols;
  int first_row;  // of the segment: other tokens are another segment's
};

}  // namespace ferrum::cuda
