// Attention on tensor cores, over keys and values of 16 bits, or of bytes, which are exact in f16.
//
// q and the weights of values are float32. They are multiplied as the sum of two numbers of f16, or with bf16
// of three and of two; with f16 each row of q is scaled by a power of two before, and what a value of bytes
// has as its scale is split into a power of two, which goes to the value, and what remains, which goes to the
// weight. So a product errs by about 2⁻²² of its size in f16 and 2⁻¹⁸ in bf16, and tensor cores add up in
// float32.
//
// A row's bits do not depend on how many rows its block has, nor on which warp computes what of it. For each
// subtile of 32 absolute positions, in order:
//   scores     by steps of 16 dimensions in order, its parts one after the other
//   maximum    exact in any order
//   sum        of four numbers of a lane in order of position, then over four lanes by a tree
//   values     by steps of 16 positions in order, both parts one after the other
// Every number of a row is computed by these steps with the same instruction, whether its block has 16 rows
// that four warps share by columns (kSplits = 4: a decoded token), or 64 of which each warp has 16 (kGroups =
// 4: prompts). A subtile in which a row sees nothing adds zeros to its sums and keeps their bits.
#pragma once
#include "backend/cuda/kernels/attention_rows.h"

namespace ferrum::cuda {

enum class Half { kF16, kBf16 };  // what tensor cores multiply
template <Half H>
inline constexpr int kQueryParts = H == Half::kF16 ? kF16QueryParts : kBf16QueryParts;

template <Half H>
GPU_FN uint16_t to_half(float x) {
  return H == Half::kF16 ? gpu::to_f16(x) : gpu::to_bf16(x);
}
template <Half H>
GPU_FN float from_half(uint16_t x) {
  return H == Half::kF16 ? gpu::from_f16(x) : gpu::from_bf16(x);
}
template <Half H>
GPU_FN void multiply_halves(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  if constexpr (H == Half::kF16)
    gpu::mma_f16(d, a, b0, b1);
  else
    gpu::mma_bf16(d, a, b0, b1);
}

// x as a sum.
template <Half H, int kParts>
GPU_FN void take_apart(uint16_t (&part)[kParts], float x) {
#pragma unroll
  for (int i = 0; i < kParts; ++i) {
    part[i] = to_half<H>(x);
    x -= from_half<H>(part[i]);
  }
}

// A block's shared memory.
struct TileRoom {
  uint16_t* q;        // [parts, rows, q_stride]
  uint16_t* keys;     // [stages, dims, kPositionStride]
  uint16_t* values;   // [stages, kSubtile, value_stride]
  float* scales;      // [stages, 2, kSubtile]: of keys that are bytes, and what remains of those of values
  float* factors;     // [rows] by which q was divided
  float* largest;     // [rows / 16, splits, 16]
  float* sums;        // [rows / 16, 4 tiles of positions, 2 halves of the rows, 32 lanes]
  uint16_t* weights;  // [rows / 16, kWeightParts, 16, kPositionStride]
};

// Eight bytes as f16, times a power of two.
GPU_FN gpu::Vec4 widened(uint32_t low, uint32_t high, float power) {
  const auto pair = [power](uint32_t two) {
    const uint16_t first = gpu::to_f16(static_cast<float>(static_cast<int8_t>(two)) * power);
    return first |
           static_cast<uint32_t>(gpu::to_f16(static_cast<float>(static_cast<int8_t>(two >> 8)) * power))
               << 16;
  };
  return {pair(low), pair(low >> 16), pair(high), pair(high >> 16)};
}

// The power of two that a scale of bytes has, within what f16 has for all of these.
GPU_FN float power_of(float scale) {
  const int exponent = static_cast<int>(gpu::bits_of(scale) >> 23 & 255);
  return gpu::float_of(static_cast<uint32_t>(gpu::min(gpu::max(exponent, 127 - 24), 127 + 8)) << 23);
}

// Brings `count` of eight elements from `index` on to shared memory, zeros behind them. Those of 16 bits are
// on their way when this returns.
GPU_FN void bring_eight(uint16_t* to, const void* data, int64_t index, int count, int type, float power) {
  if (type != kKvI8) {
    const auto* from = static_cast<const uint16_t*>(data);
    gpu::cp_async_16(to, count > 0 ? from + index : from, 2 * count);
    return;
  }
  const auto* from = static_cast<const uint8_t*>(data) + index;
  uint32_t low = 0, high = 0;
  if (count == 8) {
    const auto both = gpu::load(reinterpret_cast<const gpu::Vec2*>(from));
    low = both.x, high = both.y;
  } else {
    for (int i = 0; i < count; ++i) (i < 4 ? low : high) |= static_cast<uint32_t>(from[i]) << (8 * (i % 4));
  }
  gpu::store(reinterpret_cast<gpu::Vec4*>(to), widened(low, high, power));
}

// Brings the subtile from `begin` on to a stage.
GPU_FN void bring_subtile(const TileRoom& room, const TileSizes& sizes, int stage, int begin,
                          const Seen& seen, int sequence, int kv_head, const Attend& p) {
  const KvView& kv = p.kv;
  const int* table = p.block_table + sequence * p.table_stride;
  uint16_t* keys = room.keys + stage * sizes.dims * kPositionStride;
  for (int i = gpu::thread_index(); i < sizes.dims * (kSubtile / 8); i += kAttendThreads) {
    const int d = i / (kSubtile / 8), in_subtile = i % (kSubtile / 8) * 8, position = begin + in_subtile;
    int count = gpu::min(8, seen.last - position + 1);
    if (position + 7 < seen.first || d >= p.heads.head_dim) count = 0;
    int64_t index = 0;
    if (count > 0)
      index = table[position / kv.block_tokens] * kv.k_stride +
              (static_cast<int64_t>(kv_head) * p.heads.head_dim + d) * kv.block_tokens +
              position % kv.block_tokens;
    bring_eight(keys + d * kPositionStride + in_subtile, kv.k, index, gpu::max(count, 0), kv.type, 1);
  }
  uint16_t* values = room.values + stage * kSubtile * sizes.value_stride;
  const int chunks = sizes.columns / 8;
  const auto slot_of = [&](int position) {
    return static_cast<int64_t>(table[position / kv.block_tokens]) * kv.block_tokens +
           position % kv.block_tokens;
  };
  for (int i = gpu::thread_index(); i < kSubtile * chunks; i += kAttendThreads) {
    const int row = i / chunks, column = i % chunks * 8, position = begin + row;
    const bool there = position >= seen.first && position <= seen.last && column < p.heads.value_dim;
    const int64_t slot = there ? slot_of(position) : 0;
    const float power =
        there && kv.type == kKvI8 ? power_of(kv.v_scales[slot * kv.v_scale_stride + kv_head]) : 1;
    bring_eight(values + row * sizes.value_stride + column, kv.v,
                there ? slot * kv.v_stride + static_cast<int64_t>(kv_head) * p.heads.value_dim + column : 0,
                there ? 8 : 0, kv.type, power);
  }
  if (kv.type == kKvI8 && gpu::thread_index() < 2 * kSubtile) {
    const int position = begin + gpu::thread_index() % kSubtile;
    const bool of_keys = gpu::thread_index() < kSubtile;
    float scale = 0;
    if (position >= seen.first && position <= seen.last) {
      scale = of_keys ? kv.k_scales[slot_of(position) * kv.k_scale_stride + kv_head]
                      : kv.v_scales[slot_of(position) * kv.v_scale_stride + kv_head];
      if (!of_keys) scale /= power_of(scale);
    }
    room.scales[stage * 2 * kSubtile + gpu::thread_index()] = scale;
  }
}

// Brings a row of q to shared memory, all parts of each of its numbers. Computed by a warp.
template <Half H>
GPU_FN void bring_row(const TileRoom& room, const TileSizes& sizes, int r, const Row& row, const Attend& p) {
  const HeadSizes& h = p.heads;
  const float* x = row.token < 0 ? nullptr : p.qkv.data + row.token * p.qkv.stride;
  const float* first = x + row.head * h.head_dim;
  const float* second = x + (h.q_heads + h.kv_heads) * h.head_dim + (h.kv_heads + row.head) * h.value_dim;
  const int width = p.joined != 0 ? sizes.dims + sizes.columns : sizes.dims;
  const auto value = [&](int d) {
    if (row.token < 0) return 0.0f;
    if (d < sizes.dims) return d < h.head_dim ? first[d] : 0.0f;
    return d - sizes.dims < h.value_dim ? second[d - sizes.dims] : 0.0f;
  };
  float factor = 1, inverse = 1;
  if constexpr (H == Half::kF16) {  // of which the largest is 65,504, and numbers below 2⁻¹⁴ have fewer bits
    float largest = 0;
    for (int d = gpu::lane(); d < width; d += 32) largest = gpu::max(largest, gpu::absolute(value(d)));
    const uint32_t exponent = gpu::bits_of(gpu::warp_max(largest)) >> 23;
    if (exponent > 0 && exponent < 254) {
      factor = gpu::float_of(exponent << 23);
      inverse = gpu::float_of((254 - exponent) << 23);
    }
  }
  if (gpu::lane() == 0) room.factors[r] = factor;
  for (int d = gpu::lane(); d < width; d += 32) {
    uint16_t part[kQueryParts<H>];
    take_apart<H>(part, value(d) * inverse);
#pragma unroll
    for (int i = 0; i < kQueryParts<H>; ++i) room.q[(i * p.rows + r) * sizes.q_stride + d] = part[i];
  }
}

// What a warp computes: 16 rows, and of these its part of the positions and of the values' columns.
template <Half H, int kSplits, int kTiles>
class TileSums {
 public:
  static constexpr int kPositionTiles = kSubtile / 8 / kSplits;  // whose scores it computes
  static constexpr int kSteps = kSubtile / 16;                   // of positions

