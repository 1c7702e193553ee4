// One layer's feed-forward part: dense, or a mixture of experts with perhaps a shared one.
#pragma once
#include <memory>

#include "backend/arena.h"
#include "backend/backend.h"
#include "checkpoint/model_description.h"

namespace ferrum {

// Activations of the widest layer of a model, for the largest step. What no layer needs is empty.
struct FeedForwardScratch {
  FeedForwardScratch(Arena& arena, const ModelDescription& model, int tokens);

  Tensor inner;                  // [tokens, widest dense or shared layer]
  Tensor router;                 // [tokens, experts]
  Routing routing;               // [tokens, top_k]
  Tensor shared;                 // [tokens, hidden]
  Tensor gate;                   // [tokens, 1]: of the shared expert
  Tensor latent_in, latent_out;  // [tokens, latent width]: of experts that work on a narrower state
  Tensor normed;          // [tokens, hidden]: what router and experts read where they have norms of their own
  Tensor weighed, given;  // [tokens, hidden]: what experts read and give whose weights multiply their input
};

class FeedForward {
 public:
  struct Parts {
    Activation activation, shared_activation;  // the latter of the shared expert
    std::unique_ptr<Weight> up,
        down;  // [2 width or width, hidden], [hidden, width]; else one group per expert
    // Of a mixture of experts.
    std::unique_ptr<Weight> router;  // [experts, hidden]; null: dense
    RoutingRule rule;
    float router_cap = 0;                            // soft cap of the router's logits; 0: none
    std::unique_ptr<Weight> shared_up, shared_down;  // null: there is no shared expert
    std::unique_ptr<Weight> latent_down, latent_up;  // null: experts work on the hidden state itself
    std::unique_ptr<Weight> shared_gate;             // [1, hidden]; null: the shared expert counts whole
    // Of experts beside a dense part, which takes the place of the shared expert. kNone where the experts
    // read what the shared one reads.
    Norm router_norm, before_experts, after_experts, after_shared;
    Tensor mixture_bias;  // [1, hidden], or empty: added to what all experts give together
    float out_scale = 1;  // of what the part gives
    Tensor whole;         // [1, 1]: 1, or empty: experts' weights multiply what these give
  };
  explicit FeedForward(Parts parts) : p_(std::move(parts)) {}

  // out, x, residual [rows, hidden]: x is the residual, normalised.
  struct Input {
    Tensor x, residual;
  };
  void forward(Backend& backend, Tensor out, const Input& in, const FeedForwardScratch& s) const;

 private:
  struct Product {
    const Weight &up, &down;
    const Activation& activation;
  };
  static void dense(Backend& b, Tensor out, Tensor x, const Product& product, Tensor room);
  void weighed_experts(Backend& b, Tensor out, Tensor x, const Routing& routing,
                       const FeedForwardScratch& s) const;
  void mixture(Backend& b, Tensor out, const Input& in, const FeedForwardScratch& s) const;

  Parts p_;
};

}  // namespace ferrum
