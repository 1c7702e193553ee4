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
  kSecondAttentionNorm,  // EncoderDescription::second_norm
  // Of latent attention.
  kQueryDown,      // the vector that q is made of
  kQueryDownNorm,  // of that vector
  kQueryUp,        // q, of that vector
  kLatent,         // the vector that keys and values are made of, and behind it the rotated part of keys
  kLatentNorm,     // of that vector
  kLatentUp,       // k without its rotated part and v, head by head, of that vector; split when it is read
  kKeyUp,          // [heads, latent, plain_dim]: what k makes of the vector, transposed
  kValueUp,        // [heads, value_dim, latent]
  // Of recurrent layers; formulas: DeltaRule in backend/backend.h.
  kMixerIn,    // q, k, v of the convolution; of a state space z, x, B, C, dt
  kMixerGate,  // z
  kBeta,
  kAlpha,
  kRates,  // for each key head the rows of beta of its value heads, then those of alpha
  kConvolution,
  kQueryConvolution,  // of q, k and v apart
  kKeyConvolution,
  kValueConvolution,
  kMixerGateDown,  // z and alpha as products of low rank
  kMixerGateUp,
  kAlphaDown,
  kAlphaUp,
  kDecay,
  kStepBias,
  kSkip,  // D of a state space
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
  kExpertsDown,  // in front of experts that work on a narrower state, and behind them
  kExpertsUp,
  kSharedRouter,  // the gate of the shared expert
  kMixtureBias,   // of what all experts give together
  kSharedGate,
  kSharedUp,
  kSharedGateUp,
  kSharedDown,
  kAfterFfnNorm,
  // Of a layer whose experts stand beside a dense part, each with norms of its own.
  kRouterScale,  // of the router's input
  kExpertScales,
  kBeforeExpertsNorm,
  kAfterExpertsNorm,
  kAfterDenseNorm,
  kLayerScale,
  // What each layer adds for a token by itself, without attention.
  kPerLayerEmbedding,
  kPerLayerProjection,
  kPerLayerProjectionNorm,
  kPerLayerGate,
  kPerLayerOut,
  kPerLayerNorm,
  kXieluPositive,
  kXieluNegative,
  kXieluBeta,
  kXieluLimit,
  // Of a head that predicts further tokens (ModelDescription::mtp), whose layer stands behind the last.
  kMtpProjection,     // [hidden, 2 hidden]: of the token's embedding, then the hidden state
  kMtpEmbeddingNorm,  // of the former
  kMtpHiddenNorm,     // of the latter
  kMtpNorm,           // behind its layer
  kMtpEmbedding,      // in place of the model's own embedding table and head
  kMtpHead,
  // Of encoders.
  kPositionEmbedding,
  kTypeEmbedding,
  kEmbeddingNorm,
  // Of what reads a text as a whole.
  kTextModule,  // by its number in the folder
  kTextDense,
  kTextNorm,
  kTextOut,
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
    case TensorRole::kSecondAttentionNorm:
    case TensorRole::kFfnNorm:
    case TensorRole::kAfterFfnNorm:
    case TensorRole::kQueryNorm:
    case TensorRole::kKeyNorm:
    case TensorRole::kMixerNorm:
    case TensorRole::kQueryDownNorm:
    case TensorRole::kLatentNorm:
    case TensorRole::kBeforeExpertsNorm:
    case TensorRole::kAfterExpertsNorm:
    case TensorRole::kAfterDenseNorm:
    case TensorRole::kPerLayerProjectionNorm:
    case TensorRole::kPerLayerNorm:
    case TensorRole::kMtpEmbeddingNorm:
    case TensorRole::kMtpHiddenNorm:
    case TensorRole::kMtpNorm:
    case TensorRole::kEmbeddingNorm:
    case TensorRole::kTextNorm:
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
