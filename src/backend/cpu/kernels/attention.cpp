// softmax(q·K) · V of one tile of queries over one partition of the context.
//
// For each run of keys:
//   1. keys are converted to panels [head_dim, kPanel]: a register holds one dimension of as many keys as
//      it has lanes;
//   2. scores [rows, kRunKeys] are products of the queries with these panels;
//   3. scores are capped where the model has a soft cap, and fall with the distance where it has slopes;
//   those
//      that a query does not see become −infinity; then the softmax;
//   4. values are converted to panels [kRunKeys, kPanel] of float32, and multiplied by the weights.
//
// Where a key is k and then v, its second part is transposed from the values of step 4, which then comes
// first.
//
// A few rows (decoding) read keys and values directly from the blocks, where these are not joined. A query
// that sees only part of a run multiplies only the values it sees, so that other positions cannot affect it,
// not even with NaNs.
#include "backend/cpu/kernels/attention.h"

#include "backend/cpu/kernels/transpose.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {

constexpr float kLowest = -3.40282347e38f;

struct Span {
  int begin;
  int end;
};
inline int least(int a, int b) { return a < b ? a : b; }
inline int most(int a, int b) { return a > b ? a : b; }

// The positions that query t sees.
inline Span seen_by(const AttentionTile& tile, int t) {
  const int position = tile.position + t;
  return {tile.window > 0 ? most(tile.first, position - tile.window + 1) : tile.first,
          least(tile.context, position + 1 + tile.ahead)};
}

// One run of keys, for one tile.
struct KeyRun {
  int begin;                           // its first position
  Span keys;                           // positions that some query sees
  Span tokens;                         // queries that see at least one of them
  Span whole;                          // queries that see all kRunKeys
  int64_t rows[kRunKeys];              // their slots; a position outside `keys` has the slot of one inside
  int64_t keys_at[kRunKeys / kLanes];  // where kLanes keys are adjacent: elements from block 0
};

inline int score_dim(const AttentionTile& tile) {
  return tile.joined ? tile.head_dim + tile.value_dim : tile.head_dim;
}

// The offset in elements from block 0 to the first dimension of a slot's key.
inline int64_t key_at(const AttentionTile& tile, int64_t slot) {
  return slot / tile.block_tokens * tile.k_stride + slot % tile.block_tokens;
}

inline KeyRun run_at(const AttentionTile& tile, int begin) {
  const int end = begin + kRunKeys;
  KeyRun run;
  run.begin = begin;
  run.keys = {most(begin, seen_by(tile, 0).begin), least(end, seen_by(tile, tile.tokens - 1).end)};
  run.tokens = {most(0, begin - tile.ahead - tile.position), tile.tokens};
  run.whole = {least(tile.tokens, most(0, end - 1 - tile.ahead - tile.position)), tile.tokens};
  if (end > tile.context || begin < tile.first) run.whole.begin = tile.tokens;
  if (tile.window > 0) {  // the last query that still sees a position is at position + window − 1
    run.tokens.end = least(tile.tokens, end - 1 + tile.window - tile.position);
    run.whole.end = least(tile.tokens, begin + tile.window - tile.position);
    run.whole.end = most(run.whole.end, run.whole.begin);
  }

  int position = run.keys.begin;
  int block = position / tile.block_tokens;
  int in_block = position % tile.block_tokens;
  int64_t first = static_cast<int64_t>(tile.blocks[block]) * tile.block_tokens;
  for (int i = 0; i < position - begin; ++i) run.rows[i] = first + in_block;
  for (; position < run.keys.end; ++position, ++in_block) {
    if (in_block == tile.block_tokens) {
      in_block = 0;
      first = static_cast<int64_t>(tile.blocks[++block]) * tile.block_tokens;
    }
    run.rows[position - begin] = first + in_block;
  }
  for (int i = position - begin; i < kRunKeys; ++i) run.rows[i] = first + in_block - 1;
  for (int g = 0; g < kRunKeys / kLanes; ++g)
    run.keys_at[g] = key_at(tile, run.rows[g * kLanes] / kLanes * kLanes);
  return run;
}