  // A lane has rows lane / 4 and that plus 8 of its group.
  struct OfRow {
    Seen seen = {0, -1};
    float by = 0;  // the scale of its scores
    float largest = -gpu::kInfinity;
    float sum = 0;
  };

  GPU_FN TileSums(const TileRoom& room, const TileSizes& sizes, const Attend& p)
      : room_(room), sizes_(sizes), p_(p), group_(gpu::warp() / kSplits), split_(gpu::warp() % kSplits) {}

  OfRow row[2];
  float values[kTiles][4] = {};  // of 8 columns each

  GPU_FN int row_of_lane(int i) const { return group_ * 16 + gpu::lane() / 4 + 8 * i; }
  GPU_FN int split() const { return split_; }
  GPU_FN int column(int tile, int e) const {
    return (split_ * kTiles + tile) * 8 + gpu::lane() % 4 * 2 + e % 2;
  }

  GPU_FN void add_subtile(int stage, int begin) {
    float weight[kPositionTiles][4];
    scores(weight, stage, begin);
    float kept[2];
    weigh(weight, kept);
    uint32_t a[kSteps][kWeightParts][4];
    spread(a, weight, stage);
#pragma unroll
    for (int t = 0; t < kTiles; ++t)
#pragma unroll
      for (int e = 0; e < 4; ++e) values[t][e] *= kept[e / 2];
    const uint16_t* rows = room_.values + stage * kSubtile * sizes_.value_stride;
    const int in_step = gpu::lane() % 16, next = gpu::lane() / 16;
#pragma unroll
    for (int step = 0; step < kSteps; ++step)
#pragma unroll
      for (int t = 0; t < kTiles; t += 2) {
        const int tile = split_ * kTiles + t;
        if (tile * 8 >= sizes_.columns) break;
        uint32_t b[4];
        gpu::ldmatrix_x4_trans(b, rows + (step * 16 + in_step) * sizes_.value_stride + (tile + next) * 8);
#pragma unroll
        for (int part = 0; part < kWeightParts; ++part) {
          multiply_halves<H>(values[t], a[step][part], b[0], b[1]);
          multiply_halves<H>(values[t + 1], a[step][part], b[2], b[3]);
        }
      }
  }

