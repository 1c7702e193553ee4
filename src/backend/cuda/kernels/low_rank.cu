// What adapters add to products: out[first + j] += scale · Σ_r b[r, j] · (Σ_i a[r, i] · x[from + i]).
#include "backend/cuda/kernels/low_rank.h"

#include "backend/cuda/kernels/kv.h"

using namespace ferrum::cuda;

GPU_KERNEL(add_low_rank, AddLowRank, kLowRankThreads, 1) {
  gpu::SharedMemory shared;
  float* inner = shared.array<float>(p.rank);
  const int row = gpu::block_index().x;
  if (p.slots[row] != p.slot || (p.matrix != nullptr && p.matrix[row] != p.of_matrix)) return;
  const float* x = p.x.data == nullptr ? nullptr : p.x.data + row * p.x.stride + p.from;
  if (p.tokens != nullptr || p.a == nullptr) {
    for (int r = gpu::thread_index(); r < p.rank; r += kLowRankThreads)
      inner[r] = p.tokens != nullptr ? load_element(p.a, p.tokens[row] * p.a_stride + r, p.type) : x[r];
  } else {
    for (int r = gpu::warp(); r < p.rank; r += kLowRankThreads / 32) {
      float sum = 0;
      for (int i = gpu::lane(); i < p.inputs; i += 32)
        sum = gpu::fma(load_element(p.a, r * p.a_stride + i, p.type), x[i], sum);
      sum = gpu::warp_sum(sum);
      if (gpu::lane() == 0) inner[r] = sum;
    }
  }
  gpu::sync_block();
  const float scale = p.scale * p.scales[row];
  float* out = p.out.data + row * p.out.stride + p.first;
  for (int j = gpu::thread_index(); j < p.columns; j += kLowRankThreads) {
    float sum = 0;
    if (p.b == nullptr)
      sum = inner[j];
    else
      for (int r = 0; r < p.rank; ++r)
        sum = gpu::fma(load_element(p.b, r * p.b_stride + j, p.type), inner[r], sum);
    out[j] += scale * sum;
  }
}
