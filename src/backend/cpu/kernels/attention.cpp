// softmax(q·K) · V of one tile of queries over one partition of the context.
//
// For each block of keys:
//   1. keys are converted and transposed to panels [head_dim, kPanel], so that a register holds one dimension
//      of as many keys as it has lanes;
//   2. scores [rows, kKeyBlock] are products of the queries with these panels;
//   3. those that a query does not see become −infinity; then the softmax;
//   4. values: many rows take them from panels [kKeyBlock, kPanel] of float32, a few rows (decoding) straight
//      from the pages.
// A query that sees only some of a block multiplies only their values, by itself, so that what stands behind
// it, or before its window, cannot reach it, not even as NaN.
#include "backend/cpu/kernels/attention.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {

constexpr float kLowest = -3.40282347e38f;

struct Span {
  int begin;
  int end;
};
inline int least(int a, int b) { return a < b ? a : b; }
inline int most(int a, int b) { return a > b ? a : b; }

// Positions that query t sees.
inline Span seen_by(const AttentionTile& tile, int t) {
  const int position = tile.position + t;
  return {tile.window > 0 ? most(0, position - tile.window + 1) : 0, position + 1};
}

// One block of keys as a tile meets it.
struct Block {
  int begin;                // its first position
  Span keys;                // positions that some query sees
  Span tokens;              // queries that see one of them …
  Span whole;               // … and those that see all kKeyBlock
  int64_t rows[kKeyBlock];  // of the pages; a position outside `keys` has the row of one inside
};

inline Block block_at(const AttentionTile& tile, int begin) {
  const int end = begin + kKeyBlock;
  Block block;
  block.begin = begin;
  block.keys = {most(begin, seen_by(tile, 0).begin), least(end, seen_by(tile, tile.tokens - 1).end)};
  block.tokens = {most(0, begin - tile.position), tile.tokens};
  block.whole = {least(tile.tokens, most(0, end - 1 - tile.position)), tile.tokens};
  if (tile.window > 0) {  // the last query that still sees a position is at position + window − 1
    block.tokens.end = least(tile.tokens, end - 1 + tile.window - tile.position);
    block.whole.end = least(tile.tokens, begin + tile.window - tile.position);
    block.whole.end = most(block.whole.end, block.whole.begin);
  }

  int position = block.keys.begin;
  int page = position / tile.page_tokens;
  int in_page = position % tile.page_tokens;
  int64_t first = static_cast<int64_t>(tile.pages[page]) * tile.page_tokens;
  for (int i = 0; i < position - begin; ++i) block.rows[i] = first + in_page;
  for (; position < block.keys.end; ++position, ++in_page) {
    if (in_page == tile.page_tokens) {
      in_page = 0;
      first = static_cast<int64_t>(tile.pages[++page]) * tile.page_tokens;
    }
    block.rows[position - begin] = first + in_page;
  }
  for (int i = position - begin; i < kKeyBlock; ++i) block.rows[i] = first + in_page - 1;
  return block;
}

template <class T>
inline const T* row_of(const uint8_t* pages, const AttentionTile& tile, int64_t row) {
  return reinterpret_cast<const T*>(pages + row * tile.kv_stride);
}

// What comes after a block of one kv head: the block's next kv head, or the next block's first.
struct Ahead {
  const uint8_t* k;
  const uint8_t* v;
  const int64_t* rows;
};

// The cache lines that `count` elements of T from `first` on begin, for those in steps of as many.
template <class T>
inline void prefetch(const T* row, int first, int count) {
  constexpr int kLine = 64 / static_cast<int>(sizeof(T));
  if (first % kLine != 0 && count < kLine) return;
  for (int i = 0; i < count; i += kLine) __builtin_prefetch(row + first + i, 0, 2);
}

// kLanes keys, a stride apart, to one half of a panel.
template <class T>
inline void transpose_keys(const uint8_t* keys, const uint8_t* ahead, int64_t stride, int dim, float* out) {
  // Few pointers and three distances reach every row: there are too few registers for an address each.
  const int64_t distance[4] = {0, stride, 2 * stride, 3 * stride};
  const auto row = [&](const uint8_t* first, int r) {
    return reinterpret_cast<const T*>(first + (r / 4) * 4 * stride + distance[r % 4]);
  };
  int i = 0;
  for (; i + kLanes <= dim; i += kLanes, out += kLanes * kPanel) {
    F32 square[kLanes];
#pragma GCC unroll 16
    for (int r = 0; r < kLanes; ++r) square[r] = load(row(keys, r) + i);
    if (i % (64 / static_cast<int>(sizeof(T))) == 0) {
#pragma GCC unroll 16
      for (int r = 0; r < kLanes; ++r) __builtin_prefetch(row(ahead, r) + i, 0, 2);
    }
    transpose(square);
#pragma GCC unroll 16
    for (int r = 0; r < kLanes; ++r) store(out + r * kPanel, square[r]);
  }
  if (i == dim) return;
  F32 square[kLanes];
  for (int r = 0; r < kLanes; ++r) square[r] = load_part(row(keys, r) + i, dim - i);
  transpose(square);
  for (int r = 0; r < dim - i; ++r) store(out + r * kPanel, square[r]);
}

