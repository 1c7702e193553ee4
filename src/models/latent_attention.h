// One layer's latent attention (arXiv 2405.04434) in its absorbed form: of a token only its latent vector and
// the rotated part of its key are kept. What heads would make of a latent vector is moved to the other side
// of the products: into q, and behind the sum over the context.
#pragma once
#include <memory>

#include "backend/backend.h"
#include "models/attention.h"

namespace ferrum {

class LatentAttention {
 public:
  struct Parts {
    std::unique_ptr<Weight> query_down;  // [query_latent, hidden]; null: q is made of x
    Norm query_norm;
    // Of all heads the part that is not rotated, then of all the part that is: [q_heads × head_dim, …]
    std::unique_ptr<Weight> query;
    std::unique_ptr<Weight> latent;  // the rotated part of the key, then the latent vector
    std::unique_ptr<Weight> key_up,
        value_up;                 // a group for each head: [latent, plain_dim], [value_dim, latent]
    std::unique_ptr<Weight> out;  // [hidden, q_heads × value_dim]
    AttentionLayer layer;         // of joined heads; its v_norm is that of the latent vector
  };
  explicit LatentAttention(Parts parts) : p_(std::move(parts)) {}

  // As Attention's.
  void store(Backend& backend, Tensor x, const KvLayer& kv, const Step& step,
             const AttentionScratch& s) const;
  Tensor attend(Backend& backend, Tensor x, const KvLayer& kv, const Step& step,
                const AttentionScratch& s) const;
  void project(Backend& backend, Tensor out, Tensor attended) const {
    backend.linear(out, attended, *p_.out);
  }

 private:
  // Of x, side by side: q not rotated and rotated, the key's rotated part, the latent vector, and the first
  // of these in terms of the latent vector. All but the first are what the backend calls qkv of joined heads.
  struct Projected {
    Tensor plain, query, latent, absorbed, qkv;
  };
  Projected projected(const AttentionScratch& s, int tokens) const;

  Parts p_;
};

}  // namespace ferrum
