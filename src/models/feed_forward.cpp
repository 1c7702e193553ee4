#include "models/feed_forward.h"

#include <algorithm>

namespace ferrum {
namespace {

bool any_shared_gate(const ModelDescription& model) {
  return std::ranges::any_of(model.layers,
                             [](const LayerDescription& l) { return l.feed_forward.shared_gate; });
}

int latent_width(const ModelDescription& model) {
  int most = 0;
  for (const LayerDescription& layer : model.layers) most = std::max(most, layer.feed_forward.latent_width);
  return most;
}

}  // namespace

FeedForwardScratch::FeedForwardScratch(Arena& arena, const ModelDescription& model, int tokens) {
  int width = model.dense_width(), shared_width = 0;
  for (const LayerDescription& layer : model.layers)
    shared_width = std::max({shared_width, layer.feed_forward.shared_width, layer.feed_forward.beside_width});
  width = std::max(width, shared_width);
  if (width > 0) inner = arena.allocate(DType::kF32, tokens, width);
  if (const int experts = model.experts(); experts > 0) {
    router = arena.allocate(DType::kF32, tokens, experts);
    routing.expert_ids = arena.allocate(DType::kI32, tokens, model.routing.top_k);
    routing.weights = arena.allocate(DType::kF32, tokens, model.routing.top_k);
  }
  if (shared_width > 0) shared = arena.allocate(DType::kF32, tokens, model.hidden);
  if (std::ranges::any_of(model.layers,
                          [](const LayerDescription& l) { return l.feed_forward.beside_width > 0; }))
    normed = arena.allocate(DType::kF32, tokens, model.hidden);
  if (model.experts() > 0 && model.routing.weighs_input) {
    weighed = arena.allocate(DType::kF32, tokens, model.hidden);
    if (model.routing.top_k > 1) given = arena.allocate(DType::kF32, tokens, model.hidden);
  }
  if (const int width = latent_width(model); width > 0) {
    latent_in = arena.allocate(DType::kF32, tokens, width);
    latent_out = arena.allocate(DType::kF32, tokens, width);
  }
  if (any_shared_gate(model)) gate = arena.allocate(DType::kF32, tokens, 1);
}

void FeedForward::forward(Backend& b, Tensor out, const Input& in, const FeedForwardScratch& s) const {
  p_.router ? mixture(b, out, in, s) : dense(b, out, in.x, {*p_.up, *p_.down, p_.activation}, s.inner);
  if (p_.out_scale != 1) b.scale(out, p_.out_scale, 0);
}

void FeedForward::dense(Backend& b, Tensor out, Tensor x, const Product& product, Tensor room) {
  const Tensor inner = shaped(room, x.rows, product.down.cols());
  b.expand(inner, x, product.up, product.activation);
  b.linear(out, inner, product.down);
}

// out[t] = Σ expert_e(weights[t,i] · x[t]), one choice after the other: all models that do so choose one.
void FeedForward::weighed_experts(Backend& b, Tensor out, Tensor x, const Routing& routing,
                                  const FeedForwardScratch& s) const {
  const Tensor weighed = s.weighed.first_rows(x.rows);
  const Tensor whole = {p_.whole.data, p_.whole.dtype, x.rows, 1, 0};  // the same row for all
  for (int i = 0; i < routing.expert_ids.cols; ++i) {
    const Tensor to = i == 0 ? out : s.given.first_rows(x.rows);
    b.norm(weighed, x, {});
    b.apply_gate(weighed, routing.weights.columns(i, 1), GateKind::kItself);
    b.experts(to, weighed, {routing.expert_ids.columns(i, 1), whole}, *p_.up, *p_.down, p_.activation);
    if (i > 0) b.add(out, to, 1);
  }
}

void FeedForward::mixture(Backend& b, Tensor out, const Input& in, const FeedForwardScratch& s) const {
  const Tensor x = in.x;
  const auto normed = [&](const Norm& norm) {
    if (norm.kind == Norm::Kind::kNone) return x;
    const Tensor room = s.normed.first_rows(x.rows);
    b.norm(room, in.residual, norm);
    return room;
  };
  const Tensor logits = s.router.first_rows(x.rows);
  const Routing routing = {s.routing.expert_ids.first_rows(x.rows), s.routing.weights.first_rows(x.rows)};
  b.linear(logits, normed(p_.router_norm), *p_.router);
  if (p_.router_cap > 0) b.scale(logits, 1, p_.router_cap);
  b.route(routing, logits, p_.rule);
  if (p_.latent_down) {
    const Tensor latent = s.latent_in.first_rows(x.rows), given = s.latent_out.first_rows(x.rows);
    b.linear(latent, x, *p_.latent_down);
    b.experts(given, latent, routing, *p_.up, *p_.down, p_.activation);
    b.linear(out, given, *p_.latent_up);
  } else if (!p_.whole.empty()) {
    weighed_experts(b, out, x, routing, s);
  } else {
    b.experts(out, normed(p_.before_experts), routing, *p_.up, *p_.down, p_.activation);
  }
  if (const Tensor& bias = p_.mixture_bias; !bias.empty())
    b.add(out, {bias.data, bias.dtype, out.rows, bias.cols, 0}, 1);  // the same row for all
  if (p_.after_experts.kind != Norm::Kind::kNone) b.norm(out, out, p_.after_experts);
  if (!p_.shared_up) return;
  const Tensor shared = s.shared.first_rows(x.rows);
  dense(b, shared, x, {*p_.shared_up, *p_.shared_down, p_.shared_activation}, s.inner);
  if (p_.after_shared.kind != Norm::Kind::kNone) b.norm(shared, shared, p_.after_shared);
  if (p_.shared_gate) {
    const Tensor gate = s.gate.first_rows(x.rows);
    b.linear(gate, x, *p_.shared_gate);
    b.apply_gate(shared, gate, GateKind::kSigmoid);
  }
  b.add(out, shared, 1);
}

}  // namespace ferrum