// The same for keys of several pages.
template <class T>
inline void transpose_scattered(const AttentionTile& tile, const int64_t* rows, float* out) {
  const int dim = tile.head_dim;
  for (int i = 0; i < dim; i += kLanes, out += kLanes * kPanel) {
    const int count = least(kLanes, dim - i);
    F32 square[kLanes];
    for (int r = 0; r < kLanes; ++r) {
      const T* key = row_of<T>(tile.k, tile, rows[r]) + i;
      square[r] = count == kLanes ? load(key) : load_part(key, count);
    }
    transpose(square);
    for (int r = 0; r < count; ++r) store(out + r * kPanel, square[r]);
  }
}

// Step 1.
template <class T>
inline void load_keys(const AttentionTile& tile, const Block& block, const Ahead& ahead, float* panels) {
  const int dim = tile.head_dim;
  for (int p = 0; p < kKeyBlock; p += kPanel, panels += static_cast<int64_t>(dim) * kPanel) {
    if (block.begin + p >= block.keys.end || block.begin + p + kPanel <= block.keys.begin) continue;
    for (int half = 0; half < kPanel; half += kLanes) {
      const int64_t* rows = block.rows + p + half;
      if (rows[kLanes - 1] - rows[0] == kLanes - 1 && tile.page_tokens % kLanes == 0)
        transpose_keys<T>(tile.k + rows[0] * tile.kv_stride, ahead.k + ahead.rows[p + half] * tile.kv_stride,
                          tile.kv_stride, dim, panels + half);
      else
        transpose_scattered<T>(tile, rows, panels + half);
    }
  }
}

// Step 2, for the tokens of the block that see something of each panel.
inline void score(const AttentionTile& tile, const Block& block, const float* panels, float* scores) {
  const int dim = tile.head_dim;
  const int64_t panel_floats = static_cast<int64_t>(dim) * kPanel;
  for (int p = 0; p < kKeyBlock; p += kPanel, panels += panel_floats) {
    if (block.begin + p >= block.keys.end || block.begin + p + kPanel <= block.keys.begin) continue;
    const int first = most(block.tokens.begin, block.begin + p - tile.position) * tile.heads;
    PanelProduct product = {.a = tile.q + static_cast<int64_t>(first) * dim,
                            .a_stride = dim,
                            .panel = panels,
                            .count = dim,
                            .sums = scores + static_cast<int64_t>(first) * kKeyBlock + p,
                            .sums_stride = kKeyBlock,
                            .rows = block.tokens.end * tile.heads - first};
    // A few rows are too few sums to hide the latency of additions, so they take the next panel as well.
    const bool has_next = p + kPanel < kKeyBlock && block.begin + p + kPanel < block.keys.end;
    if (product.rows <= kPairedRows && has_next) {
      multiply_two_panels(product, panel_floats);
      p += kPanel;
      panels += panel_floats;
    } else {
      multiply_panel(product);
    }
  }
}

// Step 3, for one query that sees less than the block.
inline void hide_unseen(const AttentionTile& tile, const Block& block, int token, float* scores) {
  const Span seen = seen_by(tile, token);
  const int begin = most(0, seen.begin - block.begin);
  const int end = least(kKeyBlock, seen.end - block.begin);
  for (int h = 0; h < tile.heads; ++h, scores += kKeyBlock) {
    for (int p = 0; p < begin; ++p) scores[p] = -__builtin_inff();
    for (int p = end; p < kKeyBlock; ++p) scores[p] = -__builtin_inff();
  }
}

// Step 4.
template <class T>
inline void load_values(const AttentionTile& tile, const Block& block, float* panels) {
  const int dim = tile.head_dim;
  for (int i = 0; i < dim; i += kPanel, panels += kKeyBlock * kPanel) {
    for (int p = block.keys.begin - block.begin; p < block.keys.end - block.begin; ++p) {
      const T* value = row_of<T>(tile.v, tile, block.rows[p]) + i;
      for (int half = 0; half < kPanel; half += kLanes) {
        const int count = dim - i - half;
        F32 v = {};
        if (count >= kLanes)
          v = load(value + half);
        else if (count > 0)
          v = load_part(value + half, count);
        store(panels + p * kPanel + half, v);
      }
    }
  }
}

