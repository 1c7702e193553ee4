#include "checkpoint/gguf/gguf_order.h"

#include "checkpoint/architecture.h"

namespace ferrum {
namespace {

using Role = TensorRole;

// Of each of `heads` heads the rows [first, first + count) are rotated.
std::vector<int64_t> interleaved(int64_t heads, int64_t head_dim, int64_t first, int64_t count) {
  std::vector<int64_t> order;
  for (int64_t head = 0; head < heads; ++head)
    for (int64_t row = 0; row < head_dim; ++row) {
      const int64_t i = row - first;
      const bool is_rotated = i >= 0 && i < count;
      order.push_back(head * head_dim + (is_rotated ? first + i % 2 * (count / 2) + i / 2 : row));
    }
  return order;
}

std::vector<int64_t> rotated_rows(const ModelDescription& model, const TensorKey& key) {
  const AttentionDescription& a = model.layer(key.layer).attention;
  if (a.latent > 0) {
    if (key.role == Role::kQuery || key.role == Role::kQueryUp)
      return interleaved(a.q_heads, a.head_dim, a.plain_dim(), a.rope_dim);
    if (key.role == Role::kLatent)
      return interleaved(1, int64_t{a.latent} + a.rope_dim, a.latent, a.rope_dim);
  } else if (key.role == Role::kQuery) {
    return interleaved(a.q_heads, a.head_dim, 0, model.rope.rotary_dim);
  } else if (key.role == Role::kKey) {
    return interleaved(a.kv_heads, a.head_dim, 0, model.rope.rotary_dim);
  }
  return {};
}

// Behind `first` places that stay, the value heads of `size` places each.
std::vector<int64_t> tiled(const DeltaDescription& d, int64_t first, int64_t size) {
  std::vector<int64_t> order;
  for (int64_t i = 0; i < first; ++i) order.push_back(i);
  const int64_t sharing = d.value_heads / d.key_heads;
  for (int64_t head = 0; head < d.value_heads; ++head) {
    const int64_t from = head % d.key_heads * sharing + head / d.key_heads;
    for (int64_t i = 0; i < size; ++i) order.push_back(first + from * size + i);
  }
  return order;
}

}  // namespace

GgufOrder gguf_order(const ModelDescription& model, const TensorKey& key, FolderRotates folder) {
  if (model.architecture->gguf_interleaved && folder == FolderRotates::kHalves && key.layer >= 0)
    if (GgufOrder order = {rotated_rows(model, key), {}}; !order.rows.empty()) return order;
  if (!model.architecture->gguf_tiled) return {};
  const DeltaDescription& d = model.delta;
  switch (key.role) {
    case Role::kMixerIn:
    case Role::kConvolution:
      return {tiled(d, 2 * d.key_width(), d.value_dim), {}};
    case Role::kMixerGate:
      return {tiled(d, 0, d.value_dim), {}};
    case Role::kBeta:
    case Role::kAlpha:
    case Role::kDecay:
    case Role::kStepBias:
      return {tiled(d, 0, 1), {}};
    case Role::kMixerOut:
      return {{}, tiled(d, 0, d.value_dim)};
    default:
      return {};
  }
}

}  // namespace ferrum
