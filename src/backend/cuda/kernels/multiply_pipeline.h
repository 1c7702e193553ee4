// Products of weights with many rows of inputs: a block has kRowTilesOfBlock × 16 rows of the weight and
// kTokenTilesOfBlock × 8 rows of x. The bytes of a unit of both (32 columns) go through shared memory in a
// ring of kStages, on their way by cp.async while others are multiplied; weights are decoded from there, in
// registers.
//
// Tiles lie in memory as the lanes of a warp take them (tiles.h, inputs.cu), so what ldmatrix would sort is
// in order, and each lane reads runs of up to 16 bytes, side by side. A warp has kRowTiles × kTokenTiles
// tiles to itself. It sums up the runs of columns one after another, each by itself, and adds these sums in
// order: every element has the bits that multiply() gives it, where each run is another warp's.
#pragma once
#include "backend/cuda/kernels/multiply_kernels.h"

namespace ferrum::cuda {

// A unit of the block's tiles in shared memory. Offsets in bytes.
template <QuantFormat F>
struct StageLayout {
  static constexpr int kQuants = F.low_bits * 64, kHigh = F.high_bits * 64;  // of a tile
  static constexpr int kRecords = 8 * F.record_bytes(), kSubs = F.is_float() ? 0 : 8 * F.sub_bytes();
  static constexpr int kHighAt = kRowTilesOfBlock * kQuants, kRecordsAt = kHighAt + kRowTilesOfBlock * kHigh;
  static constexpr int kSubsAt = kRecordsAt + kRowTilesOfBlock * kRecords;
  static constexpr int kInputsAt = kSubsAt + kRowTilesOfBlock * kSubs;
};

// Brings `kBytes` of each of the block's row tiles; `from` is where those of a row tile lie.
template <int kBytes, class From>
GPU_FN void bring_tiles(unsigned char* to, const From& from) {
  if constexpr (kBytes > 0)
    for (int i = gpu::thread_index(); i < kRowTilesOfBlock * (kBytes / 16); i += kPipelineThreads)
      gpu::cp_async_16(to + i * 16, from(i / (kBytes / 16)) + i % (kBytes / 16) * 16);
}

template <QuantFormat F>
GPU_FN void bring_unit(unsigned char* stage, const Multiply& p, int group, int first_row_tile, int first_tile,
                       int unit) {
  using Layout = StageLayout<F>;
  const auto row_tile = [&](int r) { return gpu::min(first_row_tile + r, p.w.row_tiles - 1); };
  const auto tile = [&](int r) { return p.w.tile(group, row_tile(r), unit); };
  bring_tiles<Layout::kQuants>(stage, [&](int r) { return p.w.quants + tile(r) * Layout::kQuants; });
  bring_tiles<Layout::kHigh>(stage + Layout::kHighAt,
                             [&](int r) { return p.w.high + tile(r) * Layout::kHigh; });
  bring_tiles<Layout::kRecords>(stage + Layout::kRecordsAt, [&](int r) {
    return p.w.records + p.w.record(group, row_tile(r), unit) * Layout::kRecords;
  });
  bring_tiles<Layout::kSubs>(stage + Layout::kSubsAt,
                             [&](int r) { return p.w.subs + tile(r) * Layout::kSubs; });
  constexpr int kChunks = kInputBytes / 16;  // of a tile of x
  const int chunks = p.parts * kTokenTilesOfBlock * kChunks;
  for (int i = gpu::thread_index(); i < chunks; i += kPipelineThreads) {
    const int part = i / (kTokenTilesOfBlock * kChunks), at = first_tile + i / kChunks % kTokenTilesOfBlock;
    const int64_t of_part = (static_cast<int64_t>(gpu::block_index().z) * p.parts + part) * p.tiles;
    const bool there = at < p.tiles;
    const auto* from = reinterpret_cast<const unsigned char*>(p.x) +
                       ((of_part + (there ? at : 0)) * p.w.units + unit) * kInputBytes;
    gpu::cp_async_16(stage + Layout::kInputsAt + i * 16, from + i % kChunks * 16, there ? 16 : 0);
  }
}

template <QuantFormat F>
GPU_FN void multiply_in_stages(const Multiply& p) {
  using Layout = StageLayout<F>;
  constexpr int kRowTiles = kRowTilesOfBlock / kRowWarps, kTokenTiles = kTokenTilesOfBlock / kTokenWarps;
  const int stage_bytes = Layout::kInputsAt + p.parts * kTokenTilesOfBlock * kInputBytes;
  gpu::SharedMemory shared;
  unsigned char* stages = shared.array<unsigned char>(kStages * stage_bytes);
  const gpu::Index block = gpu::block_index();
  int group = block.z;
  if (p.groups != nullptr) group = p.groups[block.y];
  if (group < 0) return;
  const int first_row_tile = block.x * kRowTilesOfBlock, first_tile = block.y * kTokenTilesOfBlock;
  const int row_warp = gpu::warp() % kRowWarps * kRowTiles,
            token_warp = gpu::warp() / kRowWarps * kTokenTiles;
  const int units = p.w.units, run = units_of_warp(units);
  const auto bring = [&](int unit) {
    if (unit < units)
      bring_unit<F>(stages + unit % kStages * stage_bytes, p, group, first_row_tile, first_tile, unit);
    gpu::cp_async_commit();
  };
#pragma unroll
  for (int s = 0; s < kStages - 1; ++s) bring(s);

  float total[kRowTiles][kTokenTiles][4] = {}, sum[kRowTiles][kTokenTiles][4] = {};
  for (int unit = 0; unit < units; ++unit) {
    gpu::cp_async_wait<kStages - 2>();
    gpu::sync_block();  // the unit is there for all, and the place of the one before it is free
    bring(unit + kStages - 1);
    const unsigned char* stage = stages + unit % kStages * stage_bytes;
    RawTile<F> raw[kRowTiles];
#pragma unroll
    for (int r = 0; r < kRowTiles; ++r) {
      const int tile = row_warp + r;
      raw[r] = load_tile<F>({stage + tile * Layout::kQuants, stage + Layout::kHighAt + tile * Layout::kHigh,
                             stage + Layout::kRecordsAt + tile * Layout::kRecords,
                             stage + Layout::kSubsAt + tile * Layout::kSubs},
                            gpu::lane());
    }
    const auto* inputs = reinterpret_cast<const gpu::Vec2*>(stage + Layout::kInputsAt);
    add_unit<F>(sum, raw, p.parts, [&](gpu::Vec2(&b)[kTokenTiles], int part, int step) {
#pragma unroll
      for (int n = 0; n < kTokenTiles; ++n)
        b[n] =
            gpu::load(inputs + ((part * kTokenTilesOfBlock + token_warp + n) * 2 + step) * 32 + gpu::lane());
    });
    if ((unit + 1) % run != 0 && unit + 1 < units) continue;
#pragma unroll
    for (int r = 0; r < kRowTiles; ++r)
#pragma unroll
      for (int n = 0; n < kTokenTiles; ++n)
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          total[r][n][e] = unit < run ? sum[r][n][e] : total[r][n][e] + sum[r][n][e];
          sum[r][n][e] = 0;
        }
  }

#pragma unroll
  for (int r = 0; r < kRowTiles; ++r)
#pragma unroll
    for (int n = 0; n < kTokenTiles; ++n)
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const int row = (first_row_tile + row_warp + r) * 16 + gpu::lane() / 4 + e / 2 * 8;
        const int position = (first_tile + token_warp + n) * kTokenTile + gpu::lane() % 4 * 2 + e % 2;
        if (row >= p.w.rows || position >= p.positions) continue;
        const int out_row = p.out_rows == nullptr ? position : p.out_rows[position];
        if (out_row < 0) continue;
        float value = total[r][n][e];
        if (p.bias != nullptr) value += p.bias[static_cast<int64_t>(group) * p.bias_of_group + row];
        p.out[out_row * p.out_stride + block.z * p.out_of_head + row] = value;
      }
}

}  // namespace ferrum::cuda

