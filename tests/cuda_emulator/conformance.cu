#include "conformance.h"

#include "backend/cuda/device/gpu.h"

using namespace conformance;

GPU_KERNEL(conformance_primitives, Params, 64, 1) {
  gpu::SharedMemory shared;
  uint16_t* tile = shared.array<uint16_t>(64 * 8);
  uint32_t* passed = shared.array<uint32_t>(64);
  const int thread = gpu::thread_index(), lane = gpu::lane();
  gpu::cp_async_16(tile + thread * 8, p.halves + thread * 8, thread % 4 == 3 ? 8 : 16);
  gpu::cp_async_commit();
  gpu::cp_async_wait<0>();
  passed[thread] = p.words[thread * kLanes / 64 + thread];
  gpu::sync_named(1, 64);
  if (gpu::warp() != 0) {
    gpu::arrive_named(2, 64);
    return;
  }
  gpu::sync_named(2, 64);
  int whole = 0, rounded = 0;
  const auto keep = [&](uint32_t x) { p.whole[whole++ * kLanes + lane] = x; };
  const auto keep_float = [&](float x) { p.rounded[rounded++ * kLanes + lane] = x; };
  const auto word = [&](int i) { return p.words[i * kLanes + lane]; };
  const auto number = [&](int i) { return p.numbers[i * kLanes + lane]; };

  keep(passed[32 + lane]);
  keep(gpu::shuffle_xor(word(0), 5));
  keep(gpu::shuffle(word(1), 31 - lane));
  keep(gpu::ballot((word(2) & 1) != 0));
  keep(static_cast<uint32_t>(gpu::count_bits(word(3))));
  keep(static_cast<uint32_t>(gpu::dp4a(word(4), word(5), static_cast<int32_t>(word(6)))));
  keep(gpu::add_bf16x2(gpu::to_bf16(number(0)) | static_cast<uint32_t>(gpu::to_bf16(number(1))) << 16,
                       gpu::to_bf16(number(2)) | static_cast<uint32_t>(gpu::to_bf16(-number(3))) << 16));
  keep(gpu::to_f16(number(0) * 1000) | static_cast<uint32_t>(gpu::to_f16(number(1) * 1e-6f)) << 16);
  keep(gpu::bits_of(gpu::from_f16(static_cast<uint16_t>(word(7) & 0xfbffu))));
  keep(static_cast<uint32_t>(gpu::round_to_int(number(2) * 37.5f)));
  keep(gpu::bits_of(gpu::max(number(0), gpu::float_of(0x7fc00000u))));
  keep(gpu::bits_of(gpu::fma(number(0), number(1), number(2))));
  keep(gpu::bits_of(gpu::rsqrt(number(3))));
  uint32_t a[4], b[4], t[4];
  gpu::ldmatrix_x4(a, tile + lane * 8);
  gpu::ldmatrix_x4_trans(t, tile + lane * 8);
  gpu::ldmatrix_x4(b, tile + (32 + lane) * 8);
  for (int i = 0; i < 4; ++i) {
    keep(a[i]);
    keep(t[i]);
    keep(b[i]);
  }
  const uint32_t bytes[4] = {word(8), word(9), word(10), word(11)};
  int32_t sums[4] = {1, 2, 3, 4};
  gpu::mma_s8(sums, bytes, word(12), word(13));
  for (int i = 0; i < 4; ++i) keep(static_cast<uint32_t>(sums[i]));

  float product[4] = {number(0), number(1), number(2), number(3)};
  gpu::mma_bf16(product, a, b[0], b[1]);
  for (int i = 0; i < 4; ++i) keep_float(product[i]);
  const auto halves = [&](int i) {
    return gpu::to_f16(number(i)) | static_cast<uint32_t>(gpu::to_f16(-number(i + 1))) << 16;
  };
  const uint32_t of_f16[4] = {halves(0), halves(1), halves(2), halves(3)};
  float product_of_f16[4] = {number(0), number(1), number(2), number(3)};
  gpu::mma_f16(product_of_f16, of_f16, halves(4), halves(5));
  for (int i = 0; i < 4; ++i) keep_float(product_of_f16[i]);
  const uint32_t wide[4] = {gpu::bits_of(gpu::tf32_part(number(0))), gpu::bits_of(gpu::tf32_part(number(1))),
                            gpu::bits_of(gpu::tf32_part(number(2))), gpu::bits_of(gpu::tf32_part(number(3)))};
  float of_tf32[4] = {};
  gpu::mma_tf32(of_tf32, wide, gpu::bits_of(gpu::tf32_part(number(4))),
                gpu::bits_of(gpu::tf32_part(number(5))));
  for (int i = 0; i < 4; ++i) keep_float(of_tf32[i]);
  keep_float(gpu::exp(-number(0)));
  keep_float(gpu::log(number(1)));
  keep_float(gpu::log1p(number(2)));
  keep_float(gpu::expm1(number(3) * 0.01f));
  keep_float(gpu::tanh(number(4) * 0.3f));
  keep_float(gpu::erf(number(5) * 0.3f));
  keep_float(gpu::warp_sum(number(6)));
  keep_float(gpu::warp_max(number(7)));
  keep_float(static_cast<float>(gpu::log(static_cast<double>(number(0)))));
  keep_float(static_cast<float>(gpu::log2(static_cast<double>(number(1)))));
  keep_float(static_cast<float>(gpu::exp2(static_cast<double>(number(2)))));
  keep_float(static_cast<float>(gpu::pow(static_cast<double>(number(3)), 1.7)));
}
