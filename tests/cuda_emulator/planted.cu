#include "planted.h"

#include "backend/cuda/device/gpu.h"

using namespace planted;

// One block of 128 threads: out[0] = Σ x, with count ≥ 128.
GPU_KERNEL(planted_sum, Params, 128, 1) {
  gpu::SharedMemory shared;
  float* partial = shared.array<float>(4);
  const int thread = gpu::thread_index();
  float sum = 0;
  for (int i = thread; i < p.count + (p.mistake == kOnePast); i += 128) sum += p.x[i];
  if (p.mistake == kMisalignedVector)
    sum += gpu::float_of(gpu::load(reinterpret_cast<const gpu::Vec4*>(p.x + 1)).x);
  if (p.mistake == kNoWarpSync) {
    if (gpu::lane() == 5) partial[gpu::warp()] = 1;
    if (gpu::lane() == 3) sum += partial[gpu::warp()];
  }
  if (p.mistake == kHalfWarp) {
    if (gpu::lane() < 16) sum = gpu::shuffle_xor(sum, 16, 0xffffu);
  }
  if (p.mistake == kNotInOwnMask && thread == 7) gpu::sync_warp(1u);
  if (p.mistake == kNoneLeft && thread == 40) return;
  sum = gpu::warp_sum(sum);
  if (p.mistake == kAllLanesWrite || gpu::lane() == 0) partial[gpu::warp()] = sum;
  if (p.mistake == kDivergentBarrier && gpu::warp() == 2) return;
  if (p.mistake == kTwoCounts) gpu::sync_named(1, gpu::warp() == 0 ? 64 : 128);
  if (p.mistake == kOtherBarrier) {
    if (gpu::lane() < 16)
      gpu::sync_block();
    else
      gpu::sync_block();
  } else if (p.mistake != kNoBarrier) {
    gpu::sync_block();
  }
  float total = 0;
  if (p.mistake == kNeverWritten) {
    gpu::SharedMemory more = shared;
    total += more.array<float>(4)[gpu::warp()];
  }
  for (int i = 0; i < 4 + (p.mistake == kBehindShared); ++i) total += partial[i];
  if (thread == 0) p.out[0] = total;
}

// One block of 64 threads: two tiles of 32 rows of 8 halves, one after another, into two places.
GPU_KERNEL(planted_tile, Params, 64, 1) {
  gpu::SharedMemory shared;
  uint16_t* tiles = shared.array<uint16_t>(2 * 32 * 8);
  const int thread = gpu::thread_index();
  const auto ask = [&](int step) {
    uint16_t* to = tiles + (p.mistake == kOverwrites ? 0 : step % 2 * 256);
    if (thread < 32) gpu::cp_async_16(to + thread * 8, p.halves + (step % 2 * 32 + thread) * 8);
    gpu::cp_async_commit();
  };
  if (p.mistake == kMisalignedCopy) gpu::cp_async_16(tiles + 4, p.halves);
  ask(0);
  if (p.mistake == kOverInFlight && thread == 0) tiles[0] = 1;
  uint32_t sum = 0;
  for (int step = 0; step < 4; ++step) {
    if (p.mistake == kOverwrites) {
      gpu::cp_async_wait<0>();
    } else {
      ask(step + 1);
      if (p.mistake == kOneGroupTooFew)
        gpu::cp_async_wait<2>();
      else
        gpu::cp_async_wait<1>();
    }
    if (p.mistake != kOthersCopies) gpu::sync_block();
    const uint16_t* row = tiles + (p.mistake == kOverwrites ? 0 : step % 2 * 256) + gpu::lane() * 8;
    if (p.mistake == kMisalignedRow) row = tiles + gpu::lane() * 4;
    if (p.mistake == kBehindTile) row += 256;
    if (p.mistake == kFromGlobal) row = p.halves + gpu::lane() * 8;
    uint32_t matrices[4];
    if (p.mistake == kPartOfWarp && gpu::lane() > 15) break;
    gpu::ldmatrix_x4(matrices, row);
    sum += matrices[0] + matrices[1] + matrices[2] + matrices[3];
    if (p.mistake == kOverwrites) {
      if (step < 3) ask(step + 1);
    } else {
      gpu::sync_block();
    }
  }
  if (p.mistake != kInFlightAtEnd) gpu::cp_async_wait<0>();
  p.out[thread] = static_cast<float>(sum & 0xffff);
}

