// One layer's attention: projections, rotation and cache, the product with the context, an output gate.
#pragma once
#include <memory>
#include <optional>

#include "backend/arena.h"
#include "backend/backend.h"
#include "checkpoint/model_description.h"
#include "models/state_waves.h"

namespace ferrum {

// Activations of the widest layer of a model, recurrent ones included, for the largest step.
struct AttentionScratch {
  // `outputs`: rows of the largest step that goes in waves.
  AttentionScratch(Arena& arena, const ModelDescription& model, int tokens, int outputs);

  Tensor qkv;       // [tokens, widest qkv, or input of a recurrent layer]
  Tensor attended;  // [tokens, widest output]
  Tensor gates;     // [tokens, widest gate], or empty
  WaveRoom wave;    // of recurrent layers; else empty
  // Of latent attention, or empty: the vector that q is made of, and what the heads read of the context.
  Tensor query_latent, latents;  // [tokens, query_latent], [tokens, q_heads × latent]
};

class Attention {
 public:
  struct Parts {
    std::unique_ptr<Weight> qkv, out;  // [qkv_width, hidden], [hidden, out_width]
    std::unique_ptr<Weight> gate;      // [q_heads or out_width, hidden]; null: none
    GateKind gate_kind = GateKind::kSigmoid;
    AttentionLayer layer;
  };
  explicit Attention(Parts parts) : p_(std::move(parts)) {}

  // Stores keys and values of x [tokens, hidden].
  void store(Backend& backend, Tensor x, const KvLayer& kv, const Step& step,
             const AttentionScratch& s) const;
  // After store(): what the heads read, gated; [tokens, out_width], in the scratch.
  Tensor attend(Backend& backend, Tensor x, const KvLayer& kv, const Step& step,
                const AttentionScratch& s) const;
  // out [rows, hidden] of rows of what attend() gave
  void project(Backend& backend, Tensor out, Tensor attended) const {
    backend.linear(out, attended, *p_.out);
  }

 private:
  Tensor qkv(const AttentionScratch& s, int tokens) const;

  Parts p_;
};

}  // namespace ferrum
