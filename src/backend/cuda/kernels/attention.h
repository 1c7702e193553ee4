// Parameters of the kernels of attention: rope.cu and attention.cu.
#pragma once
#include "backend/cuda/device/gpu_types.h"
#include "backend/cuda/kernels/rows.h"

namespace ferrum::cuda {

enum KvType : int { kKvF32, kKvF16, kKvBf16, kKvI8 };

// Keys and values of one layer, in blocks (backend/kv_lanes.h).
struct KvView {
  void *k, *v;
  float *k_scales, *v_scales;              // of bytes
  int64_t k_stride, v_stride;              // of a block, of a slot; elements
  int64_t k_scale_stride, v_scale_stride;  // of a slot
  int type, block_tokens;
};

struct HeadSizes {
  int q_heads, kv_heads, head_dim, value_dim;
};

// rope_and_store: what AttentionLayer (backend.h) says of q, k and v before their product. Grid: tokens.
inline constexpr int kRopeThreads = 128;
struct RopeAndStore {
  Rows qkv;
  KvView kv;
  HeadSizes heads;
  const int* positions;
  const int* slots;
  NormWeights q_norm, k_norm, v_norm;
  int q_norm_is_wide, k_norm_is_wide;  // over all heads together
  int norm_last, joined, shares_kv;
  float clip;
  const float* cos_sin;  // null: no rotation
  int64_t cos_sin_stride;
  int half, neighbours;  // pairs of a head; whether pair i is 2 i and 2 i + 1
  float temperature;     // beta
  int temperature_length, temperature_offset;
};

inline constexpr int kAttendThreads = 128;
inline constexpr int kAttendRows = 16;  // of a block in float32: pairs of a token and a head
inline constexpr int kSubtile = 32;     // positions whose keys and values a block holds
inline constexpr int kPartition = 512;  // positions of a block: their sums are merged in order

// attend_1, _2, _4 (by values / 128): rows of one sequence and one head of keys over one partition of the
// context. All that depends on the context is bound to absolute positions: subtiles of 32, partitions of 512.
//   grid: tiles of rows from first_tile on, heads × tiles of heads, partitions
// attend_f16_ROWSxCOLUMNS, attend_bf16_…: the same on tensor cores, for as many rows of a block and at most
// as many values. merge_attention: the partitions of each row. Grid: the same, without partitions.
struct Attend {
  Rows out, qkv;
  KvView kv;
  HeadSizes heads;
  const int* positions;
  const int* query_start;
  const int* context_len;
  const int* block_table;
  int64_t table_stride;
  int sequences, first_tile;
  int joined, causal, window, chunked, first;
  float scale, soft_cap, value_scale;
  const float* sinks;   // null: none
  const float* slopes;  // null: none
  int rows;             // of a block
  int heads_of_tile, tokens_of_tile, head_tiles;
  int stages;  // subtiles of keys and values that a block has room for: 2, of which one is on its way, or 1
  int partitions;
  float* partial;  // [tiles, heads × tiles of heads, rows, partitions, 2 + value_dim]; unless there is one
                   // partition
};

constexpr int padded4(int n) { return (n + 3) / 4 * 4; }

// Shared arrays of attend: q with its second part, keys, values, weights, and what tile it is.
constexpr int attend_shared_bytes(const HeadSizes& h, bool joined) {
  const int q = padded4(h.head_dim) + (joined ? padded4(h.value_dim) : 0);
  return gpu::SharedSize()
      .array<float>(kAttendRows * q)
      .array<float>(padded4(h.head_dim) * kSubtile)
      .array<float>((padded4(h.value_dim) + 4) * kSubtile)
      .array<float>(kAttendRows * kSubtile)
      .array<int>(4)
      .bytes();
}

// Shared arrays of those on tensor cores, in elements of 16 bits. Rows lie an odd number of 16 bytes apart,
// so that eight of them are in different banks.
constexpr int padded16(int n) { return (n + 15) / 16 * 16; }
constexpr int odd_stride(int n) { return ((n + 7) / 8 | 1) * 8; }
inline constexpr int kPositionStride = odd_stride(kSubtile);  // of keys by dimension, and of weights
struct TileSizes {
  int dims;  // of keys; behind them, q has its second part
  int columns;
  int q_stride, value_stride;
};
constexpr TileSizes tile_sizes(const HeadSizes& h, bool joined) {
  const int dims = padded16(h.head_dim), columns = padded16(h.value_dim);
  return {dims, columns, odd_stride(joined ? dims + columns : dims), odd_stride(columns)};
}
// Numbers of 16 bits whose sum stands for one of q, and for a weight of values.
inline constexpr int kF16QueryParts = 2, kBf16QueryParts = 3, kWeightParts = 2;
constexpr int attend_tiles_shared_bytes(const HeadSizes& h, bool joined, bool is_bf16, int rows, int stages) {
  const TileSizes sizes = tile_sizes(h, joined);
  return gpu::SharedSize()
      .array<uint16_t>((is_bf16 ? kBf16QueryParts : kF16QueryParts) * rows * sizes.q_stride)
      .array<uint16_t>(stages * sizes.dims * kPositionStride)
      .array<uint16_t>(stages * kSubtile * sizes.value_stride)
      .array<float>(stages * 2 * kSubtile)
      .array<float>(rows)
      .array<float>(rows * kAttendThreads / 32)
      .array<float>(rows * kSubtile / 2)
      .array<uint16_t>(kWeightParts * rows * kPositionStride)
      .array<int>(4)
      .bytes();
}

}  // namespace ferrum::cuda
