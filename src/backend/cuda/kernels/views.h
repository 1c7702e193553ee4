// Tensors as kernels see them.
#pragma once
#include <cstdint>

namespace ferrum::cuda {

// float32 rows.
struct Rows {
  float* data;
  int64_t stride;  // elements
};

}  // namespace ferrum::cuda
