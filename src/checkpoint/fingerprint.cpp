#include "checkpoint/fingerprint.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "base/error.h"

namespace ferrum {
namespace {

constexpr size_t kPiece = 4096;
constexpr uint64_t kLookedAt = uint64_t{64} << 20;

template <class T>
void add(Hasher128& hasher, const T& value) {
  hasher.add_value(value);
}

template <class T>
void add(Hasher128& hasher, const std::optional<T>& value) {
  hasher.add_value(value.has_value());
  if (value) add(hasher, *value);
}

template <class T>
void add(Hasher128& hasher, const std::vector<T>& values) {
  hasher.add_value(uint64_t{values.size()});
  for (const T value : values) hasher.add_value(value);
}

void add(Hasher128& hasher, const RopeScaling& s) {
  add(hasher, static_cast<int>(s.kind));
  add(hasher, s.factor);
  add(hasher, s.original_context);
  add(hasher, s.low_frequency_factor);
  add(hasher, s.high_frequency_factor);
  add(hasher, s.beta_fast);
  add(hasher, s.beta_slow);
  add(hasher, s.truncate);
  add(hasher, s.attention_factor);
  add(hasher, s.mscale);
  add(hasher, s.mscale_all_dim);
  add(hasher, s.short_factors);
  add(hasher, s.long_factors);
}

void add(Hasher128& hasher, const RopeDescription& r) {
  add(hasher, r.theta);
  add(hasher, r.rotary_dim);
  add(hasher, r.interleaved);
  add(hasher, r.scaling);
  add(hasher, r.frequency_divisors);
}

void add(Hasher128& hasher, const AttentionDescription& a) {
  for (const int number :
       {a.q_heads, a.kv_heads, a.head_dim, a.value_dim, a.window, static_cast<int>(a.rope),
        static_cast<int>(a.norm), static_cast<int>(a.gate), a.latent, a.query_latent, a.rope_dim})
    add(hasher, number);
  for (const bool flag : {a.norm_last, a.layer_norm, a.sinks, a.alibi, a.gate_per_head, a.gate_in_query,
                          a.value_norm, a.value_is_key})
    add(hasher, flag);
  for (const float number : {a.clip, a.scale, a.soft_cap, a.value_scale, a.in_scale, a.out_scale})
    add(hasher, number);
}

void add(Hasher128& hasher, const FeedForwardDescription& f) {
  for (const int number : {f.width, f.experts, f.shared_width, f.beside_width, f.latent_width})
    add(hasher, number);
  add(hasher, f.shared_gate);
  for (const float number : {f.xielu_positive, f.xielu_negative, f.xielu_beta, f.xielu_limit, f.out_scale})
    add(hasher, number);
}

void add(Hasher128& hasher, const DeltaDescription& d) {
  for (const int number : {d.key_heads, d.value_heads, d.key_dim, d.value_dim, d.kernel, d.rank})
    add(hasher, number);
  for (const bool flag : {d.tiled, d.decay_is_log, d.joint_rates, d.by_channel}) add(hasher, flag);
}

void add(Hasher128& hasher, const StateSpaceDescription& s) {
  for (const int number : {s.heads, s.head_dim, s.groups, s.state_dim, s.kernel}) add(hasher, number);
  for (const bool flag : {s.normed, s.norm_first, s.decay_is_log}) add(hasher, flag);
  for (const float number : {s.step_min, s.step_max, s.in_scale, s.out_scale}) add(hasher, number);
  for (const float scale : s.scales) add(hasher, scale);
}

void add(Hasher128& hasher, const RoutingDescription& r) {
  for (const int number : {r.top_k, static_cast<int>(r.score), r.groups, r.groups_used}) add(hasher, number);
  for (const bool flag : {r.renormalize, r.selection_bias, r.group_by_largest}) add(hasher, flag);
  for (const float number : {r.floor, r.scale, r.logit_cap}) add(hasher, number);
}

void add(Hasher128& hasher, const LayerWiring& w) {
  for (const bool flag :
       {w.norm_before, w.norm_after, w.parallel, w.layer_norm, w.norm_bias, w.norm_plus_one})
    add(hasher, flag);
  // Where they are as usual they are left out, so that fingerprints of earlier versions stay valid.
  if (w.parallel_norms) hasher.add_text("parallel_norms");
  if (!w.norm_weight) hasher.add_text("weightless_norms");
  for (const float number : {w.eps, w.after_eps, w.residual_scale}) add(hasher, number);
}

void add(Hasher128& hasher, const ModelDescription& m) {
  hasher.add_text(std::string(name_of(*m.architecture)));
  for (const int number : {m.hidden, m.vocab, m.context, m.depth(), m.temperature_length,
                           m.temperature_offset, static_cast<int>(m.activation), m.per_layer_width})
    add(hasher, number);
  for (const LayerDescription& layer : m.layers) {
    add(hasher, static_cast<int>(layer.mixer));
    add(hasher, layer.feeds_forward);
    add(hasher, layer.attention);
    add(hasher, layer.feed_forward);
  }
  add(hasher, m.delta);
  add(hasher, m.state_space);
  for (const int number : {m.convolution.width, m.convolution.kernel}) add(hasher, number);
  add(hasher, m.wiring);
  add(hasher, m.routing);
  add(hasher, m.rope);
  add(hasher, m.window_rope);
  for (const bool flag : {m.final_norm_plus_one, m.embedding_norm, m.gated, m.tied_head, m.layer_scales})
    add(hasher, flag);
  for (const float number : {m.embedding_scale, m.logit_scale, m.logit_cap, m.temperature_beta,
                             m.activation_limit, m.activation_alpha})
    add(hasher, number);
  add(hasher, m.parameters);
}

std::vector<std::span<const std::byte>> stored(const HostTensor& tensor) {
  if (tensor.maker) return tensor.maker->stored();
  return {tensor.bytes};
}

uint64_t stored_bytes(const Checkpoint& checkpoint) {
  uint64_t bytes = 0;
  for (const HostTensor& tensor : checkpoint.tensors())
    for (const std::span<const std::byte> part : stored(tensor)) bytes += part.size();
  return bytes;
}

void add(Hasher128& hasher, const HostTensor& tensor, size_t distance) {
  hasher.add_text(tensor.name);
  add(hasher, static_cast<int>(tensor.format));
  add(hasher, tensor.shape);
  if (tensor.column_order) add(hasher, *tensor.column_order);
  for (const std::span<const std::byte> part : stored(tensor))
    for (size_t at = 0; at < part.size(); at += distance)
      hasher.add(part.subspan(at, std::min(kPiece, part.size() - at)));
}

}  // namespace

Hash128 fingerprint(const Checkpoint& checkpoint) {
  Hasher128 hasher;
  add(hasher, checkpoint.model());

  std::vector<std::reference_wrapper<const HostTensor>> tensors(checkpoint.tensors().begin(),
                                                                checkpoint.tensors().end());
  std::ranges::sort(tensors, {}, [](const HostTensor& tensor) -> const std::string& { return tensor.name; });
  const size_t distance = kPiece * (stored_bytes(checkpoint) / kLookedAt + 1);
  for (const HostTensor& tensor : tensors) {
    add(hasher, tensor, distance);
    checkpoint.release(tensor);
  }
  if (!checkpoint.intact())
    fail(ErrorCode::kBadFile, "{}: the model's file was cut while it was in use", checkpoint.model().name);
  return hasher.hash();
}

}  // namespace ferrum
