#include "models/decoder.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace ferrum {

Decoder::Activations::Activations(Arena& arena, const ModelDescription& model, const DecoderLimits& limits)
    : residual(arena.allocate(DType::kF32, limits.max_tokens, model.hidden)),
      hidden(arena.allocate(DType::kF32, limits.max_tokens, model.hidden)),
      branch(arena.allocate(DType::kF32, limits.max_tokens, model.hidden)),
      attention(arena, model, limits.max_tokens, limits.max_outputs),
      feed_forward(arena, model, limits.max_tokens),
      last_residual(arena.allocate(DType::kF32, limits.max_outputs, model.hidden)),
      last_hidden(arena.allocate(DType::kF32, limits.max_outputs, model.hidden)),
      last_attended(arena.allocate(DType::kF32, limits.max_outputs, attention.attended.cols)) {
  if (const int width = model.per_layer_width; width > 0) {
    per_token = arena.allocate(DType::kF32, limits.max_tokens, int64_t{model.depth()} * width);
    per_token_projected = arena.allocate(DType::kF32, limits.max_tokens, int64_t{model.depth()} * width);
    per_token_gate = arena.allocate(DType::kF32, limits.max_tokens, width);
    last_per_token = arena.allocate(DType::kF32, limits.max_outputs, int64_t{model.depth()} * width);
  }
  if (model.mtp) mtp_input = arena.allocate(DType::kF32, limits.max_tokens, 2 * int64_t{model.hidden});
  const bool has_two = std::ranges::any_of(
      model.layers, [](const LayerDescription& l) { return l.attends() && l.mixer != Mixer::kAttention; });
  if (model.wiring.parallel || has_two)
    parallel = arena.allocate(DType::kF32, limits.max_tokens, model.hidden);
}

Decoder::Decoder(Backend& backend, const ModelDescription& model, DecoderWeights weights,
                 const DecoderLimits& limits)
    : adapted_(limits.adapters > 0 ? std::make_unique<AdaptedBackend>(backend, model, adapter_limits(limits),
                                                                      std::move(weights.origins))
                                   : nullptr),
      backend_(adapted_ ? *adapted_ : backend),
      model_(model),
      limits_(limits),
      weights_(std::move(weights)),
      arena_(backend),
      a_(arena_, model_, limits),
      kv_(allocate_kv(backend.kv_layout(), arena_, model_, limits.kv, limits.mtp_rows)),
      states_(allocate_states(arena_, model_, limits.state_slots)) {
  check(limits_.max_tokens > 0 && limits_.max_outputs > 0 && limits_.kv.blocks > 0,
        "a decoder has room for a step");
  check_equal(weights_.layers.size(), static_cast<size_t>(model_.depth_with_mtp()), "layers loaded");
  if (!model_.mtp) return;
  check(limits_.mtp_rows > 1, "a model with an MTP head keeps the hidden states that it needs");
  const std::vector<float> zeros(static_cast<size_t>(model_.hidden));
  backend_.upload(carried().rows_at(carried().rows - 1, 1), std::as_bytes(std::span(zeros)));
}

Decoder::Rows Decoder::rows_of(const Step& step) const {
  const auto of = [&](const Tensor& t) { return t.empty() ? t : t.first_rows(step.shape.tokens); };
  return {of(a_.residual), of(a_.hidden), of(a_.branch), of(a_.parallel), of(a_.per_token)};
}

AdaptedBackend::Limits Decoder::adapter_limits(const DecoderLimits& limits) {
  return {.slots = limits.adapters, .tokens = limits.max_tokens};
}

void Decoder::begin(const Step& step) {
  check(adapted_ || step.adapters.rows.empty(), "a step with adapters has a model with room for them");
  if (adapted_) adapted_->begin(step);
}

void Decoder::forward(const Step& step, Tensor logits) {
  begin(step);
  Rows rows = rows_of(step);
  embed(step, rows, *weights_.embedding);
  backend_.norm(rows.hidden, rows.residual, weights_.layers.front().before_attention);
  if (weights_.per_token_embedding) embed_per_token(step, rows);
  const size_t keeping = whole_layers();
  if (step.shape.outputs == 0 && !model_.mtp) {
    for (size_t i = 0; i + 1 < keeping; ++i) layer(i, step, rows);
    return store(keeping - 1, step, rows);
  }
  for (size_t i = 0; i < keeping; ++i) layer(i, step, rows);
  const Step outputs = of_outputs(step);
  for (size_t i = keeping; i < model_.layers.size(); ++i) layer(i, outputs, rows);
  Tensor hidden = rows.hidden;
  if (model_.mtp) {
    hidden = a_.last_hidden.first_rows(step.shape.outputs);
    backend_.gather_rows(hidden, rows.hidden, step.output_rows);
    begin_mtp(step, rows, Before::kInStep);
    store(model_.layers.size(), step, rows);
  }
  if (step.shape.outputs > 0 && !logits.empty())
    compute_logits(logits, hidden, weights_.head ? *weights_.head : *weights_.embedding);
}

