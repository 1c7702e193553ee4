// Products of weights with rows of inputs on tensor cores: out = x · wᵀ.
//
// A block has kRowTiles × 16 rows of the weight and kTokenTiles × 8 rows of x. Each warp sums up a run of
// columns; then the runs' sums are added in order. Within a run a unit of 32 columns follows another. Whole
// numbers are multiplied exactly; their sum over a unit, or the half of one that has a scale of its own, is
// scaled and added in float32:
//   sum += s · Σ q x + m · Σ x
// Σ x comes of a product with ones. So every element is computed alike, whatever its place in a tile and the
// size of the tile.
#pragma once
#include "backend/cuda/kernels/decode.h"
#include "backend/cuda/kernels/multiply.h"

namespace ferrum::cuda {

// Adds a unit to the sums of a warp. load(b, part, step): the fragments of x for a step of it.
template <QuantFormat F, int kRowTiles, int kTokenTiles, class Load>
GPU_FN void add_unit(float (&sum)[kRowTiles][kTokenTiles][4], const RawTile<F> (&raw)[kRowTiles], int parts,
                     const Load& load) {
  gpu::Vec2 b[kTokenTiles];
  if constexpr (F.is_float()) {
#pragma unroll
    for (int step = 0; step < 2; ++step)
#pragma unroll
      for (int r = 0; r < kRowTiles; ++r) {
        float v[8];
        floats<F>(v, raw[r], step);
#pragma unroll
        for (int k = 0; k < kBf16Parts<F>; ++k) {
          const StepPairs a = next_part(v);
          for (int part = 0; part < parts; ++part) {
            load(b, part, step);
#pragma unroll
            for (int n = 0; n < kTokenTiles; ++n) gpu::mma_bf16(sum[r][n], a.pair, b[n].x, b[n].y);
          }
        }
      }
    return;
  }
  constexpr int kSteps = F.per_scale / 16;  // that share a scale
#pragma unroll
  for (int scaled = 0; scaled < 32 / F.per_scale; ++scaled) {
    float product[kRowTiles][kTokenTiles][4] = {};
    float ones[kTokenTiles][4] = {};
#pragma unroll
    for (int s = 0; s < kSteps; ++s) {
      const int step = scaled * kSteps + s;
      StepPairs a[kRowTiles];
#pragma unroll
      for (int r = 0; r < kRowTiles; ++r) a[r] = whole_numbers<F>(raw[r], step);
      for (int part = 0; part < parts; ++part) {
        load(b, part, step);
#pragma unroll
        for (int n = 0; n < kTokenTiles; ++n) {
#pragma unroll
          for (int r = 0; r < kRowTiles; ++r) gpu::mma_bf16(product[r][n], a[r].pair, b[n].x, b[n].y);
          if constexpr (F.has_minimum()) {
            constexpr uint32_t kOnes[4] = {0x3f803f80u, 0x3f803f80u, 0x3f803f80u, 0x3f803f80u};
            gpu::mma_bf16(ones[n], kOnes, b[n].x, b[n].y);
          }
        }
      }
    }
#pragma unroll
    for (int r = 0; r < kRowTiles; ++r) {
      const Scales by = scales<F>(raw[r], scaled);
#pragma unroll
      for (int n = 0; n < kTokenTiles; ++n)
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          sum[r][n][e] = gpu::fma(by.s[e / 2], product[r][n][e], sum[r][n][e]);
          if constexpr (F.has_minimum()) sum[r][n][e] = gpu::fma(by.m[e / 2], ones[n][e], sum[r][n][e]);
        }
    }
  }
}

// Fragments of x for one step of a unit.
template <int kTokenTiles>
GPU_FN void load_inputs(gpu::Vec2 (&b)[kTokenTiles], const Multiply& p, int part, int first_tile, int unit,
                        int step) {
  const int64_t of_part = (static_cast<int64_t>(gpu::block_index().z) * p.parts + part) * p.tiles;
#pragma unroll
  for (int n = 0; n < kTokenTiles; ++n) {
    b[n] = {0, 0};
    if (first_tile + n < p.tiles)
      b[n] = gpu::load(p.x + (((of_part + first_tile + n) * p.w.units + unit) * 2 + step) * 32 + gpu::lane());
  }
}