// All kernels of one format; of that for few tokens as many blocks share a multiprocessor.
#define FERRUM_FORMAT_KERNELS(name, format, blocks)                                                         \
  GPU_KERNEL(multiply_##name##_8, ferrum::cuda::Multiply, 32 * ferrum::cuda::kMostWarps, blocks) {          \
    ferrum::cuda::multiply<ferrum::cuda::format, 1, 1>(p);                                                  \
  }                                                                                                         \
  GPU_KERNEL(multiply_##name##_32, ferrum::cuda::Multiply, 32 * ferrum::cuda::kMostWarps, 1) {              \
    ferrum::cuda::multiply<ferrum::cuda::format, ferrum::cuda::kWideRowTiles, ferrum::cuda::kWideTiles>(p); \
  }                                                                                                         \
  GPU_KERNEL(multiply_##name##_64, ferrum::cuda::Multiply, ferrum::cuda::kPipelineThreads, 1) {             \
    ferrum::cuda::multiply_in_stages<ferrum::cuda::format>(p);                                              \
  }                                                                                                         \
  GPU_KERNEL(embed_##name, ferrum::cuda::Embed, 4 * ferrum::cuda::kUnitsOfEmbed, 1) {                       \
    ferrum::cuda::embed<ferrum::cuda::format>(p);                                                           \
  }
