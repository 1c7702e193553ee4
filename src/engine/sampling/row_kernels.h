// What is done to whole blocks of a row of logits, once for every CPU and once for AVX2 and AVX-512. All give
// the same bits: every result is a tree of the same operations, none of them contracted.
#pragma once
#include <cstddef>

#include "base/cpu_features.h"

namespace ferrum {

inline constexpr size_t kRowBlock = 128;

struct BlockLook {
  float largest;  // anything where there is a NaN
  bool has_nan;
};

struct RowScale {
  float largest;
  float rate;  // 1 / (ln 2 · temperature): by so much the logarithm of a weight, to base 2, falls per logit
};

struct RowKernels {
  // `logits` is [kRowBlock]; may ask for the memory that follows.
  BlockLook (*look)(const float* logits);
  // weights[i] = 2^((logits[i] − largest) · rate), both [kRowBlock].
  void (*weigh)(const float* logits, const RowScale& scale, float* weights);
  float (*sum)(const float* weights);
  // Sum of weight · (logit − largest), of which a weight of 0 is no part.
  float (*sum_below)(const float* weights, const float* logits, float largest);
};

// Those for a set that this CPU has.
const RowKernels& row_kernels(Isa isa = selected_isa());

}  // namespace ferrum