// The step of the rows that are read out, for layers that store nothing.
Step Decoder::of_outputs(const Step& step) {
  Step outputs = step;
  outputs.shape.tokens = step.shape.outputs;
  outputs.positions = step.output_positions;
  outputs.query_start = step.output_start;
  return outputs;
}

void Decoder::forward_mtp(const Step& step, Tensor logits) {
  const MtpWeights& mtp = weights_.mtp.value();
  begin(step);
  Rows rows = rows_of(step);
  begin_mtp(step, rows, Before::kCarried);
  layer(model_.layers.size(), step, rows);
  backend_.scatter_rows(carried(), kept(step, rows), step.carry.kept_slots);
  const Tensor hidden = a_.last_hidden.first_rows(step.shape.outputs);
  backend_.gather_rows(hidden, rows.hidden, step.output_rows);
  compute_logits(logits, hidden,
                 mtp.head ? *mtp.head : (weights_.head ? *weights_.head : *weights_.embedding));
}

Tensor Decoder::carried() const {
  const KvLayer& kept = kv_.back();
  return {kept.k.data, DType::kF32, limits_.kv.blocks * limits_.mtp_rows + 1, model_.hidden, model_.hidden};
}

// The rows of the step whose hidden states are kept, in the branch's room.
Tensor Decoder::kept(const Step& step, const Rows& rows) {
  const Tensor kept = a_.branch.first_rows(step.shape.kept);
  backend_.gather_rows(kept, rows.hidden, step.carry.kept_rows);
  return kept;
}

void Decoder::begin_mtp(const Step& step, const Rows& rows, Before before) {
  Backend& b = backend_;
  const MtpWeights& mtp = weights_.mtp.value();
  const int width = model_.hidden;
  const Tensor input = a_.mtp_input.first_rows(step.shape.tokens);
  const Tensor states = input.columns(width, width);
  const int others = step.shape.tokens - 1;
  if (before == Before::kInStep && others > 0)
    b.norm(states.rows_at(1, others), rows.hidden.first_rows(others), mtp.hidden_norm);
  // What is carried is read before anything takes its place.
  const Tensor earlier = a_.branch.first_rows(step.shape.carried);
  b.gather_rows(earlier, carried(), step.carry.from);
  b.norm(earlier, earlier, mtp.hidden_norm);
  b.scatter_rows(states, earlier, step.carry.rows);
  if (before == Before::kInStep) b.scatter_rows(carried(), kept(step, rows), step.carry.kept_slots);

  embed(step, rows, mtp.embedding ? *mtp.embedding : *weights_.embedding);
  b.norm(input.columns(0, width), rows.residual, mtp.embedding_norm);
  b.linear(rows.residual, input, *mtp.projection);
  b.norm(rows.hidden, rows.residual, weights_.layers.back().before_attention);
}

void Decoder::compute_logits(Tensor logits, Tensor hidden, const Weight& head) {
  backend_.linear(logits, hidden, head);
  if (model_.logit_scale != 1 || model_.logit_cap > 0)
    backend_.scale(logits, model_.logit_scale, model_.logit_cap);
}

void Decoder::embed(const Step& step, const Rows& rows, const Weight& table) {
  Backend& b = backend_;
  b.embed(rows.residual, table, step.tokens);
  if (model_.embedding_norm)
    b.norm(rows.residual, rows.residual, {.kind = Norm::Kind::kRms, .eps = model_.wiring.eps});
  const auto put_vectors = [&] {
    if (step.shape.vectors > 0) b.scatter_rows(rows.residual, step.vectors, step.vector_rows);
  };
  if (model_.scales_vectors) put_vectors();
  if (model_.embedding_scale != 1) b.scale(rows.residual, model_.embedding_scale, 0);
  if (!model_.scales_vectors) put_vectors();
  if (!weights_.positions) return;
  b.embed(rows.branch, *weights_.positions, step.positions);
  b.add(rows.residual, rows.branch, 1);
}