template <class T>
inline const T* values_at(const void* v, const AttentionTile& tile, int64_t slot) {
  return static_cast<const T*>(v) + slot * tile.v_stride;
}

// The run to prefetch: the same run for the next kv head, or the next run for the first kv head.
struct Ahead {
  const void* k;
  const void* v;
  const int64_t* rows;
  const int64_t* keys_at;
};

// The first element of each cache line in `count` elements of T from `first` on, for steps of the same size.
template <class T>
inline void prefetch(const T* row, int first, int count) {
  constexpr int kLine = 64 / static_cast<int>(sizeof(T));
  if (first % kLine != 0 && count < kLine) return;
  for (int i = 0; i < count; i += kLine) __builtin_prefetch(row + first + i, 0, 2);
}

// A mask: dimensions of a block's keys that have none of these bits begin a cache line.
template <class T>
inline int within_line(const AttentionTile& tile) {
  return most(1, 64 / static_cast<int>(sizeof(T)) / tile.block_tokens) - 1;
}

// Whether kLanes keys from a multiple of kLanes on are adjacent.
inline bool has_lanes(const AttentionTile& tile) { return tile.block_tokens % kLanes == 0; }

// Step 1 for one panel, where kLanes keys are adjacent.
template <class T>
inline void load_panel(const AttentionTile& tile, const int64_t* keys_at, const void* ahead,
                       const int64_t* ahead_at, float* out) {
  const T* const left = static_cast<const T*>(tile.k) + keys_at[0];
  const T* const right = static_cast<const T*>(tile.k) + keys_at[1];
  const T* const next[] = {static_cast<const T*>(ahead) + ahead_at[0],
                           static_cast<const T*>(ahead) + ahead_at[1]};
  const int line = within_line<T>(tile);
  const int64_t step = tile.block_tokens;
  for (int i = 0; i < tile.head_dim; ++i, out += kPanel) {
    if ((i & line) == 0) {
      __builtin_prefetch(next[0] + i * step, 0, 2);
      __builtin_prefetch(next[1] + i * step, 0, 2);
    }
    store(out, load(left + i * step));
    store(out + kLanes, load(right + i * step));
  }
}

// The same for one half of a panel, with keys of several blocks.
template <class T>
inline void load_scattered(const AttentionTile& tile, const int64_t* rows, float* out) {
  const T* keys[kLanes];
  for (int r = 0; r < kLanes; ++r) keys[r] = static_cast<const T*>(tile.k) + key_at(tile, rows[r]);
  for (int i = 0; i < tile.head_dim; ++i) {
    T lanes[kLanes];
    for (int r = 0; r < kLanes; ++r) lanes[r] = keys[r][static_cast<int64_t>(i) * tile.block_tokens];
    store(out + i * kPanel, load(lanes));
  }
}

inline bool is_seen(const KeyRun& run, int position, int count) {
  return run.begin + position < run.keys.end && run.begin + position + count > run.keys.begin;
}

template <class T>
inline void load_keys(const AttentionTile& tile, const KeyRun& run, const Ahead& ahead, float* panels) {
  for (int p = 0; p < kRunKeys; p += kPanel, panels += static_cast<int64_t>(score_dim(tile)) * kPanel) {
    if (!is_seen(run, p, kPanel)) continue;
    if (has_lanes(tile)) {
      load_panel<T>(tile, run.keys_at + p / kLanes, ahead.k, ahead.keys_at + p / kLanes, panels);
    } else {
      load_scattered<T>(tile, run.rows + p, panels);
      load_scattered<T>(tile, run.rows + p + kLanes, panels + kLanes);
    }
  }
}