 private:
  // q · k of the warp's positions; then the second part of q · v, where there is one.
  GPU_FN void scores(float (&score)[kPositionTiles][4], int stage, int begin) const {
    const int lane = gpu::lane(), first = split_ * kPositionTiles;
    const int next = kPositionTiles > 1 ? lane / 16 : 0;  // of two tiles of positions
    const uint16_t* keys = room_.keys + stage * sizes_.dims * kPositionStride;
    const uint16_t* rows = room_.values + stage * kSubtile * sizes_.value_stride;
    float second[kPositionTiles][4] = {};
#pragma unroll
    for (int n = 0; n < kPositionTiles; ++n)
#pragma unroll
      for (int e = 0; e < 4; ++e) score[n][e] = 0;
    for (int d = 0; d < sizes_.dims; d += 16)
      add_step(score, d, [&](uint32_t(&b)[4], int n) {
        gpu::ldmatrix_x4_trans(b, keys + (d + lane % 16) * kPositionStride + (first + n + next) * 8);
      });
    if (p_.joined != 0)
      for (int d = 0; d < sizes_.columns; d += 16)
        add_step(second, sizes_.dims + d, [&](uint32_t(&b)[4], int n) {
          gpu::ldmatrix_x4(
              b, rows + ((first + n + next) * 8 + lane % 8) * sizes_.value_stride + d + lane / 8 % 2 * 8);
        });
    const float* scales = room_.scales + stage * 2 * kSubtile;
#pragma unroll
    for (int n = 0; n < kPositionTiles; ++n)
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const int in_subtile = (first + n) * 8 + lane % 4 * 2 + e % 2, position = begin + in_subtile;
        float s = score[n][e];
        if (p_.kv.type == kKvI8) s *= scales[in_subtile];
        if (p_.joined != 0)
          s += p_.kv.type == kKvI8 ? second[n][e] * scales[kSubtile + in_subtile] : second[n][e];
        const OfRow& r = row[e / 2];
        s *= r.by;
        if (p_.soft_cap != 0) s = p_.soft_cap * gpu::tanh(s / p_.soft_cap);
        score[n][e] = position < r.seen.first || position > r.seen.last ? -gpu::kInfinity : s;
      }
  }
  // `load` gives the second operand of two tiles of positions.
  template <class Load>
  GPU_FN void add_step(float (&score)[kPositionTiles][4], int d, const Load& load) const {
    uint32_t a[kQueryParts<H>][4];
#pragma unroll
    for (int part = 0; part < kQueryParts<H>; ++part)
      gpu::ldmatrix_x4(a[part], room_.q +
                                    (part * p_.rows + group_ * 16 + gpu::lane() % 16) * sizes_.q_stride + d +
                                    gpu::lane() / 16 * 8);
#pragma unroll
    for (int n = 0; n < kPositionTiles; n += 2) {
      uint32_t b[4];
      load(b, n);
#pragma unroll
      for (int part = 0; part < kQueryParts<H>; ++part) {
        multiply_halves<H>(score[n], a[part], b[0], b[1]);
        if constexpr (kPositionTiles > 1) multiply_halves<H>(score[n + 1], a[part], b[2], b[3]);
      }
    }
  }

