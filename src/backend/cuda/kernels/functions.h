// Nonlinear functions of one value, as the reference has them (reference/activation.cpp).
#pragma once
#include "backend/cuda/device/gpu.h"
#include "backend/cuda/kernels/rows.h"

namespace ferrum::cuda {

GPU_FN float logistic(float x) { return 1.0f / (1.0f + gpu::exp(-x)); }
GPU_FN float softplus(float x) {
  return (x > 0 ? x : x == x ? 0.0f : x) + gpu::log1p(gpu::exp(-gpu::absolute(x)));
}

// By their numbers in Activation::Kind.
enum : int { kSilu, kGelu, kGeluTanh, kReluSquared, kClampedSilu, kXielu, kScaledSilu };

GPU_FN float activated(float x, const ActivationParams& a) {
  switch (a.kind) {
    case kGelu:
      return x / 2 * (1 + gpu::erf(x * 0.70710678f));
    case kGeluTanh:
      return x / 2 * (1 + gpu::tanh(0.79788456f * (x + 0.044715f * x * x * x)));
    case kReluSquared:
      return x < 0 ? 0 : x * x;
    case kXielu: {
      if (x > 0) return a.positive * x * x + a.beta * x;
      const float limited = x > a.limit ? a.limit : x;
      return (gpu::expm1(limited) - x) * a.negative + a.beta * x;
    }
    case kScaledSilu:
      return a.alpha * x * logistic(a.alpha * x);
    default:
      return x * logistic(x);
  }
}

GPU_FN float activated(float gate, float up, const ActivationParams& a) {
  const bool is_limited = a.kind == kSilu && a.limit > 0;
  if (a.kind != kClampedSilu && !is_limited) return activated(gate, a) * up;
  const float u = up > a.limit ? a.limit : up < -a.limit ? -a.limit : up;
  if (is_limited) {
    const float silu = gate * logistic(gate);
    return (silu > a.limit ? a.limit : silu) * u;
  }
  const float g = gate > a.limit ? a.limit : gate;
  return g * logistic(a.alpha * g) * (u + 1);
}

// Sums over the block, the same for all threads, in a fixed order. `partial` has room for one number of each
// warp.
GPU_FN float block_sum(float x, float* partial) {
  x = gpu::warp_sum(x);
  if (gpu::lane() == 0) partial[gpu::warp()] = x;
  gpu::sync_block();
  float sum = 0;
  for (int w = 0; w < gpu::block_threads() / 32; ++w) sum += partial[w];
  gpu::sync_block();
  return sum;
}

}  // namespace ferrum::cuda
