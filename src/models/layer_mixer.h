// A part of a layer that lets positions see each other: attention, or what keeps a state.
#pragma once
#include <utility>
#include <variant>

#include "backend/backend.h"
#include "models/attention.h"
#include "models/delta_mixer.h"
#include "models/latent_attention.h"
#include "models/short_convolution.h"
#include "models/state_space_mixer.h"

namespace ferrum {

class LayerMixer {
 public:
  using Kind = std::variant<Attention, LatentAttention, DeltaMixer, ShortConvolution, StateSpaceMixer>;

  // Factors of what it reads and of what it gives.
  struct Scales {
    float in = 1, out = 1;
  };
  LayerMixer(Kind kind, const Scales& scales) : kind_(std::move(kind)), scales_(scales) {}

  // What one layer keeps of the context. What a mixer has no use for is empty.
  struct Memory {
    const KvLayer& kv;
    const StateLayer& state;
  };
  // Stores what the layer keeps of x [tokens, hidden]. Behind it, unless the result is not `wanted`: what the
  // heads read, [tokens, …], in the scratch. `room` [tokens, hidden] may change.
  enum class Wanted : bool { kNo, kYes };
  Tensor mix(Backend& backend, Tensor x, Tensor room, const Memory& memory, const Step& step,
             const AttentionScratch& s, Wanted wanted) const;
  // out [rows, hidden] of rows of what mix() gave
  void project(Backend& backend, Tensor out, Tensor mixed) const;

 private:
  Kind kind_;
  Scales scales_;
};

}  // namespace ferrum