// (the table's row · √width + the projection of the embedding, normalised layer by layer) / √2
void Decoder::embed_per_token(const Step& step, const Rows& rows) {
  Backend& b = backend_;
  const auto width = static_cast<float>(model_.per_layer_width);
  const Tensor projected = a_.per_token_projected.first_rows(step.shape.tokens);
  b.embed(rows.per_token, *weights_.per_token_embedding, step.tokens);
  b.scale(rows.per_token, std::sqrt(width), 0);
  b.linear(projected, rows.residual, *weights_.per_token_projection);
  b.scale(projected, 1 / std::sqrt(static_cast<float>(model_.hidden)), 0);
  const Tensor by_layer = {projected.data, projected.dtype, projected.rows * model_.depth(),
                           model_.per_layer_width, model_.per_layer_width};
  b.norm(by_layer, by_layer, weights_.per_token_norm);
  b.add(rows.per_token, projected, 1);
  b.scale(rows.per_token, std::sqrt(0.5f), 0);
}

// `rows.hidden` holds the layer's input, normalised; then the next one's, or the head's.
void Decoder::layer(size_t index, const Step& step, Rows& rows) {
  Backend& b = backend_;
  const DecoderLayer& layer = weights_.layers[index];
  const bool is_of_mtp = index == model_.layers.size();
  const Norm& next = is_of_mtp        ? weights_.mtp->final_norm
                     : is_last(index) ? weights_.final_norm
                                      : weights_.layers[index + 1].before_attention;
  const float scale = model_.wiring.residual_scale;

  mix(index, step, rows);
  if (layer.mixers.empty()) {
    layer.feed_forward->forward(b, rows.branch, {rows.hidden, rows.residual}, a_.feed_forward);
  } else if (model_.wiring.parallel) {
    if (model_.wiring.parallel_norms) b.norm(rows.hidden, rows.residual, layer.before_ffn);
    layer.feed_forward->forward(b, rows.parallel, {rows.hidden, rows.residual}, a_.feed_forward);
    b.add(rows.branch, rows.parallel, 1);
  } else {
    if (model_.wiring.norm_after) b.norm(rows.branch, rows.branch, layer.after_attention);
    if (layer.feed_forward) {
      b.add_norm(rows.hidden, rows.residual, rows.branch, scale, layer.before_ffn);
      layer.feed_forward->forward(b, rows.branch, {rows.hidden, rows.residual}, a_.feed_forward);
    }
  }
  if (model_.wiring.norm_after && layer.feed_forward && !model_.wiring.parallel)
    b.norm(rows.branch, rows.branch, layer.after_ffn);
  finish_layer(index, rows, next);
}

void Decoder::finish_layer(size_t index, const Rows& rows, const Norm& next) {
  Backend& b = backend_;
  const DecoderLayer& layer = weights_.layers[index];
  const float scale = model_.wiring.residual_scale;
  const DecoderLayer::PerToken& own = layer.per_token;
  if (!own.gate && layer.scale == 1) return b.add_norm(rows.hidden, rows.residual, rows.branch, scale, next);
  b.add(rows.residual, rows.branch, scale);
  if (own.gate) {
    const int width = model_.per_layer_width;
    const Tensor gate = a_.per_token_gate.first_rows(rows.residual.rows);
    b.expand(gate, rows.residual, *own.gate, own.activation);
    b.apply_gate(gate, rows.per_token.columns(static_cast<int>(index) * width, width), GateKind::kItself);
    b.linear(rows.branch, gate, *own.out);
    b.norm(rows.branch, rows.branch, own.norm);
    b.add(rows.residual, rows.branch, scale);
  }
  if (layer.scale != 1) b.scale(rows.residual, layer.scale, 0);
  b.norm(rows.hidden, rows.residual, next);
}

LayerMixer::Memory Decoder::memory_of(size_t index) const {
  static const StateLayer kNone;
  return {kv_[index], index < states_.size() ? states_[index] : kNone};
}

void Decoder::store(size_t index, const Step& step, const Rows& rows) {
  for (const LayerMixer& mixer : weights_.layers[index].mixers)
    mixer.mix(backend_, rows.hidden, rows.branch, memory_of(index), step, a_.attention,
              LayerMixer::Wanted::kNo);
}

