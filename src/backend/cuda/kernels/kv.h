// Elements of keys and values in any of their types.
#pragma once
#include "backend/cuda/device/gpu.h"
#include "backend/cuda/kernels/attention.h"

namespace ferrum::cuda {

GPU_FN float load_element(const void* data, int64_t i, int type) {
  switch (type) {
    case kKvF16:
      return gpu::from_f16(static_cast<const uint16_t*>(data)[i]);
    case kKvBf16:
      return gpu::from_bf16(static_cast<const uint16_t*>(data)[i]);
    case kKvI8:
      return static_cast<float>(static_cast<const int8_t*>(data)[i]);
    default:
      return static_cast<const float*>(data)[i];
  }
}

// `inverse`: 1 / scale of bytes; 0: all are 0.
GPU_FN void store_element(void* data, int64_t i, int type, float x, float inverse) {
  switch (type) {
    case kKvF16:
      static_cast<uint16_t*>(data)[i] = gpu::to_f16(x);
      break;
    case kKvBf16:
      static_cast<uint16_t*>(data)[i] = gpu::to_bf16(x);
      break;
    case kKvI8:
      static_cast<int8_t*>(data)[i] = static_cast<int8_t>(inverse == 0 ? 0 : gpu::round_to_int(x * inverse));
      break;
    default:
      static_cast<float*>(data)[i] = x;
  }
}

}  // namespace ferrum::cuda
