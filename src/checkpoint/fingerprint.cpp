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

void add(Hasher128& hasher, const ModelDescription& m) {
  add(hasher, static_cast<int>(m.architecture));
  for (const int size : {m.layers, m.hidden, m.vocab, m.q_heads, m.kv_heads, m.head_dim, m.ffn})
    add(hasher, size);
  add(hasher, m.norm_eps);
  add(hasher, m.context);
  add(hasher, m.rope);
  add(hasher, m.window);
  add(hasher, m.sliding_layers);
  for (const int size : {m.experts, m.experts_per_token, m.expert_ffn}) add(hasher, size);
  add(hasher, m.renormalize_experts);
  add(hasher, m.moe_layers);
  add(hasher, m.tied_head);
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