// Blocks of 32 threads, which add up their sums of x; the last to arrive sums these.
GPU_KERNEL(planted_blocks, Params, 32, 1) {
  gpu::SharedMemory shared;
  float* own = shared.array<float>(32);
  const int block = gpu::block_index().x, blocks = gpu::grid_size().x;
  float sum = 0;
  for (int i = block * 32 + gpu::lane(); i < p.count; i += 32 * blocks) sum += p.x[i];
  sum = gpu::warp_sum(sum);
  own[gpu::lane()] = sum;
  if (gpu::lane() != 0) return;
  if (p.mistake == kAddsWithoutOrder) p.out[1] += sum;
  if (p.mistake == kWritesOverOthers) p.out[1] = sum;
  p.out[2 + block] = sum;
  const uint32_t arrived = p.mistake == kPlainCounter ? p.counter[0]++ : gpu::add_acq_rel(p.counter, 1);
  if (p.mistake == kOthersShared) p.out[0] = own[1 << 18];  // where the next window begins
  if (arrived + 1 != static_cast<uint32_t>(blocks)) return;
  float total = 0;
  for (int i = 0; i < blocks; ++i) total += p.out[2 + i];
  p.out[0] = total;
}

// Warps 0 and 1 give, warps 2 and 3 take, over named barriers: a ring of two places.
GPU_KERNEL(planted_ring, Params, 128, 1) {
  gpu::SharedMemory shared;
  float* ring = shared.array<float>(2 * 64);
  const int i = gpu::thread_index() % 64;
  float sum = 0;
  for (int part = 0; part < p.count; ++part) {
    const int place = part % 2;
    if (gpu::warp() < 2) {
      if (part >= 2) gpu::sync_named(3 + place, 128);  // it is empty
      ring[place * 64 + i] = p.x[part * 64 + i];
      gpu::arrive_named(p.mistake == kWrongPlace ? 2 - place : 1 + place, 128);  // it is full
      if (p.mistake == kArrivesAndWaits) gpu::sync_named(1 + place, 128);
    } else {
      gpu::sync_named(1 + place, 128);
      sum += ring[place * 64 + i];
      if (part + 2 < p.count) gpu::arrive_named(3 + place, 128);
    }
  }
  if (gpu::warp() >= 2) p.out[i] = sum;
}