struct Rows {  // of a tile, and the positions of the block that they add
  int first;
  int count;
  Span positions;  // from the block's beginning
};

inline void add_panels(const AttentionTile& tile, const Rows& rows, const AttentionScratch& scratch,
                       float* sums, int padded) {
  const float* panels = scratch.values + static_cast<int64_t>(rows.positions.begin) * kPanel;
  for (int i = 0; i < tile.head_dim; i += kPanel, panels += kKeyBlock * kPanel) {
    accumulate_panel(
        {.a = scratch.scores + static_cast<int64_t>(rows.first) * kKeyBlock + rows.positions.begin,
         .a_stride = kKeyBlock,
         .panel = panels,
         .count = rows.positions.end - rows.positions.begin,
         .sums = sums + static_cast<int64_t>(rows.first) * padded + i,
         .sums_stride = padded,
         .rows = rows.count},
        scratch.corrections + rows.first);
  }
}

struct PageRows {
  const int64_t* now;
  const Ahead& ahead;
};

// kVectors registers of each of kRows rows, with values as they lie in the pages; `count` dimensions of them
// in the last register.
template <class T, int kRows, int kVectors>
inline void add_columns(const AttentionTile& tile, const PageRows& pages, const Rows& rows,
                        const AttentionScratch& scratch, float* sums, int padded, int column) {
  const float* weights = scratch.scores + static_cast<int64_t>(rows.first) * kKeyBlock;
  float* out = sums + static_cast<int64_t>(rows.first) * padded + column;
  const int rest = tile.head_dim - column;  // less than a register only where kVectors is 1
  F32 totals[kRows][kVectors];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    const F32 factor = broadcast(scratch.corrections[rows.first + r]);
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j) totals[r][j] = load(out + r * padded + j * kLanes) * factor;
  }
  for (int p = rows.positions.begin; p < rows.positions.end; ++p) {
    const T* value = row_of<T>(tile.v, tile, pages.now[p]) + column;
    prefetch(row_of<T>(pages.ahead.v, tile, pages.ahead.rows[p]), column, kVectors * kLanes);
    F32 v[kVectors];
    if (kVectors > 1 || rest >= kLanes) {
#pragma GCC unroll 8
      for (int j = 0; j < kVectors; ++j) v[j] = load(value + j * kLanes);
    } else {
      v[0] = load_part(value, rest);
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const F32 weight = broadcast(weights[r * kKeyBlock + p]);
#pragma GCC unroll 8
      for (int j = 0; j < kVectors; ++j) totals[r][j] = fma(weight, v[j], totals[r][j]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j) store(out + r * padded + j * kLanes, totals[r][j]);
  }
}

template <class T, int kRows>
inline void add_pages(const AttentionTile& tile, const PageRows& pages, const Rows& rows,
                      const AttentionScratch& scratch, float* sums, int padded) {
  if constexpr (kRows > 0) {
    if (rows.count < kRows) return add_pages<T, kRows - 1>(tile, pages, rows, scratch, sums, padded);
    // As many registers of a row as leave room for the sums, which take up to 2 kTileRows.
    constexpr int kVectors = kRows * 8 <= 2 * kTileRows ? 8 : kRows * 4 <= 2 * kTileRows ? 4 : 2;
    int i = 0;
    for (; i + kVectors * kLanes <= tile.head_dim; i += kVectors * kLanes)
      add_columns<T, kRows, kVectors>(tile, pages, rows, scratch, sums, padded, i);
    for (; kVectors > 2 && i + 2 * kLanes <= tile.head_dim; i += 2 * kLanes)
      add_columns<T, kRows, 2>(tile, pages, rows, scratch, sums, padded, i);
    for (; i < tile.head_dim; i += kLanes)
      add_columns<T, kRows, 1>(tile, pages, rows, scratch, sums, padded, i);
  }
}

