// What a tensor is to a model.
#pragma once
#include <cstdint>

namespace ferrum {

enum class TensorRole : uint8_t {
  kEmbedding,
  kFinalNorm,
  kHead,
  kAttentionNorm,  // before attention
  kQuery,
  kKey,
  kValue,
  kQueryKeyValue,
  kAttentionOut,
  kQueryAndGate,  // head by head the rows of q, then as many of the output gate
  kQueryNorm,
  kKeyNorm,
  kSinks,
  kOutputGate,
  kAfterAttentionNorm,
  // Of recurrent layers; formulas: DeltaRule in backend/backend.h.
  kMixerIn,    // q, k, v of the convolution
  kMixerGate,  // z
  kBeta,
  kAlpha,
  kRates,  // for each key head the rows of beta of its value heads, then those of alpha
  kConvolution,
  kDecay,
  kStepBias,
  kMixerNorm,
  kMixerOut,
  kFfnNorm,  // before the feed-forward layer
  kGate,
  kUp,
  kGateUp,
  kDown,
  kRouter,
  kSelectionBias,
  kExpertGate,
  kExpertUp,
  kExpertGateUp,
  kExpertDown,
  kSharedRouter,  // the gate of the shared expert
  kSharedGate,
  kSharedUp,
  kSharedGateUp,
  kSharedDown,
  kAfterFfnNorm,
  kXieluPositive,
  kXieluNegative,
  kXieluBeta,
  kXieluLimit,
  kRopeFrequencies,
  kRopeFactorsLong,
  kRopeFactorsShort,
};

// Of the residual or of heads: a vector that multiplies what was normalised.
constexpr bool is_norm(TensorRole role) {
  switch (role) {
    case TensorRole::kFinalNorm:
    case TensorRole::kAttentionNorm:
    case TensorRole::kAfterAttentionNorm:
    case TensorRole::kFfnNorm:
    case TensorRole::kAfterFfnNorm:
    case TensorRole::kQueryNorm:
    case TensorRole::kKeyNorm:
    case TensorRole::kMixerNorm:
      return true;
    default:
      return false;
  }
}

struct TensorKey {
  TensorRole role = TensorRole::kEmbedding;
  int layer = -1;   // -1: of the whole model
  int expert = -1;  // -1: not of one expert (also: all experts in one tensor)
  bool is_bias = false;
  bool operator==(const TensorKey&) const = default;
};

}  // namespace ferrum
