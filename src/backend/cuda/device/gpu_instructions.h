// Primitives as the hardware's instructions (sm_80 and later). Semantics: PTX ISA 9.0.
#pragma once
#define GPU_FN __device__ __forceinline__
#define GPU_KERNEL(name, Params, threads, blocks) \
  extern "C" __global__ void __launch_bounds__(threads, blocks) name(const __grid_constant__ Params p)

extern "C" __shared__ __align__(128) unsigned char gpu_shared_bytes[];

namespace gpu {

GPU_FN int thread_index() { return threadIdx.x; }
GPU_FN int block_threads() { return blockDim.x; }
GPU_FN Index block_index() { return {int(blockIdx.x), int(blockIdx.y), int(blockIdx.z)}; }
GPU_FN Index grid_size() { return {int(gridDim.x), int(gridDim.y), int(gridDim.z)}; }

class SharedMemory {
 public:
  template <class T>
  GPU_FN T* array(int count) {
    offset_ = (offset_ + 15) / 16 * 16;
    T* first = reinterpret_cast<T*>(gpu_shared_bytes + offset_);
    offset_ += int(sizeof(T)) * count;
    return first;
  }

 private:
  int offset_ = 0;
};

GPU_FN void sync_block() { __syncthreads(); }
GPU_FN void sync_warp(unsigned mask = kAllLanes) { __syncwarp(mask); }
GPU_FN void sync_named(int id, int threads) {
  asm volatile("barrier.cta.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}
GPU_FN void arrive_named(int id, int threads) {
  asm volatile("barrier.cta.arrive %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

template <class T>
GPU_FN T shuffle_xor(T x, int lanes, unsigned mask = kAllLanes) {
  return __shfl_xor_sync(mask, x, lanes);
}
template <class T>
GPU_FN T shuffle(T x, int from, unsigned mask = kAllLanes) {
  return __shfl_sync(mask, x, from);
}
GPU_FN unsigned ballot(bool x, unsigned mask = kAllLanes) { return __ballot_sync(mask, x); }

template <class T>
GPU_FN T load(const T* p) {
  return *p;
}
template <class T>
GPU_FN void store(T* p, T value) {
  *p = value;
}

GPU_FN uint32_t shared_address(const void* p) { return uint32_t(__cvta_generic_to_shared(p)); }

// 16 bytes of shared memory: the first `bytes` of them from global memory, zeros behind.
GPU_FN void cp_async_16(void* shared, const void* global, int bytes = 16) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)),
               "l"(__cvta_generic_to_global(global)), "r"(bytes)
               : "memory");
}
GPU_FN void cp_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int kGroupsLeft>
GPU_FN void cp_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kGroupsLeft) : "memory");
}

// Four 8×8 matrices of 16 bits; lane i gives row i % 8 of matrix i / 8.
GPU_FN void ldmatrix_x4(uint32_t (&d)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
               : "r"(shared_address(row))
               : "memory");
}
GPU_FN void ldmatrix_x4_trans(uint32_t (&d)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
               : "r"(shared_address(row))
               : "memory");
}

// d[16×8] += a[16×16] · b[16×8]
GPU_FN void mma_bf16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
GPU_FN void mma_f16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
// d[16×8] += a[16×8] · b[8×8], each operand a float32 whose lowest 13 bits are zero
GPU_FN void mma_tf32(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
// d[16×8] += a[16×32] · b[32×8], bytes
GPU_FN void mma_s8(int32_t (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// The sums of both pairs of bf16 numbers, rounded to nearest.
GPU_FN uint32_t add_bf16x2(uint32_t a, uint32_t b) {
  uint32_t d;
  asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(0x3f803f80u), "r"(b));
  return d;
}
GPU_FN int32_t dp4a(uint32_t a, uint32_t b, int32_t c) { return __dp4a(int(a), int(b), c); }
GPU_FN float rsqrt(float x) { return 1.0f / sqrtf(x); }
GPU_FN float max(float a, float b) { return fmaxf(a, b); }
GPU_FN int max(int a, int b) { return a > b ? a : b; }
GPU_FN int min(int a, int b) { return a < b ? a : b; }
GPU_FN float fma(float a, float b, float c) { return fmaf(a, b, c); }
GPU_FN float exp(float x) { return expf(x); }
GPU_FN float log(float x) { return logf(x); }
GPU_FN float log1p(float x) { return log1pf(x); }
GPU_FN float expm1(float x) { return expm1f(x); }
GPU_FN float tanh(float x) { return tanhf(x); }
GPU_FN float erf(float x) { return erff(x); }
GPU_FN double log(double x) { return ::log(x); }
GPU_FN double log2(double x) { return ::log2(x); }
GPU_FN double exp2(double x) { return ::exp2(x); }
GPU_FN double pow(double x, double y) { return ::pow(x, y); }
GPU_FN float from_f16(uint16_t x) {
  float y;
  asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x));
  return y;
}
GPU_FN uint16_t to_f16(float x) {
  uint16_t y;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y) : "f"(x));
  return y;
}
GPU_FN int round_to_int(float x) { return __float2int_rn(x); }

// Publishes what this thread knows and learns what the others published.
GPU_FN uint32_t add_acq_rel(uint32_t* p, uint32_t value) {
  uint32_t old;
  asm volatile("atom.acq_rel.gpu.global.add.u32 %0, [%1], %2;"
               : "=r"(old)
               : "l"(__cvta_generic_to_global(p)), "r"(value)
               : "memory");
  return old;
}

}  // namespace gpu