// One block of one kv head: the tile, scratch and state begin there.
template <class T>
inline void attend_block(const AttentionTile& tile, const Block& block, const Ahead& ahead,
                         const AttentionScratch& scratch, const AttentionState& state) {
  const int padded = padded_dim(tile.head_dim);
  const int first_row = block.tokens.begin * tile.heads;
  const int rows = block.tokens.end * tile.heads - first_row;
  load_keys<T>(tile, block, ahead, scratch.keys);
  score(tile, block, scratch.keys, scratch.scores);

  float* scores = scratch.scores + static_cast<int64_t>(first_row) * kKeyBlock;
  float value_scales[kKeyBlock];
  if constexpr (sizeof(T) == 1) {
    float key_scales[kKeyBlock];
    for (int p = 0; p < kKeyBlock; ++p) {
      key_scales[p] = tile.k_scales[block.rows[p] * tile.scale_stride];
      value_scales[p] = tile.v_scales[block.rows[p] * tile.scale_stride];
    }
    for (int r = 0; r < rows; ++r)
      for (int p = 0; p < kKeyBlock; p += kLanes)
        store(scores + r * kKeyBlock + p, load(scores + r * kKeyBlock + p) * load(key_scales + p));
  }
  for (int t = block.tokens.begin; t < block.tokens.end; ++t)
    if (t < block.whole.begin || t >= block.whole.end)
      hide_unseen(tile, block, t, scratch.scores + static_cast<int64_t>(t) * tile.heads * kKeyBlock);
  add_block({.scores = scores,
             .highest = state.highest + first_row,
             .corrections = scratch.corrections + first_row,
             .lane_totals = scratch.lane_totals + static_cast<int64_t>(first_row) * kLanes,
             .rows = rows,
             .value_scales = sizeof(T) == 1 ? value_scales : nullptr});

  const bool from_pages = rows <= kTileRows;
  if (!from_pages) load_values<T>(tile, block, scratch.values);
  const auto add = [&](int token, int count, Span positions) {
    const Rows part = {token * tile.heads, count * tile.heads, positions};
    if (from_pages)
      add_pages<T, kTileRows>(tile, {block.rows, ahead}, part, scratch, state.values, padded);
    else
      add_panels(tile, part, scratch, state.values, padded);
  };
  for (int t = block.tokens.begin; t < block.tokens.end; ++t) {
    if (t == block.whole.begin && block.whole.end > t) {
      add(t, block.whole.end - t, {0, kKeyBlock});
      t = block.whole.end - 1;
      continue;
    }
    const Span seen = seen_by(tile, t);
    add(t, 1, {most(0, seen.begin - block.begin), least(kKeyBlock, seen.end - block.begin)});
  }
}

template <class T>
inline void attend(const AttentionTile& tile, int partition, const AttentionScratch& scratch,
                   const AttentionState& state) {
  const int padded = padded_dim(tile.head_dim);
  const int64_t head_rows = static_cast<int64_t>(tile.tokens) * tile.heads;
  const int64_t rows = head_rows * tile.kv_heads;
  for (int64_t r = 0; r < rows; ++r) state.highest[r] = kLowest;
  __builtin_memset(scratch.lane_totals, 0, sizeof(float) * static_cast<size_t>(rows) * kLanes);
  __builtin_memset(state.values, 0, sizeof(float) * static_cast<size_t>(rows) * static_cast<size_t>(padded));

  const int64_t head_bytes = tile.head_dim * static_cast<int64_t>(sizeof(T));
  const int first = most(partition, seen_by(tile, 0).begin) / kKeyBlock * kKeyBlock;
  const int context = tile.position + tile.tokens;
  const int end = least(partition + kPartition, context);
  Block block = block_at(tile, first);
  for (int begin = first; begin < end; begin += kKeyBlock) {
    const Block next = begin + kKeyBlock < context ? block_at(tile, begin + kKeyBlock) : block;
    for (int g = 0; g < tile.kv_heads; ++g) {
      AttentionTile head = tile;
      head.q += g * head_rows * tile.head_dim;
      head.k += g * head_bytes;
      head.v += g * head_bytes;
      if constexpr (sizeof(T) == 1) {
        head.k_scales += g;
        head.v_scales += g;
      }
      AttentionScratch own = scratch;
      own.lane_totals += g * head_rows * kLanes;
      const AttentionState sums = {state.highest + g * head_rows, nullptr,
                                   state.values + g * head_rows * padded};
      const Ahead ahead = g + 1 < tile.kv_heads ? Ahead{head.k + head_bytes, head.v + head_bytes, block.rows}
                                                : Ahead{tile.k, tile.v, next.rows};
      attend_block<T>(head, block, ahead, own, sums);
    }
    block = next;
  }
  for (int64_t r = 0; r < rows; ++r) state.total[r] = sum(load(scratch.lane_totals + r * kLanes));
}

}  // namespace

void attend_f32(const AttentionTile& tile, int partition, const AttentionScratch& scratch,
                const AttentionState& state) {
  attend<float>(tile, partition, scratch, state);
}
void attend_f16(const AttentionTile& tile, int partition, const AttentionScratch& scratch,
                const AttentionState& state) {
  attend<F16>(tile, partition, scratch, state);
}
void attend_bf16(const AttentionTile& tile, int partition, const AttentionScratch& scratch,
                 const AttentionState& state) {
  attend<BF16>(tile, partition, scratch, state);
}
void attend_i8(const AttentionTile& tile, int partition, const AttentionScratch& scratch,
               const AttentionState& state) {
  attend<int8_t>(tile, partition, scratch, state);
}

}  // namespace ferrum::cpu::FERRUM_ISA