// Steps 1 and 2 for a few rows: scores with kGroups registers of keys, read directly from the blocks.
template <class T, int kRows, int kGroups>
inline void score_groups(const AttentionTile& tile, const KeyRun& run, const Ahead& ahead, int group,
                         const float* q, float* scores) {
  const T* keys[kGroups];
  const T* next[kGroups];
#pragma GCC unroll 4
  for (int g = 0; g < kGroups; ++g) {
    keys[g] = static_cast<const T*>(tile.k) + run.keys_at[group + g];
    next[g] = static_cast<const T*>(ahead.k) + ahead.keys_at[group + g];
  }
  const int line = within_line<T>(tile);
  const int64_t step = tile.block_tokens;
  const int dim = tile.head_dim;
  F32 sums[kRows][kGroups];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 4
    for (int g = 0; g < kGroups; ++g) sums[r][g] = F32{};
  for (int i = 0; i < dim; ++i) {
    const int64_t at = i * step;
    F32 k[kGroups];
#pragma GCC unroll 4
    for (int g = 0; g < kGroups; ++g) k[g] = load(keys[g] + at);
    if ((i & line) == 0) {
#pragma GCC unroll 4
      for (int g = 0; g < kGroups; ++g) __builtin_prefetch(next[g] + at, 0, 2);
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const F32 x = broadcast(q[r * dim + i]);
#pragma GCC unroll 4
      for (int g = 0; g < kGroups; ++g) sums[r][g] = fma(x, k[g], sums[r][g]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 4
    for (int g = 0; g < kGroups; ++g) store(scores + r * kRunKeys + (group + g) * kLanes, sums[r][g]);
}

template <class T, int kRows>
inline void score_blocks(const AttentionTile& tile, const KeyRun& run, const Ahead& ahead, float* scores) {
  if constexpr (kRows > 0) {
    const int rows = (run.tokens.end - run.tokens.begin) * tile.heads;
    if (rows < kRows) return score_blocks<T, kRows - 1>(tile, run, ahead, scores);
    // With few rows there are too few sums to hide the latency of additions, so more keys are taken at once.
    constexpr int kGroups = 2 * kRows <= kTileRows ? 4 : 2;
    const int64_t first = static_cast<int64_t>(run.tokens.begin) * tile.heads;
    for (int group = 0; group < kRunKeys / kLanes; group += kGroups)
      if (is_seen(run, group * kLanes, kGroups * kLanes))
        score_groups<T, kRows, kGroups>(tile, run, ahead, group, tile.q + first * tile.head_dim,
                                        scores + first * kRunKeys);
  }
}

// Step 2, for the queries that see some position of each panel.
inline void score(const AttentionTile& tile, const KeyRun& run, const float* panels, float* scores) {
  const int dim = score_dim(tile);
  const int64_t panel_floats = static_cast<int64_t>(dim) * kPanel;
  for (int p = 0; p < kRunKeys; p += kPanel, panels += panel_floats) {
    if (!is_seen(run, p, kPanel)) continue;
    const int first = most(run.tokens.begin, run.begin + p - tile.ahead - tile.position) * tile.heads;
    multiply_panel({.a = tile.q + static_cast<int64_t>(first) * dim,
                    .a_stride = dim,
                    .panel = panels,
                    .count = dim,
                    .sums = scores + static_cast<int64_t>(first) * kRunKeys + p,
                    .sums_stride = kRunKeys,
                    .rows = run.tokens.end * tile.heads - first});
  }
}

// Step 3: scores of one query fall with the distance of the position, by the slope of each head.
inline void add_slopes(const AttentionTile& tile, const KeyRun& run, int token, float* scores) {
  constexpr float kLog2E = 1.44269504f;
  float distances[kRunKeys];
  for (int p = 0; p < kRunKeys; ++p) {
    const int ahead = run.begin + p - (tile.position + token);
    distances[p] = static_cast<float>(ahead < 0 ? -ahead : ahead);
  }
  for (int h = 0; h < tile.heads; ++h, scores += kRunKeys) {
    const F32 slope = broadcast(-kLog2E * tile.slopes[h]);
    for (int p = 0; p < kRunKeys; p += kLanes)
      store(scores + p, fma(slope, load(distances + p), load(scores + p)));
  }
}

// Step 3, for one query that sees only part of the run.
inline void hide_unseen(const AttentionTile& tile, const KeyRun& run, int token, float* scores) {
  const Span seen = seen_by(tile, token);
  const int begin = most(0, seen.begin - run.begin);
  const int end = least(kRunKeys, seen.end - run.begin);
  for (int h = 0; h < tile.heads; ++h, scores += kRunKeys) {
    for (int p = 0; p < begin; ++p) scores[p] = -__builtin_inff();
    for (int p = end; p < kRunKeys; ++p) scores[p] = -__builtin_inff();
  }
}

// Step 4.
template <class T>
inline void load_values(const AttentionTile& tile, const KeyRun& run, float* panels) {
  const int dim = tile.value_dim;
  for (int i = 0; i < dim; i += kPanel, panels += kRunKeys * kPanel) {
    for (int p = run.keys.begin - run.begin; p < run.keys.end - run.begin; ++p) {
      const T* value = values_at<T>(tile.v, tile, run.rows[p]) + i;
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

// The factors of bytes, for each position of a run.
struct RunScales {
  float keys[kRunKeys];
  float values[kRunKeys];
};

// Step 1 for the second part of joined keys, from the panels of values.
inline void join_values(const AttentionTile& tile, const KeyRun& run, const float* values, float* panels) {
  const int64_t panel_floats = static_cast<int64_t>(score_dim(tile)) * kPanel;
  panels += static_cast<int64_t>(tile.head_dim) * kPanel;
  for (int p = 0; p < kRunKeys; p += kPanel, panels += panel_floats) {
    if (!is_seen(run, p, kPanel)) continue;
    const float* from = values + static_cast<int64_t>(p) * kPanel;
    for (int i = 0; i < tile.value_dim; i += kPanel, from += kRunKeys * kPanel)
      for (int half = 0; half < kPanel && i + half < tile.value_dim; half += kLanes)
        for (int keys = 0; keys < kPanel; keys += kLanes)
          transpose({from + keys * kPanel + half, kPanel}, panels + (i + half) * kPanel + keys, kPanel,
                    least(kLanes, tile.value_dim - i - half));
  }
}

// Multiplies both parts of joined keys by their factors.
inline void scale_joined(const AttentionTile& tile, const KeyRun& run, const RunScales& scales,
                         float* panels) {
  const int dim = score_dim(tile);
  for (int p = 0; p < kRunKeys; p += kPanel) {
    for (int i = 0; i < dim; ++i, panels += kPanel) {
      const float* const factors = (i < tile.head_dim ? scales.keys : scales.values) + p;
      for (int lane = 0; lane < kPanel && is_seen(run, p, kPanel); lane += kLanes)
        store(panels + lane, load(panels + lane) * load(factors + lane));
    }
  }
}

template <class T>
inline void load_joined(const AttentionTile& tile, const KeyRun& run, const Ahead& ahead,
                        const AttentionScratch& scratch) {
  load_keys<T>(tile, run, ahead, scratch.keys);
  for (int p = 0; p < kRunKeys; ++p) prefetch(values_at<T>(ahead.v, tile, ahead.rows[p]), 0, tile.value_dim);
  load_values<T>(tile, run, scratch.values);
  join_values(tile, run, scratch.values, scratch.keys);
}

struct Rows {  // rows of a tile, and the positions of the run to add
  int first;
  int count;
  Span positions;  // relative to the run's beginning
};

inline void add_panels(const AttentionTile& tile, const Rows& rows, const AttentionScratch& scratch,
                       float* sums, int padded) {
  const float* panels = scratch.values + static_cast<int64_t>(rows.positions.begin) * kPanel;
  for (int i = 0; i < tile.value_dim; i += kPanel, panels += kRunKeys * kPanel) {
    accumulate_panel(
        {.a = scratch.scores + static_cast<int64_t>(rows.first) * kRunKeys + rows.positions.begin,
         .a_stride = kRunKeys,
         .panel = panels,
         .count = rows.positions.end - rows.positions.begin,
         .sums = sums + static_cast<int64_t>(rows.first) * padded + i,
         .sums_stride = padded,
         .rows = rows.count},
        scratch.corrections + rows.first);
  }
}

struct BlockRows {
  const int64_t* now;
  const Ahead& ahead;
};

// kVectors registers of each of kRows rows, with values read directly from the blocks; `count` dimensions in
// the last register.
template <class T, int kRows, int kVectors>
inline void add_columns(const AttentionTile& tile, const BlockRows& blocks, const Rows& rows,
                        const AttentionScratch& scratch, float* sums, int padded, int column) {
  const float* weights = scratch.scores + static_cast<int64_t>(rows.first) * kRunKeys;
  float* out = sums + static_cast<int64_t>(rows.first) * padded + column;
  const int rest = tile.value_dim - column;  // less than a register only where kVectors is 1
  F32 totals[kRows][kVectors];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    const F32 factor = broadcast(scratch.corrections[rows.first + r]);
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j) totals[r][j] = load(out + r * padded + j * kLanes) * factor;
  }
  for (int p = rows.positions.begin; p < rows.positions.end; ++p) {
    const T* value = values_at<T>(tile.v, tile, blocks.now[p]) + column;
    prefetch(values_at<T>(blocks.ahead.v, tile, blocks.ahead.rows[p]), column, kVectors * kLanes);
    F32 v[kVectors];
    if (kVectors > 1 || rest >= kLanes) {
#pragma GCC unroll 8
      for (int j = 0; j < kVectors; ++j) v[j] = load(value + j * kLanes);
    } else {
      v[0] = load_part(value, rest);
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const F32 weight = broadcast(weights[r * kRunKeys + p]);
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
inline void add_blocks(const AttentionTile& tile, const BlockRows& blocks, const Rows& rows,
                       const AttentionScratch& scratch, float* sums, int padded) {
  if constexpr (kRows > 0) {
    if (rows.count < kRows) return add_blocks<T, kRows - 1>(tile, blocks, rows, scratch, sums, padded);
    // As many registers per row as leave room for the sums, which take up to 2 kTileRows.
    constexpr int kVectors = kRows * 8 <= 2 * kTileRows ? 8 : kRows * 4 <= 2 * kTileRows ? 4 : 2;
    int i = 0;
    for (; i + kVectors * kLanes <= tile.value_dim; i += kVectors * kLanes)
      add_columns<T, kRows, kVectors>(tile, blocks, rows, scratch, sums, padded, i);
    for (; kVectors > 2 && i + 2 * kLanes <= tile.value_dim; i += 2 * kLanes)
      add_columns<T, kRows, 2>(tile, blocks, rows, scratch, sums, padded, i);
    for (; i < tile.value_dim; i += kLanes)
      add_columns<T, kRows, 1>(tile, blocks, rows, scratch, sums, padded, i);
  }
}

// One run of one kv head; tile, scratch and state begin at that head.
template <class T>
inline void attend_run(const AttentionTile& tile, const KeyRun& run, const Ahead& ahead,
                       const AttentionScratch& scratch, const AttentionState& state) {
  const int padded = padded_dim(tile.value_dim);
  const int first_row = run.tokens.begin * tile.heads;
  const int rows = run.tokens.end * tile.heads - first_row;
  const bool from_blocks = rows <= kTileRows && !tile.joined;
  RunScales scales;
  if constexpr (sizeof(T) == 1)
    for (int p = 0; p < kRunKeys; ++p) {
      scales.keys[p] = tile.k_scales[run.rows[p] * tile.scale_stride];
      scales.values[p] = tile.v_scales[run.rows[p] * tile.scale_stride];
    }
  if (tile.joined) {
    load_joined<T>(tile, run, ahead, scratch);
    if constexpr (sizeof(T) == 1) scale_joined(tile, run, scales, scratch.keys);
    score(tile, run, scratch.keys, scratch.scores);
  } else if (from_blocks && has_lanes(tile)) {
    score_blocks<T, kTileRows>(tile, run, ahead, scratch.scores);
  } else {
    load_keys<T>(tile, run, ahead, scratch.keys);
    score(tile, run, scratch.keys, scratch.scores);
  }

  float* scores = scratch.scores + static_cast<int64_t>(first_row) * kRunKeys;
  if constexpr (sizeof(T) == 1)
    for (int r = 0; r < rows && !tile.joined; ++r)
      for (int p = 0; p < kRunKeys; p += kLanes)
        store(scores + r * kRunKeys + p, load(scores + r * kRunKeys + p) * load(scales.keys + p));
  if (tile.soft_cap > 0) soft_cap(scores, 1, tile.soft_cap, rows * kRunKeys);
  for (int t = run.tokens.begin; tile.slopes != nullptr && t < run.tokens.end; ++t)
    add_slopes(tile, run, t, scratch.scores + static_cast<int64_t>(t) * tile.heads * kRunKeys);
  for (int t = run.tokens.begin; t < run.tokens.end; ++t)
    if (t < run.whole.begin || t >= run.whole.end)
      hide_unseen(tile, run, t, scratch.scores + static_cast<int64_t>(t) * tile.heads * kRunKeys);
  add_run({.scores = scores,
           .highest = state.highest + first_row,
           .corrections = scratch.corrections + first_row,
           .lane_totals = scratch.lane_totals + static_cast<int64_t>(first_row) * kLanes,
           .rows = rows,
           .value_scales = sizeof(T) == 1 ? scales.values : nullptr});

  if (!from_blocks && !tile.joined) load_values<T>(tile, run, scratch.values);
  const auto add = [&](int token, int count, Span positions) {
    const Rows part = {token * tile.heads, count * tile.heads, positions};
    if (from_blocks)
      add_blocks<T, kTileRows>(tile, {run.rows, ahead}, part, scratch, state.values, padded);
    else
      add_panels(tile, part, scratch, state.values, padded);
  };
  for (int t = run.tokens.begin; t < run.tokens.end; ++t) {
    if (t == run.whole.begin && run.whole.end > t) {
      add(t, run.whole.end - t, {0, kRunKeys});
      t = run.whole.end - 1;
      continue;
    }
    const Span seen = seen_by(tile, t);
    add(t, 1, {most(0, seen.begin - run.begin), least(kRunKeys, seen.end - run.begin)});
  }
}

template <class T>
inline void attend(const AttentionTile& tile, int partition, const AttentionScratch& scratch,
                   const AttentionState& state) {
  const int padded = padded_dim(tile.value_dim);
  const int64_t head_rows = static_cast<int64_t>(tile.tokens) * tile.heads;
  const int64_t rows = head_rows * tile.kv_heads;
  for (int64_t r = 0; r < rows; ++r) state.highest[r] = kLowest;
  __builtin_memset(scratch.lane_totals, 0, sizeof(float) * static_cast<size_t>(rows) * kLanes);
  __builtin_memset(state.values, 0, sizeof(float) * static_cast<size_t>(rows) * static_cast<size_t>(padded));

  const int first = most(partition, seen_by(tile, 0).begin) / kRunKeys * kRunKeys;
  const int context = seen_by(tile, tile.tokens - 1).end;
  const int end = least(partition + kPartition, context);
  const auto key_head = [&](int g) {
    return static_cast<const T*>(tile.k) + static_cast<int64_t>(g) * tile.head_dim * tile.block_tokens;
  };
  const auto value_head = [&](int g) {
    return static_cast<const T*>(tile.v) + static_cast<int64_t>(g) * tile.value_dim;
  };
  KeyRun run = run_at(tile, first);
  for (int begin = first; begin < end; begin += kRunKeys) {
    const KeyRun next = begin + kRunKeys < context ? run_at(tile, begin + kRunKeys) : run;
    for (int g = 0; g < tile.kv_heads; ++g) {
      AttentionTile head = tile;
      head.q += g * head_rows * score_dim(tile);
      head.k = key_head(g);
      head.v = value_head(g);
      if (tile.slopes != nullptr) head.slopes += g * tile.heads;
      if constexpr (sizeof(T) == 1) {
        head.k_scales += g;
        head.v_scales += g;
      }
      AttentionScratch own = scratch;
      own.lane_totals += g * head_rows * kLanes;
      const AttentionState sums = {state.highest + g * head_rows, nullptr,
                                   state.values + g * head_rows * padded};
      const bool is_last = g + 1 == tile.kv_heads;
      const KeyRun& then = is_last ? next : run;
      const Ahead ahead = {key_head(is_last ? 0 : g + 1), value_head(is_last ? 0 : g + 1), then.rows,
                           then.keys_at};
      attend_run<T>(head, run, ahead, own, sums);
    }
    run = next;
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