void Decoder::mix(size_t index, const Step& step, Rows& rows) {
  const DecoderLayer& layer = weights_.layers[index];
  const bool reads_out = ends_rows(index);
  const Rows in = rows;
  if (reads_out) rows = read_out(step, in, model_.wiring.parallel || layer.mixers.empty());
  for (size_t i = 0; i < layer.mixers.size(); ++i) {
    const LayerMixer& mixer = layer.mixers[i];
    const Tensor mixed = mixer.mix(backend_, in.hidden, i == 0 ? in.branch : in.parallel, memory_of(index),
                                   step, a_.attention, LayerMixer::Wanted::kYes);
    const Tensor out = i == 0 ? rows.branch : rows.parallel;
    mixer.project(backend_, out, reads_out ? gathered(step, a_.last_attended, mixed) : mixed);
    if (i > 0) backend_.add(rows.branch, out, 1);
  }
}

// The rows that are read out of `from`, in the front of `room`.
Tensor Decoder::gathered(const Step& step, const Tensor& room, const Tensor& from) {
  const Tensor to = shaped(room, step.shape.outputs, from.cols);
  backend_.gather_rows(to, from, step.output_rows);
  return to;
}

Decoder::Rows Decoder::read_out(const Step& step, const Rows& rows, bool with_hidden) {
  const int outputs = step.shape.outputs;
  const auto of = [&](const Tensor& room, const Tensor& from) {
    return from.empty() ? from : gathered(step, room, from);
  };
  return {.residual = of(a_.last_residual, rows.residual),
          .hidden = with_hidden ? of(a_.last_hidden, rows.hidden) : a_.last_hidden.first_rows(outputs),
          .branch = rows.branch.first_rows(outputs),
          .parallel = rows.parallel.empty() ? rows.parallel : rows.parallel.first_rows(outputs),
          .per_token = of(a_.last_per_token, rows.per_token)};
}

// Not a layer that reads another's, nor one without any.
bool Decoder::keeps_kv(size_t layer, int group) const {
  const bool is_own = layer >= model_.layers.size() || model_.layers[layer].attention.kv_layer < 0;
  return kv_[layer].group == group && kv_[layer].k.cols > 0 && is_own;
}

void Decoder::copy_blocks(int group, Tensor from_to) {
  for (size_t i = 0; i < kv_.size(); ++i)
    if (keeps_kv(i, group)) backend_.copy_blocks(kv_[i], from_to);
}

void Decoder::copy_states(Tensor from_to) {
  for (const StateLayer& state : states_)
    if (!state.inputs.empty()) backend_.copy_states(state, from_to);
}

size_t Decoder::activation_bytes(const ModelDescription& model, const DecoderLimits& limits) {
  CountingArena arena;
  Activations(arena, model, limits);
  return arena.bytes() + (limits.adapters > 0 ? AdaptedBackend::bytes(model, adapter_limits(limits)) : 0);
}

size_t Decoder::kv_bytes(KvLayout layout, const ModelDescription& model, const DecoderLimits& limits) {
  CountingArena arena;
  allocate_kv(layout, arena, model, limits.kv, limits.mtp_rows);
  allocate_states(arena, model, limits.state_slots);
  return arena.bytes();
}

size_t Decoder::block_bytes(int group) const {
  if (group == limits_.kv.groups()) return state_bytes_of_slot(model_);
  size_t bytes = 0;
  for (size_t i = 0; i < kv_.size(); ++i)
    if (keeps_kv(i, group))
      for (const Tensor& part : kv_[i].block(0)) bytes += part.bytes();
  return bytes;
}

template <class Byte, class Visit>
void Decoder::walk_block(int group, int block, std::span<Byte> contents, const Visit& visit) const {
  check_equal(contents.size(), block_bytes(group), "bytes of a block");
  const auto visit_next = [&](const Tensor& part) {
    visit(part, contents.first(part.bytes()));
    contents = contents.subspan(part.bytes());
  };
  if (group == limits_.kv.groups()) {
    for (const StateLayer& state : states_)
      for (const Tensor& slots : {state.inputs, state.memory})
        if (!slots.empty()) visit_next(slots.row(block));
    return;
  }
  for (size_t i = 0; i < kv_.size(); ++i) {
    if (!keeps_kv(i, group)) continue;
    for (const Tensor& part : kv_[i].block(block)) {
      if (part.empty()) continue;
      visit_next(part);
    }
  }
}

void Decoder::read_block(int group, int block, std::span<std::byte> contents) {
  walk_block(group, block, contents,
             [this](Tensor rows, std::span<std::byte> part) { backend_.download(part, rows); });
}

void Decoder::write_block(int group, int block, std::span<const std::byte> contents) {
  walk_block(group, block, contents,
             [this](Tensor rows, std::span<const std::byte> part) { backend_.upload(rows, part); });
}

}  // namespace ferrum