  // From scores to weights. kept: what the sums so far count from now on.
  GPU_FN void weigh(float (&weight)[kPositionTiles][4], float (&kept)[2]) {
    float most[2], sum[2] = {};
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      most[i] = row[i].largest;
#pragma unroll
      for (int n = 0; n < kPositionTiles; ++n)
        most[i] = gpu::max(most[i], gpu::max(weight[n][2 * i], weight[n][2 * i + 1]));
      most[i] = gpu::max(most[i], gpu::shuffle_xor(most[i], 1));
      most[i] = gpu::max(most[i], gpu::shuffle_xor(most[i], 2));
    }
    if constexpr (kSplits > 1) {
      float* largest = room_.largest + group_ * kSplits * 16;
#pragma unroll
      for (int i = 0; i < 2; ++i)
        if (gpu::lane() % 4 == 0) largest[split_ * 16 + gpu::lane() / 4 + 8 * i] = most[i];
      gpu::sync_block();
#pragma unroll
      for (int i = 0; i < 2; ++i)
        for (int s = 0; s < kSplits; ++s)
          most[i] = gpu::max(most[i], largest[s * 16 + gpu::lane() / 4 + 8 * i]);
    }
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const float base = most[i] == -gpu::kInfinity ? 0 : most[i];
      kept[i] = gpu::exp(row[i].largest - base);
      row[i].largest = most[i];
#pragma unroll
      for (int n = 0; n < kPositionTiles; ++n) {
        weight[n][2 * i] = gpu::exp(weight[n][2 * i] - base);
        weight[n][2 * i + 1] = gpu::exp(weight[n][2 * i + 1] - base);
        const float both = weight[n][2 * i] + weight[n][2 * i + 1];
        if constexpr (kSplits > 1)
          room_.sums[((group_ * kSubtile / 8 + split_ * kPositionTiles + n) * 2 + i) * 32 + gpu::lane()] =
              both;
        else
          sum[i] += both;
      }
    }
    if constexpr (kSplits > 1) {
      gpu::sync_block();
#pragma unroll
      for (int i = 0; i < 2; ++i)
        for (int n = 0; n < kSubtile / 8; ++n)
          sum[i] += room_.sums[((group_ * kSubtile / 8 + n) * 2 + i) * 32 + gpu::lane()];
    }
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      sum[i] += gpu::shuffle_xor(sum[i], 1);
      sum[i] += gpu::shuffle_xor(sum[i], 2);
      row[i].sum = row[i].sum * kept[i] + sum[i];
    }
  }

  // The weights of all positions as the first operand of the product with values.
  GPU_FN void spread(uint32_t (&a)[kSteps][kWeightParts][4], float (&weight)[kPositionTiles][4],
                     int stage) const {
    const float* scales = room_.scales + (stage * 2 + 1) * kSubtile;
    uint16_t* weights = room_.weights + group_ * kWeightParts * 16 * kPositionStride;
#pragma unroll
    for (int n = 0; n < kPositionTiles; ++n)
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        const int in_subtile = (split_ * kPositionTiles + n) * 8 + gpu::lane() % 4 * 2;
        if (p_.kv.type == kKvI8) {
          weight[n][2 * i] *= scales[in_subtile];
          weight[n][2 * i + 1] *= scales[in_subtile + 1];
        }
        uint16_t low[kWeightParts], high[kWeightParts];
        take_apart<H>(low, weight[n][2 * i]);
        take_apart<H>(high, weight[n][2 * i + 1]);
#pragma unroll
        for (int part = 0; part < kWeightParts; ++part) {
          const uint32_t pair = low[part] | static_cast<uint32_t>(high[part]) << 16;
          if constexpr (kSplits > 1)
            *reinterpret_cast<uint32_t*>(weights + (part * 16 + gpu::lane() / 4 + 8 * i) * kPositionStride +
                                         in_subtile) = pair;
          else
            a[n / 2][part][n % 2 * 2 + i] = pair;
        }
      }
    if constexpr (kSplits > 1) {
      gpu::sync_block();
#pragma unroll
      for (int step = 0; step < kSteps; ++step)
#pragma unroll
        for (int part = 0; part < kWeightParts; ++part)
          gpu::ldmatrix_x4(a[step][part], weights + (part * 16 + gpu::lane() % 16) * kPositionStride +
                                              step * 16 + gpu::lane() / 16 * 8);
    }
  }

  const TileRoom& room_;
  const TileSizes& sizes_;
  const Attend& p_;
  int group_, split_;
};