template <QuantFormat F, int kRowTiles, int kTokenTiles>
GPU_FN void multiply(const Multiply& p) {
  gpu::SharedMemory shared;
  const int warps = gpu::block_threads() / 32;
  constexpr int kElements = kRowTiles * kTokenTiles * 128;
  float* partial = shared.array<float>(warps * kElements);
  const gpu::Index block = gpu::block_index();
  int group = block.z;
  if (p.groups != nullptr) group = p.groups[block.y];
  if (group < 0) return;
  const int first_tile = block.y * kTokenTiles, first_row_tile = block.x * kRowTiles;
  const int run = units_of_warp(p.w.units);
  const int begin = gpu::warp() * run, end = gpu::min(begin + run, p.w.units);

  // Tiles of the weight are on their way for the units ahead: more where a product does little with each.
  constexpr int kAhead = kRowTiles * kTokenTiles > 1 ? 1 : F.low_bits > 8 ? 2 : 4;
  RawTile<F> ahead[kAhead][kRowTiles] = {};
  const auto load = [&](RawTile<F>(&to)[kRowTiles], int unit) {
    if (unit >= end) return;
#pragma unroll
    for (int r = 0; r < kRowTiles; ++r)
      to[r] = load_tile<F>(place_of<F>(p.w, group, gpu::min(first_row_tile + r, p.w.row_tiles - 1), unit),
                           gpu::lane());
  };
#pragma unroll
  for (int a = 0; a < kAhead; ++a) load(ahead[a], begin + a);
  float sum[kRowTiles][kTokenTiles][4] = {};
  for (int first = begin; first < end; first += kAhead) {
#pragma unroll
    for (int a = 0; a < kAhead; ++a) {
      const int unit = first + a;
      if (unit >= end) break;
      RawTile<F> now[kRowTiles];
#pragma unroll
      for (int r = 0; r < kRowTiles; ++r) now[r] = ahead[a][r];
      load(ahead[a], unit + kAhead);
      add_unit<F>(sum, now, p.parts, [&](gpu::Vec2(&b)[kTokenTiles], int part, int step) {
        load_inputs(b, p, part, first_tile, unit, step);
      });
    }
  }

  // [warps, row tiles, token tiles, 8 tokens, 16 rows]
#pragma unroll
  for (int r = 0; r < kRowTiles; ++r)
#pragma unroll
    for (int n = 0; n < kTokenTiles; ++n)
#pragma unroll
      for (int e = 0; e < 4; ++e)
        partial[gpu::warp() * kElements + (r * kTokenTiles + n) * 128 + (gpu::lane() % 4 * 2 + e % 2) * 16 +
                gpu::lane() / 4 + e / 2 * 8] = sum[r][n][e];
  gpu::sync_block();
  for (int i = gpu::thread_index(); i < kElements; i += gpu::block_threads()) {
    const int row = (first_row_tile + i / 128 / kTokenTiles) * 16 + i % 16;
    const int position = (first_tile + i / 128 % kTokenTiles) * kTokenTile + i / 16 % 8;
    if (row >= p.w.rows || position >= p.positions) continue;
    const int out_row = p.out_rows == nullptr ? position : p.out_rows[position];
    if (out_row < 0) continue;
    float total = partial[i];
    for (int w = 1; w < warps; ++w) total += partial[w * kElements + i];
    if (p.bias != nullptr) total += p.bias[static_cast<int64_t>(group) * p.bias_of_group + row];
    p.out[out_row * p.out_stride + block.z * p.out_of_head + row] = total;
  }
}

// Four threads have a row's 32 values of one unit: as the lanes of its tile do, but for those of the other
// row.
template <QuantFormat F>
GPU_FN void embed(const Embed& p) {
  const int token = gpu::block_index().y;
  const int row = p.tokens[token] - p.first_row;
  const int unit = gpu::block_index().x * kUnitsOfEmbed + gpu::thread_index() / 4;
  if (row < 0 || row >= p.w.rows || unit >= p.w.units) return;
  const int t = gpu::thread_index() % 4, lane = row % 8 * 4 + t, upper = row / 8 % 2;
  const RawTile<F> raw = load_tile<F>(place_of<F>(p.w, 0, row / 16, unit), lane);
  float* out = p.out.data + token * p.out.stride;
#pragma unroll
  for (int step = 0; step < 2; ++step) {
    float v[8];
    if constexpr (F.is_float()) {
      floats<F>(v, raw, step);
    } else {
      const StepPairs a = whole_numbers<F>(raw, step);
      const Scales by = scales<F>(raw, step * 16 / F.per_scale);
#pragma unroll
      for (int e = 0; e < 8; ++e) {
        const float q = gpu::float_of(e % 2 == 0 ? a.pair[e / 2] << 16 : a.pair[e / 2] & 0xffff0000u);
        v[e] = by.s[e / 2 % 2] * q + by.m[e / 2 % 2];
      }
    }
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      const int column = unit * 32 + step * 16 + 2 * t + e % 2 + e / 2 * 8;
      const int at = e % 2 + e / 2 * 4;  // of the lower row
      if (column < p.cols)
        out[p.order == nullptr ? column : p.order[column]] = upper != 0 ? v[at + 2] : v[at];
    }
  }
}

}  // namespace ferrum::cuda
