#include "models/kv_layers.h"

namespace ferrum {

size_t kv_bytes_of_token(const HeadShape& heads, DType kv_dtype) {
  const size_t scales = kv_dtype == DType::kI8 ? static_cast<size_t>(heads.kv_heads) * sizeof(float) : 0;
  return static_cast<size_t>(heads.k_width() + heads.v_width()) * size_of(kv_dtype) + 2 * scales;
}

HeadShape head_shape(const AttentionDescription& a) {
  return {.q_heads = a.q_heads, .kv_heads = a.kv_heads, .head_dim = a.head_dim, .value_dim = a.value_dim};
}

std::vector<KvLayer> allocate_kv(Arena& arena, const ModelDescription& model, int blocks, int block_tokens,
                                 DType dtype) {
  const int64_t slots = int64_t{blocks} * block_tokens;
  std::vector<KvLayer> layers;
  for (const LayerDescription& layer : model.layers) {
    const AttentionDescription& a = layer.attention;
    const Tensor k = arena.allocate(dtype, blocks, int64_t{a.k_width()} * block_tokens);
    const Tensor v = arena.allocate(dtype, slots, a.v_width());
    KvLayer kv = {k, v, block_tokens};
    if (dtype == DType::kI8) {
      kv.k_scales = arena.allocate(DType::kF32, slots, a.kv_heads);
      kv.v_scales = arena.allocate(DType::kF32, slots, a.kv_heads);
    }
    layers.push_back(kv);
  }
  return layers;
}

}  // namespace ferrum
