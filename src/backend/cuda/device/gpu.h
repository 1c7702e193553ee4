// What device code may ask of a GPU: the one place where CUDA and its emulation differ. A kernel includes
// this and nothing else of either, is declared by GPU_KERNEL with one struct of parameters, and takes shared
// memory through SharedMemory. It is then compiled twice: by nvcc to instructions, and by g++ (with the hooks
// of -fsanitize=thread, without its runtime) to calls of the emulator in tests/cuda_emulator.
//
// Vectors are read and written through load and store, atomics through the primitives below. A kernel has no
// static variables. What each primitive does is defined by the PTX ISA.
#pragma once
#include <cstdint>

#include "backend/cuda/device/gpu_types.h"

#ifdef __CUDACC__
#include "backend/cuda/device/gpu_instructions.h"
#else
#include "backend/cuda/device/gpu_emulated.h"
#endif

namespace gpu {

GPU_FN int lane() { return thread_index() & 31; }
GPU_FN int warp() { return thread_index() >> 5; }

GPU_FN uint32_t bits_of(float x) { return __builtin_bit_cast(uint32_t, x); }
GPU_FN float float_of(uint32_t x) { return __builtin_bit_cast(float, x); }
GPU_FN float from_bf16(uint16_t x) { return float_of(static_cast<uint32_t>(x) << 16); }
// To nearest, ties to even; NaN stays NaN.
GPU_FN uint16_t to_bf16(float x) {
  const uint32_t bits = bits_of(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}
// The part of x that a tensor core takes of a TF32 operand: 10 bits behind the first. The remainder is exact.
GPU_FN float tf32_part(float x) { return float_of(bits_of(x) & 0xffffe000u); }

GPU_FN int count_bits(uint32_t x) {
  x -= x >> 1 & 0x55555555u;
  x = (x & 0x33333333u) + (x >> 2 & 0x33333333u);
  return static_cast<int>(((x + (x >> 4)) & 0x0f0f0f0fu) * 0x01010101u >> 24);
}
GPU_FN float absolute(float x) { return float_of(bits_of(x) & 0x7fffffffu); }

// Sums in a fixed tree: every lane gets the same bits.
GPU_FN float warp_sum(float x) {
  for (int step = 16; step > 0; step >>= 1) x += shuffle_xor(x, step);
  return x;
}
GPU_FN float warp_max(float x) {
  for (int step = 16; step > 0; step >>= 1) x = max(x, shuffle_xor(x, step));
  return x;
}

}  // namespace gpu
