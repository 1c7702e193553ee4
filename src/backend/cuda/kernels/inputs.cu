// Inputs of products, in the order in which mma.m16n8k16 takes them.
#include "backend/cuda/device/gpu.h"
#include "backend/cuda/kernels/decode.h"
#include "backend/cuda/kernels/multiply.h"

using namespace ferrum::cuda;

GPU_KERNEL(pack_inputs, PackInputs, 32 * kUnitsOfBlock, 1) {
  const gpu::Index block = gpu::block_index();
  const int unit = block.x * kUnitsOfBlock + gpu::warp();
  if (unit >= p.units) return;
  int group = block.z;
  if (p.groups != nullptr) group = p.groups[block.y / p.tiles_of_group];
  if (group < 0) return;
  const int position = block.y * kTokenTile + gpu::lane() / 4;
  int row = position < p.positions ? position : -1;
  if (row >= 0 && p.rows != nullptr) row = p.rows[position];
  const float* x = p.x.data + row * p.x.stride + static_cast<int64_t>(block.z) * p.cols;
  const int* order = p.order == nullptr ? nullptr : p.order + static_cast<int64_t>(group) * p.order_of_group;
  for (int step = 0; step < 2; ++step) {
    float v[4];
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      const int column = unit * 32 + step * 16 + gpu::lane() % 4 * 2 + e % 2 + e / 2 * 8;
      v[e] = row < 0 || column >= p.cols ? 0 : x[order == nullptr ? column : order[column]];
    }
    for (int part = 0; part < p.parts; ++part) {
      const uint32_t first = bf16_pair(v[0], v[1]), second = bf16_pair(v[2], v[3]);
      const int64_t tile = (static_cast<int64_t>(block.z) * p.parts + part) * gpu::grid_size().y + block.y;
      gpu::store(p.out + ((tile * p.units + unit) * 2 + step) * 32 + gpu::lane(), gpu::Vec2{first, second});
      v[0] -= gpu::float_of(first << 16), v[1] -= gpu::float_of(first & 0xffff0000u);
      v[2] -= gpu::float_of(second << 16), v[3] -= gpu::float_of(second & 0xffff0000u);
    }
  }
}
