// Which rows a block of attention has, and which positions each of them sees.
#pragma once
#include "backend/cuda/device/gpu.h"
#include "backend/cuda/kernels/attention.h"

namespace ferrum::cuda {

inline constexpr int kAttendWarps = kAttendThreads / 32;

// The tokens of a block: `count` of one sequence, from row `first` of the step on.
struct TokenTile {
  int sequence;  // −1: there is no such tile
  int first, count;
};

// Tiles are numbered sequence by sequence. Computed by a warp.
GPU_FN TokenTile find_tile(const Attend& p, int tile) {
  int before = 0;
  for (int base = 0; base < p.sequences; base += 32) {
    const int s = base + gpu::lane();
    int first = 0, count = 0;
    if (s < p.sequences) {
      first = p.query_start[s];
      count = p.query_start[s + 1] - first;
    }
    const int tiles = (count + p.tokens_of_tile - 1) / p.tokens_of_tile;
    int upto = tiles;  // of these lanes, with this one
    for (int step = 1; step < 32; step <<= 1) {
      const int other = gpu::shuffle(upto, gpu::max(gpu::lane() - step, 0));
      if (gpu::lane() >= step) upto += other;
    }
    const unsigned has = gpu::ballot(tile < before + upto);
    if (has != 0) {
      int lane = 0;
      while ((has >> lane & 1) == 0) ++lane;
      const int own = tile - before - gpu::shuffle(upto - tiles, lane);
      const int start = gpu::shuffle(first, lane) + own * p.tokens_of_tile;
      const int left = gpu::shuffle(first + count, lane) - start;
      return {base + lane, start, gpu::min(left, p.tokens_of_tile)};
    }
    before += gpu::shuffle(upto, 31);
  }
  return {-1, 0, 0};
}

GPU_FN TokenTile shared_tile(const Attend& p, int* room) {
  if (gpu::warp() == 0) {
    const TokenTile tile = find_tile(p, p.first_tile + gpu::block_index().x);
    if (gpu::lane() == 0) room[0] = tile.sequence, room[1] = tile.first, room[2] = tile.count;
  }
  gpu::sync_block();
  return {room[0], room[1], room[2]};
}

// Positions that a row sees.
struct Seen {
  int first, last;
};
GPU_FN Seen seen_from(int position, int context, const Attend& p) {
  if (p.causal != 0) {
    const int within = p.window == 0    ? 0
                       : p.chunked != 0 ? position / p.window * p.window
                                        : gpu::max(0, position - p.window + 1);
    return {gpu::min(gpu::max(within, p.first), position), position};
  }
  if (p.window == 0) return {0, context - 1};
  return {gpu::max(0, position - p.window / 2), gpu::min(context - 1, position + p.window / 2)};
}

// What any row of these tokens sees of the partition that the block has; nothing: last is −1.
GPU_FN Seen seen_of_partition(const TokenTile& tokens, int context, const Attend& p) {
  const int begin = gpu::block_index().z * kPartition, end = begin + kPartition - 1;
  const int first = seen_from(p.positions[tokens.first], context, p).first;
  const int last = seen_from(p.positions[tokens.first + tokens.count - 1], context, p).last;
  if (last < begin || first > end) return {0, -1};
  return {gpu::max(first, begin), gpu::min(last, end)};
}

// Which heads of q a block has: those of one head of keys, or some of them.
struct HeadTile {
  int kv_head, first, count;  // heads of q
};
GPU_FN HeadTile head_tile(const Attend& p) {
  const int kv_head = gpu::block_index().y / p.head_tiles, part = gpu::block_index().y % p.head_tiles;
  const int sharing = p.heads.q_heads / p.heads.kv_heads, before = part * p.heads_of_tile;
  return {kv_head, kv_head * sharing + before, gpu::min(p.heads_of_tile, sharing - before)};
}

// Row r of a block: a token and a head.
struct Row {
  int token, head;  // token −1: there is none
};
GPU_FN Row row_of(int r, const TokenTile& tokens, const HeadTile& heads) {
  const int token = r / heads.count;
  if (token >= tokens.count) return {-1, 0};
  return {tokens.first + token, heads.first + r % heads.count};
}

GPU_FN float* partial_of(const Attend& p, int row, int partition) {
  const int64_t tile = static_cast<int64_t>(gpu::block_index().x) * gpu::grid_size().y + gpu::block_index().y;
  return p.partial + ((tile * p.rows + row) * p.partitions + partition) * (2 + p.heads.value_dim);
}

// What the sums of a row become with the sink: their factor.
GPU_FN float final_factor(float largest, float sum, int head, const Attend& p) {
  if (p.sinks == nullptr) return p.value_scale / sum;
  const float sink = p.sinks[head], most = gpu::max(largest, sink);
  const float factor = gpu::exp(largest - most);
  return p.value_scale * factor / (sum * factor + gpu::exp(sink - most));
}

}  // namespace ferrum::cuda
