// Operations on whole blocks of a row of logits, compiled for every CPU, for AVX2 and for AVX-512. All give
// the same bits: every result is a tree of the same operations, none of them contracted.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/cpu_features.h"

namespace ferrum::cpu {

inline constexpr size_t kRowBlock = 128;

struct BlockLook {
  float largest;  // unspecified if there is a NaN
  bool has_nan;
};

struct RowScale {
  float largest;
  float rate;  // 1 / (ln 2 · temperature): how much the base-2 logarithm of a weight falls per unit of logit
};

struct RowKernels {
  // `logits` is [kRowBlock]; may prefetch the memory after it.
  BlockLook (*look)(const float* logits);
  // out[i] = logits[i] where bit i of `words` is set, else −∞; NaN stays NaN.
  void (*mask)(const float* logits, const uint32_t* words, size_t count, float* out);
  // weights[i] = 2^((logits[i] − largest) · rate), both [kRowBlock].
  void (*weigh)(const float* logits, const RowScale& scale, float* weights);
  float (*sum)(const float* weights);
  // The sum of weight · (logit − largest) over weights other than 0.
  float (*sum_below)(const float* weights, const float* logits, float largest);
};

// The kernels for an instruction set that this CPU has.
const RowKernels& row_kernels(Isa isa = selected_isa());

}  // namespace ferrum::cpu