// kGroups × 16 rows; up to kSplits × kTiles × 8 values.
template <Half H, int kGroups, int kSplits, int kTiles>
GPU_FN void attend_tiles(const Attend& p) {
  static_assert(kGroups * kSplits == kAttendWarps);
  constexpr int kRows = kGroups * 16;
  const TileSizes sizes = tile_sizes(p.heads, p.joined != 0);
  gpu::SharedMemory shared;
  TileRoom room;
  room.q = shared.array<uint16_t>(kQueryParts<H> * kRows * sizes.q_stride);
  room.keys = shared.array<uint16_t>(p.stages * sizes.dims * kPositionStride);
  room.values = shared.array<uint16_t>(p.stages * kSubtile * sizes.value_stride);
  room.scales = shared.array<float>(p.stages * 2 * kSubtile);
  room.factors = shared.array<float>(kRows);
  room.largest = shared.array<float>(kRows * kAttendWarps);
  room.sums = shared.array<float>(kRows * kSubtile / 2);
  room.weights = shared.array<uint16_t>(kWeightParts * kRows * kPositionStride);
  const TokenTile tokens = shared_tile(p, shared.array<int>(4));
  if (tokens.sequence < 0) return;
  const HeadTile heads = head_tile(p);
  const int context = p.context_len[tokens.sequence];
  const Seen all = seen_of_partition(tokens, context, p);
  if (all.last < 0) return;

  const auto bring = [&](int stage, int begin) {
    bring_subtile(room, sizes, stage, begin, all, tokens.sequence, heads.kv_head, p);
    gpu::cp_async_commit();
  };
  const int first = all.first / kSubtile * kSubtile;
  if (p.stages > 1) bring(0, first);
  for (int r = gpu::warp(); r < kRows; r += kAttendWarps)
    bring_row<H>(room, sizes, r, row_of(r, tokens, heads), p);
  gpu::sync_block();
  TileSums<H, kSplits, kTiles> sums(room, sizes, p);
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    sums.row[i].by = p.scale * room.factors[sums.row_of_lane(i)];
    const Row row = row_of(sums.row_of_lane(i), tokens, heads);
    if (row.token < 0) continue;
    const Seen of_row = seen_from(p.positions[row.token], context, p);
    if (of_row.last >= all.first && of_row.first <= all.last)
      sums.row[i].seen = {gpu::max(of_row.first, all.first), gpu::min(of_row.last, all.last)};
  }

  int stage = 0;
  for (int begin = first; begin <= all.last; begin += kSubtile) {
    if (p.stages == 1) {
      bring(0, begin);
      gpu::cp_async_wait<0>();
    } else if (begin + kSubtile <= all.last) {
      bring(1 - stage, begin + kSubtile);
      gpu::cp_async_wait<1>();
    } else {
      gpu::cp_async_wait<0>();
    }
    gpu::sync_block();
    sums.add_subtile(stage, begin);
    gpu::sync_block();
    if (p.stages > 1) stage = 1 - stage;
  }

