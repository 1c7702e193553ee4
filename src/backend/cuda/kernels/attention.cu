// Attention over keys and values in blocks, with an online softmax (arXiv 1805.02867, 2205.14135), in
// float32: for keys and values of that type and for shapes that tensor cores do not take (attention_tiles.h).
// And the merging of partitions, of either.
#include "backend/cuda/kernels/attention_rows.h"
#include "backend/cuda/kernels/kv.h"

using namespace ferrum::cuda;

namespace {

constexpr int kWarps = kAttendWarps;
constexpr int kRowsOfWarp = kAttendRows / kWarps;

GPU_FN gpu::Vec4 load4(const float* x) { return gpu::load(reinterpret_cast<const gpu::Vec4*>(x)); }
GPU_FN float dot4(const gpu::Vec4& a, const gpu::Vec4& b, float sum) {
  sum = gpu::fma(gpu::float_of(a.x), gpu::float_of(b.x), sum);
  sum = gpu::fma(gpu::float_of(a.y), gpu::float_of(b.y), sum);
  sum = gpu::fma(gpu::float_of(a.z), gpu::float_of(b.z), sum);
  return gpu::fma(gpu::float_of(a.w), gpu::float_of(b.w), sum);
}

// What a lane has of its warp's rows: four columns of values of each chunk of 128.
template <int kChunks>
struct Sums {
  float largest[kRowsOfWarp];
  float sum[kRowsOfWarp];
  float values[kRowsOfWarp][kChunks][4];
};

// Brings the keys and values of positions [begin, begin + kSubtile) to shared memory, as float32; zeros where
// no row looks.
struct Tile {
  float *q, *keys, *values, *weights;
  int q_stride, value_stride;
};
GPU_FN void load_keys_and_values(const Tile& tile, int begin, const Seen& seen, int sequence, int kv_head,
                                 const Attend& p) {
  const KvView& kv = p.kv;
  const HeadSizes& h = p.heads;
  const int* table = p.block_table + sequence * p.table_stride;
  const auto slot_of = [&](int position) {
    if (position < seen.first || position > seen.last) return int64_t{-1};
    return static_cast<int64_t>(table[position / kv.block_tokens]) * kv.block_tokens +
           position % kv.block_tokens;
  };
  const int64_t slot = slot_of(begin + gpu::lane());
  const int64_t key = slot / kv.block_tokens * kv.k_stride +
                      static_cast<int64_t>(kv_head) * h.head_dim * kv.block_tokens + slot % kv.block_tokens;
  const float key_scale = kv.type == kKvI8 && slot >= 0 ? kv.k_scales[slot * kv.k_scale_stride + kv_head] : 1;
  for (int d = gpu::warp(); d < padded4(h.head_dim); d += kWarps)
    tile.keys[d * kSubtile + gpu::lane()] =
        slot < 0 || d >= h.head_dim
            ? 0
            : key_scale * load_element(kv.k, key + static_cast<int64_t>(d) * kv.block_tokens, kv.type);
  for (int i = gpu::warp(); i < kSubtile; i += kWarps) {
    const int64_t of = slot_of(begin + i);
    const float scale = kv.type == kKvI8 && of >= 0 ? kv.v_scales[of * kv.v_scale_stride + kv_head] : 1;
    for (int d = gpu::lane(); d < tile.value_stride; d += 32)
      tile.values[i * tile.value_stride + d] =
          of < 0 || d >= h.value_dim
              ? 0
              : scale * load_element(kv.v, of * kv.v_stride + kv_head * h.value_dim + d, kv.type);
  }
}

// By how much a row's score falls for each position between its token and the key.
struct Slope {
  float by;
  int position;
};

// Adds a subtile to the sums of a warp's rows.
template <int kChunks>
GPU_FN void add_subtile(Sums<kChunks>& sums, const Tile& tile, int begin, const Seen (&seen)[kRowsOfWarp],
                        const Slope (&slopes)[kRowsOfWarp], const Attend& p) {
  const HeadSizes& h = p.heads;
  float score[kRowsOfWarp] = {};
  for (int d = 0; d < h.head_dim; d += 4) {
    gpu::Vec4 k;
    k.x = gpu::bits_of(tile.keys[d * kSubtile + gpu::lane()]);
    k.y = gpu::bits_of(tile.keys[(d + 1) * kSubtile + gpu::lane()]);
    k.z = gpu::bits_of(tile.keys[(d + 2) * kSubtile + gpu::lane()]);
    k.w = gpu::bits_of(tile.keys[(d + 3) * kSubtile + gpu::lane()]);
#pragma unroll
    for (int j = 0; j < kRowsOfWarp; ++j)
      if (seen[j].last >= 0)
        score[j] = dot4(load4(tile.q + (gpu::warp() + j * kWarps) * tile.q_stride + d), k, score[j]);
  }
  if (p.joined != 0)
    for (int d = 0; d < h.value_dim; d += 4) {
      const gpu::Vec4 v = load4(tile.values + gpu::lane() * tile.value_stride + d);
#pragma unroll
      for (int j = 0; j < kRowsOfWarp; ++j)
        if (seen[j].last >= 0)
          score[j] =
              dot4(load4(tile.q + (gpu::warp() + j * kWarps) * tile.q_stride + padded4(h.head_dim) + d), v,
                   score[j]);
    }
  const int position = begin + gpu::lane();
#pragma unroll
  for (int j = 0; j < kRowsOfWarp; ++j) {
    if (seen[j].last < begin || seen[j].first >= begin + kSubtile) continue;  // nothing that this row sees
    float s = p.scale * score[j];
    if (p.soft_cap != 0) s = p.soft_cap * gpu::tanh(s / p.soft_cap);
    if (p.slopes != nullptr)
      s -= slopes[j].by * gpu::absolute(static_cast<float>(position - slopes[j].position));
    if (position < seen[j].first || position > seen[j].last) s = -gpu::kInfinity;
    const float largest = gpu::max(sums.largest[j], gpu::warp_max(s));
    const float base = largest == -gpu::kInfinity ? 0 : largest;
    const float weight = gpu::exp(s - base), kept = gpu::exp(sums.largest[j] - base);
    sums.largest[j] = largest;
    sums.sum[j] = sums.sum[j] * kept + gpu::warp_sum(weight);
    float* weights = tile.weights + (gpu::warp() + j * kWarps) * kSubtile;
    weights[gpu::lane()] = weight;
    gpu::sync_warp();
#pragma unroll
    for (int c = 0; c < kChunks; ++c)
#pragma unroll
      for (int e = 0; e < 4; ++e) sums.values[j][c][e] *= kept;
    const int first = gpu::max(seen[j].first - begin, 0) & ~3,
              last = gpu::min(seen[j].last - begin, kSubtile - 1);
    for (int i = first; i <= last; i += 4) {
      const gpu::Vec4 four = load4(weights + i);
      const float w[4] = {gpu::float_of(four.x), gpu::float_of(four.y), gpu::float_of(four.z),
                          gpu::float_of(four.w)};
#pragma unroll
      for (int c = 0; c < kChunks; ++c) {
        const int column = c * 128 + gpu::lane() * 4;
        if (column >= h.value_dim) continue;
#pragma unroll
        for (int n = 0; n < 4; ++n) {
          if (w[n] == 0) continue;  // a value that is not seen may be anything
          const gpu::Vec4 v = load4(tile.values + (i + n) * tile.value_stride + column);
          float(&to)[4] = sums.values[j][c];
          to[0] = gpu::fma(w[n], gpu::float_of(v.x), to[0]);
          to[1] = gpu::fma(w[n], gpu::float_of(v.y), to[1]);
          to[2] = gpu::fma(w[n], gpu::float_of(v.z), to[2]);
          to[3] = gpu::fma(w[n], gpu::float_of(v.w), to[3]);
        }
      }
    }
  }
}

template <int kChunks>
GPU_FN void attend(const Attend& p) {
  gpu::SharedMemory shared;
  const HeadSizes& h = p.heads;
  Tile tile;
  tile.q_stride = padded4(h.head_dim) + (p.joined != 0 ? padded4(h.value_dim) : 0);
  tile.value_stride = padded4(h.value_dim) + 4;
  tile.q = shared.array<float>(kAttendRows * tile.q_stride);
  tile.keys = shared.array<float>(padded4(h.head_dim) * kSubtile);
  tile.values = shared.array<float>(tile.value_stride * kSubtile);
  tile.weights = shared.array<float>(kAttendRows * kSubtile);
  const TokenTile tokens = shared_tile(p, shared.array<int>(4));
  if (tokens.sequence < 0) return;
  const HeadTile heads = head_tile(p);
  const int context = p.context_len[tokens.sequence];

  // What this warp's rows see, and what any row of the block sees, of this partition.
  const Seen all = seen_of_partition(tokens, context, p);
  if (all.last < 0) return;
  Seen seen[kRowsOfWarp];
  Slope slopes[kRowsOfWarp];
  Sums<kChunks> sums;
#pragma unroll
  for (int j = 0; j < kRowsOfWarp; ++j) {
    seen[j] = {0, -1};
    slopes[j] = {0, 0};
    sums.largest[j] = -gpu::kInfinity;
    sums.sum[j] = 0;
#pragma unroll
    for (int c = 0; c < kChunks; ++c)
#pragma unroll
      for (int e = 0; e < 4; ++e) sums.values[j][c][e] = 0;
    const int r = gpu::warp() + j * kWarps;
    const Row row = row_of(r, tokens, heads);
    if (row.token < 0) continue;
    const Seen of_row = seen_from(p.positions[row.token], context, p);
    if (of_row.last >= all.first && of_row.first <= all.last)
      seen[j] = {gpu::max(of_row.first, all.first), gpu::min(of_row.last, all.last)};
    if (p.slopes != nullptr) slopes[j] = {p.slopes[row.head], p.positions[row.token]};
    const float* q = p.qkv.data + row.token * p.qkv.stride + row.head * h.head_dim;
    for (int d = gpu::lane(); d < padded4(h.head_dim); d += 32)
      tile.q[r * tile.q_stride + d] = d < h.head_dim ? q[d] : 0;
    if (p.joined == 0) continue;
    const float* second = p.qkv.data + row.token * p.qkv.stride + (h.q_heads + h.kv_heads) * h.head_dim +
                          (h.kv_heads + row.head) * h.value_dim;
    for (int d = gpu::lane(); d < padded4(h.value_dim); d += 32)
      tile.q[r * tile.q_stride + padded4(h.head_dim) + d] = d < h.value_dim ? second[d] : 0;
  }

  for (int begin = all.first / kSubtile * kSubtile; begin <= all.last; begin += kSubtile) {
    load_keys_and_values(tile, begin, all, tokens.sequence, heads.kv_head, p);
    gpu::sync_block();
    add_subtile(sums, tile, begin, seen, slopes, p);
    gpu::sync_block();
  }

#pragma unroll
  for (int j = 0; j < kRowsOfWarp; ++j) {
    if (seen[j].last < 0) continue;
    const int r = gpu::warp() + j * kWarps;
    const Row row = row_of(r, tokens, heads);
    float* to = p.out.data + row.token * p.out.stride + row.head * h.value_dim;
    float factor = 1;
    if (p.partitions > 1) {
      to = partial_of(p, r, gpu::block_index().z);
      if (gpu::lane() == 0) to[0] = sums.largest[j], to[1] = sums.sum[j];
      to += 2;
    } else {
      factor = final_factor(sums.largest[j], sums.sum[j], row.head, p);
    }
#pragma unroll
    for (int c = 0; c < kChunks; ++c)
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const int column = c * 128 + gpu::lane() * 4 + e;
        if (column < h.value_dim) to[column] = sums.values[j][c][e] * factor;
      }
  }
}

}  // namespace