// One warp. out: an s8 product [16, 8] of x as bytes a [16, 32] and b [8, 32]; then a TF32 and a bf16 product
// of whole numbers, and pairs of transposed bytes.
GPU_KERNEL(planted_matrices, Params, 32, 1) {
  gpu::SharedMemory shared;
  int8_t* a = shared.array<int8_t>(16 * 48);  // rows 48 bytes apart
  int8_t* b = shared.array<int8_t>(8 * 48);
  const int lane = gpu::lane();
  const auto* bytes = reinterpret_cast<const int8_t*>(p.x);
  gpu::cp_async_16(a + lane / 2 * 48 + lane % 2 * 16, bytes + lane * 16);
  if (lane < 16) gpu::cp_async_16(b + lane / 2 * 48 + lane % 2 * 16, bytes + 512 + lane * 16);
  gpu::cp_async_commit();
  gpu::cp_async_wait<0>();
  gpu::sync_warp();
  uint32_t fa[4], fb[4], ft[4];
  gpu::ldmatrix_x4(fa, a + lane % 16 * 48 + lane / 16 * 16);
  gpu::ldmatrix_x4(fb, b + lane % 8 * 48 + lane / 8 % 2 * 16);
  gpu::ldmatrix_x4_trans(ft, a + lane % 16 * 48 + lane / 16 * 16);
  int32_t sum[4] = {};
  gpu::mma_s8(sum, fa, fb[0], fb[1]);
  // a[m][k] = byte (m, k), b[k][n] = byte (n, k), of the first 8 and the first 16 columns.
  const int g = lane / 4, t = lane % 4;
  const auto value = [&](const int8_t* matrix, int row, int column) {
    return static_cast<float>(matrix[row * 48 + column]);
  };
  const uint32_t wide[4] = {gpu::bits_of(value(a, g, t)), gpu::bits_of(value(a, g + 8, t)),
                            gpu::bits_of(value(a, g, t + 4)), gpu::bits_of(value(a, g + 8, t + 4))};
  float tf32[4] = {};
  gpu::mma_tf32(tf32, wide, gpu::bits_of(value(b, g, t)), gpu::bits_of(value(b, g, t + 4)));
  const auto pair = [&](const int8_t* matrix, int row, int column) {
    return gpu::to_bf16(value(matrix, row, column)) |
           static_cast<uint32_t>(gpu::to_bf16(value(matrix, row, column + 1))) << 16;
  };
  const uint32_t narrow[4] = {pair(a, g, 2 * t), pair(a, g + 8, 2 * t), pair(a, g, 2 * t + 8),
                              pair(a, g + 8, 2 * t + 8)};
  float bf16[4] = {};
  gpu::mma_bf16(bf16, narrow, pair(b, g, 2 * t), pair(b, g, 2 * t + 8));
  for (int e = 0; e < 4; ++e) {
    const int at = (g + e / 2 * 8) * 8 + 2 * t + e % 2;
    p.out[at] = static_cast<float>(sum[e]);
    p.out[128 + at] = tf32[e];
    p.out[256 + at] = bf16[e];
    p.counter[lane * 4 + e] = ft[e];
  }
}

// Each lane's vote, product of bytes and 16-bit conversions.
GPU_KERNEL(planted_lanes, Params, 32, 1) {
  const int lane = gpu::lane();
  const unsigned odd = gpu::ballot(lane % 2 == 1);
  const float x = p.x[lane];
  p.counter[lane] = odd;
  p.counter[32 + lane] = static_cast<uint32_t>(gpu::dp4a(0x01ff02feu, 0x03050709u, lane));
  p.counter[64 + lane] = gpu::to_f16(x) | static_cast<uint32_t>(gpu::to_bf16(x)) << 16;
  p.out[lane] = gpu::from_f16(gpu::to_f16(x));
  p.out[32 + lane] = gpu::from_bf16(gpu::to_bf16(x));
  p.out[64 + lane] = gpu::shuffle(x, 31 - lane);
}

// One warp: a store and a load of shared memory by each lane, at places that the "mistake" chooses.
GPU_KERNEL(planted_banks, Params, 32, 1) {
  gpu::SharedMemory shared;
  uint32_t* words = shared.array<uint32_t>(32 * 33);
  const int lane = gpu::lane();
  uint32_t sum = 0;
  if (p.mistake == kVectors || p.mistake == kVectorsApart) {
    auto* at = reinterpret_cast<gpu::Vec4*>(words + lane * (p.mistake == kVectors ? 4 : 32));
    gpu::store(at, gpu::Vec4{1, 2, 3, 4});
    sum = gpu::load(at).x;
  } else if (p.mistake != kHalfOfLanes || lane < 16) {
    const int apart[] = {1, 2, 33, 0, 32, 0, 0, 2};
    uint32_t* at = words + lane * apart[p.mistake];
    if (p.mistake != kSameWord || lane == 0) *at = 1;
    gpu::sync_warp(p.mistake == kHalfOfLanes ? 0xffffu : gpu::kAllLanes);
    sum = *at;
  }
  p.counter[lane] = sum;
}