#pragma unroll
  for (int i = 0; i < 2; ++i) {
    if (sums.row[i].seen.last < 0) continue;
    const int r = sums.row_of_lane(i);
    const Row row = row_of(r, tokens, heads);
    float* to = p.out.data + row.token * p.out.stride + row.head * p.heads.value_dim;
    float factor = 1;
    if (p.partitions > 1) {
      to = partial_of(p, r, gpu::block_index().z);
      if (sums.split() == 0 && gpu::lane() % 4 == 0) to[0] = sums.row[i].largest, to[1] = sums.row[i].sum;
      to += 2;
    } else {
      factor = final_factor(sums.row[i].largest, sums.row[i].sum, row.head, p);
    }
#pragma unroll
    for (int t = 0; t < kTiles; ++t)
#pragma unroll
      for (int e = 0; e < 2; ++e)
        if (sums.column(t, e) < p.heads.value_dim) to[sums.column(t, e)] = sums.values[t][2 * i + e] * factor;
  }
}

}  // namespace ferrum::cuda

// The kernels of one type of operands.
#define FERRUM_ATTENTION_KERNELS(name, half)                                                  \
  GPU_KERNEL(attend_##name##_16x128, ferrum::cuda::Attend, ferrum::cuda::kAttendThreads, 4) { \
    ferrum::cuda::attend_tiles<half, 1, 4, 4>(p);                                             \
  }                                                                                           \
  GPU_KERNEL(attend_##name##_16x256, ferrum::cuda::Attend, ferrum::cuda::kAttendThreads, 3) { \
    ferrum::cuda::attend_tiles<half, 1, 4, 8>(p);                                             \
  }                                                                                           \
  GPU_KERNEL(attend_##name##_16x512, ferrum::cuda::Attend, ferrum::cuda::kAttendThreads, 2) { \
    ferrum::cuda::attend_tiles<half, 1, 4, 16>(p);                                            \
  }                                                                                           \
  GPU_KERNEL(attend_##name##_64x128, ferrum::cuda::Attend, ferrum::cuda::kAttendThreads, 2) { \
    ferrum::cuda::attend_tiles<half, 4, 1, 16>(p);                                            \
  }                                                                                           \
  GPU_KERNEL(attend_##name##_32x256, ferrum::cuda::Attend, ferrum::cuda::kAttendThreads, 2) { \
    ferrum::cuda::attend_tiles<half, 2, 2, 16>(p);                                            \
  }
