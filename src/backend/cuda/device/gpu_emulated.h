// Primitives as calls of the emulator (tests/cuda_emulator). Loads and stores through pointers are seen by
// way of the hooks that -fsanitize=thread puts before each; these are the emulator's own.
#pragma once
#include <bit>
#include <cstddef>

#include "backend/cuda/device/gpu_kernel.h"

#define GPU_FN inline __attribute__((always_inline))
#define GPU_KERNEL(name, Params, threads, blocks)                                                  \
  static inline void name##_body(const Params& p);                                                 \
  static void name##_thread(const void* bytes) {                                                   \
    Params p;                                                                                      \
    __builtin_memcpy(&p, bytes, sizeof p);                                                         \
    name##_body(p);                                                                                \
  }                                                                                                \
  static const gpu::emulated::Kernel name##_kernel(#name, sizeof(Params), threads, name##_thread); \
  static inline __attribute__((always_inline)) void name##_body(const Params& p)

namespace gpu {
namespace emulated {

void* shared_array(int* real, int* window, int bytes);  // offsets: of the real layout, and of one with gaps
uint32_t shuffle(uint32_t x, int from_or_xor, bool is_xor, unsigned mask, int line);
void load(void* to, const void* from, unsigned bytes);
void store(void* to, const void* from, unsigned bytes);
void cp_async_wait(int groups_left);
float f16_to_float(uint16_t x);
uint16_t float_to_f16(float x);

}  // namespace emulated

[[gnu::const]] int thread_index();
[[gnu::const]] int block_threads();
[[gnu::const]] Index block_index();
[[gnu::const]] Index grid_size();

class SharedMemory {
 public:
  template <class T>
  T* array(int count) {
    return static_cast<T*>(emulated::shared_array(&real_, &window_, static_cast<int>(sizeof(T)) * count));
  }

 private:
  int real_ = 0;
  int window_ = 0;
};

void sync_block(int line = __builtin_LINE());
void sync_warp(unsigned mask = kAllLanes, int line = __builtin_LINE());
void sync_named(int id, int threads, int line = __builtin_LINE());
void arrive_named(int id, int threads, int line = __builtin_LINE());

template <class T>
GPU_FN T shuffle_xor(T x, int lanes, unsigned mask = kAllLanes, int line = __builtin_LINE()) {
  return std::bit_cast<T>(emulated::shuffle(std::bit_cast<uint32_t>(x), lanes, true, mask, line));
}
template <class T>
GPU_FN T shuffle(T x, int from, unsigned mask = kAllLanes, int line = __builtin_LINE()) {
  return std::bit_cast<T>(emulated::shuffle(std::bit_cast<uint32_t>(x), from, false, mask, line));
}
unsigned ballot(bool x, unsigned mask = kAllLanes, int line = __builtin_LINE());

template <class T>
GPU_FN T load(const T* p) {
  T value;
  emulated::load(&value, p, sizeof(T));
  return value;
}
template <class T>
GPU_FN void store(T* p, T value) {
  emulated::store(p, &value, sizeof(T));
}

void cp_async_16(void* shared, const void* global, int bytes = 16);
void cp_async_commit();
template <int kGroupsLeft>
GPU_FN void cp_async_wait() {
  emulated::cp_async_wait(kGroupsLeft);
}

void ldmatrix_x4(uint32_t (&d)[4], const void* row, int line = __builtin_LINE());
void ldmatrix_x4_trans(uint32_t (&d)[4], const void* row, int line = __builtin_LINE());
void mma_bf16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, int line = __builtin_LINE());
void mma_f16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, int line = __builtin_LINE());
void mma_tf32(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, int line = __builtin_LINE());
void mma_s8(int32_t (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, int line = __builtin_LINE());

uint32_t add_bf16x2(uint32_t a, uint32_t b);
GPU_FN int32_t dp4a(uint32_t a, uint32_t b, int32_t c) {
  for (int shift = 0; shift < 32; shift += 8)
    c += static_cast<int8_t>(a >> shift) * static_cast<int8_t>(b >> shift);
  return c;
}
GPU_FN float rsqrt(float x) { return 1.0f / __builtin_sqrtf(x); }
GPU_FN float max(float a, float b) { return __builtin_fmaxf(a, b); }
GPU_FN int max(int a, int b) { return a > b ? a : b; }
GPU_FN int min(int a, int b) { return a < b ? a : b; }
GPU_FN float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
GPU_FN float exp(float x) { return __builtin_expf(x); }
GPU_FN float log(float x) { return __builtin_logf(x); }
GPU_FN float log1p(float x) { return __builtin_log1pf(x); }
GPU_FN float expm1(float x) { return __builtin_expm1f(x); }
GPU_FN float tanh(float x) { return __builtin_tanhf(x); }
GPU_FN float erf(float x) { return __builtin_erff(x); }
GPU_FN double log(double x) { return __builtin_log(x); }
GPU_FN double log2(double x) { return __builtin_log2(x); }
GPU_FN double exp2(double x) { return __builtin_exp2(x); }
GPU_FN double pow(double x, double y) { return __builtin_pow(x, y); }
GPU_FN float from_f16(uint16_t x) { return emulated::f16_to_float(x); }
GPU_FN uint16_t to_f16(float x) { return emulated::float_to_f16(x); }
GPU_FN int round_to_int(float x) { return static_cast<int>(__builtin_nearbyintf(x)); }

uint32_t add_acq_rel(uint32_t* p, uint32_t value);

}  // namespace gpu