GPU_KERNEL(attend_1, Attend, kAttendThreads, 2) { attend<1>(p); }
GPU_KERNEL(attend_2, Attend, kAttendThreads, 2) { attend<2>(p); }
GPU_KERNEL(attend_4, Attend, kAttendThreads, 2) { attend<4>(p); }

// A warp for each of some rows; a row's partitions in order.
GPU_KERNEL(merge_attention, Attend, kAttendThreads, 2) {
  gpu::SharedMemory shared;
  const TokenTile tokens = shared_tile(p, shared.array<int>(4));
  if (tokens.sequence < 0) return;
  const HeadTile heads = head_tile(p);
  for (int r = gpu::warp(); r < p.rows; r += kWarps) {
    const Row row = row_of(r, tokens, heads);
    if (row.token < 0) continue;
    const Seen seen = seen_from(p.positions[row.token], p.context_len[tokens.sequence], p);
    const int first = seen.first / kPartition, last = seen.last / kPartition;
    float largest = -gpu::kInfinity, sum = 0;
    for (int i = first; i <= last; ++i) largest = gpu::max(largest, partial_of(p, r, i)[0]);
    for (int i = first; i <= last; ++i) {
      const float* part = partial_of(p, r, i);
      sum += part[1] * gpu::exp(part[0] - largest);
    }
    const float factor = final_factor(largest, sum, row.head, p);
    for (int column = gpu::lane(); column < p.heads.value_dim; column += 32) {
      float value = 0;
      for (int i = first; i <= last; ++i) {
        const float* part = partial_of(p, r, i);
        value = gpu::fma(gpu::exp(part[0] - largest), part[2 + column], value);
      }
      p.out.data[row.token * p.out.stride + row.head * p.heads.value_dim + column] = value * factor;
    }
  }
}
