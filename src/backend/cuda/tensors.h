// Tensors as parameters of kernels.
#pragma once
#include "backend/backend.h"
#include "backend/cuda/kernels/rows.h"
#include "base/check.h"

namespace ferrum::cuda {

inline Rows rows_of(const Tensor& t) {
  if (t.empty()) return {nullptr, 0};
  check(t.dtype == DType::kF32, "rows of float32");
  return {static_cast<float*>(t.data), t.stride};
}
inline const int* integers_of(const Tensor& t) { return static_cast<const int*>(t.data); }
inline const float* floats_of(const Tensor& t) { return static_cast<const float*>(t.data); }

inline NormWeights weights_of(const Norm& norm) {
  static_assert(static_cast<int>(Norm::Kind::kLayer) == kNormLayer);
  return {static_cast<int>(norm.kind), floats_of(norm.weight), floats_of(norm.bias), norm.eps};
}

inline ActivationParams params_of(const Activation& a) {
  return {static_cast<int>(a.kind), a.gated ? 1 : 0, a.limit, a.alpha, a.positive, a.negative, a.beta};
}

inline int divided_up(int a, int b) { return (a + b - 1) / b; }

// Of kernels that have columns × rows of blocks.
inline constexpr int kMostGridRows = 65535;

}  // namespace ferrum::cuda
