#include "models/encoder.h"

#include <utility>

#include "base/check.h"
#include "models/kv_layers.h"

namespace ferrum {

Encoder::Activations::Activations(KvLayout layout, Arena& arena, const ModelDescription& model,
                                  const DecoderLimits& limits)
    : hidden(arena.allocate(DType::kF32, limits.max_tokens, model.hidden)),
      branch(arena.allocate(DType::kF32, limits.max_tokens, model.hidden)),
      attention(arena, model, limits.max_tokens, limits.max_outputs),
      feed_forward(arena, model, limits.max_tokens),
      last_hidden(arena.allocate(DType::kF32, limits.max_outputs, model.hidden)),
      last_branch(arena.allocate(DType::kF32, limits.max_outputs, model.hidden)),
      last_attended(arena.allocate(DType::kF32, limits.max_outputs, attention.attended.cols)),
      kv(allocate_kv(layout, arena, model, limits.kv)) {
  if (model.wiring.norm_before || model.encoder->second_norm)
    normed = arena.allocate(DType::kF32, limits.max_tokens, model.hidden);
}

Encoder::Encoder(Backend& backend, const ModelDescription& model, EncoderWeights weights,
                 const DecoderLimits& limits)
    : backend_(backend),
      model_(model),
      weights_(std::move(weights)),
      arena_(backend),
      a_(backend.kv_layout(), arena_, model_, limits) {
  check_equal(weights_.layers.size(), model_.layers.size(), "layers loaded");
}

size_t Encoder::bytes(KvLayout layout, const ModelDescription& model, const DecoderLimits& limits) {
  CountingArena arena;
  Activations(layout, arena, model, limits);
  return arena.bytes();
}

void Encoder::embed(const Step& step, Tensor x, Tensor room) {
  Backend& b = backend_;
  b.embed(x, *weights_.embedding, step.tokens);
  if (weights_.positions) {
    b.embed(room, *weights_.positions, step.positions);
    b.add(x, room, 1);
  }
  if (weights_.types) {
    b.embed(room, *weights_.types, step.types);
    b.add(x, room, 1);
  }
  if (model_.encoder->embedding_norm) b.norm(x, x, weights_.embedding_norm);
}

Tensor Encoder::gathered(Tensor room, Tensor from, const Step& step) {
  const Tensor to = {room.data, room.dtype, step.shape.outputs, from.cols, from.cols};
  backend_.gather_rows(to, from, step.output_rows);
  return to;
}

void Encoder::forward_mtp(const Step&, Tensor) { check(false, "an encoder predicts no tokens"); }

void Encoder::forward(const Step& step, Tensor logits) {
  check(logits.empty(), "an encoder has no logits");
  Backend& b = backend_;
  Tensor x = a_.hidden.first_rows(step.shape.tokens);
  Tensor branch = a_.branch.first_rows(step.shape.tokens);
  embed(step, x, branch);
  for (size_t i = 0; i < weights_.layers.size(); ++i) {
    const EncoderLayer& layer = weights_.layers[i];
    Tensor in = x;
    if (layer.before_attention.kind != Norm::Kind::kNone) {
      in = a_.normed.first_rows(x.rows);
      b.norm(in, x, layer.before_attention);
    }
    layer.attention.store(b, in, a_.kv[i], step, a_.attention);
    Tensor attended = layer.attention.attend(b, in, a_.kv[i], step, a_.attention);
    if (i + 1 ==
        weights_.layers.size()) {  // behind the last attention only the rows that are read out matter
      x = gathered(a_.last_hidden, x, step);
      attended = gathered(a_.last_attended, attended, step);
      branch = a_.last_branch.first_rows(step.shape.outputs);
    }
    layer.attention.project(b, branch, attended);
    if (model_.encoder->norms_sums) {
      const Tensor input = model_.encoder->second_norm ? a_.normed.first_rows(x.rows) : Tensor();
      if (!input.empty()) b.norm(input, x, {});
      b.add_norm(branch, x, branch, 1, layer.after_attention);
      if (!input.empty()) b.add_norm(branch, input, branch, 1, layer.second_attention);
      std::swap(x, branch);
      layer.feed_forward.forward(b, branch, {x, x}, a_.feed_forward);
      b.add_norm(branch, x, branch, 1, layer.after_ffn);
      std::swap(x, branch);
    } else {
      const Tensor normed = a_.normed.first_rows(x.rows);
      b.add_norm(normed, x, branch, 1, layer.before_ffn);
      layer.feed_forward.forward(b, branch, {normed, x}, a_.feed_forward);
      b.add(x, branch, 1);
    }
  }
  if (model_.wiring.norm_before) b.norm(x, x, weights_.final_norm);
  result_ = x;
}

}  // namespace ferrum
