#include "models/kv_layers.h"

#include <algorithm>

namespace ferrum {

int KvSizes::group_of(const AttentionDescription& attention) const {
  for (size_t i = 0; i < windows.size(); ++i)
    if (attention.window > 0 && attention.window == windows[i].window) return static_cast<int>(i) + 1;
  return 0;
}

std::vector<KvWindow> windows_of(const ModelDescription& model, const WindowUse& use, int blocks,
                                 int block_tokens) {
  std::vector<KvWindow> windows;
  for (const LayerDescription& layer : model.layers) {
    const int window = layer.attention.window;
    if (window == 0 || window >= use.context ||
        std::ranges::any_of(windows, [&](const KvWindow& w) { return w.window == window; }))
      continue;
    // Of each sequence: the positions before the next token that it still sees, from anywhere in a block on,
    // the block that is being filled, and drafts past it.
    const int64_t own = (window + block_tokens - 2) / block_tokens + 2;
    const int64_t added = (use.step_tokens + block_tokens - 1) / block_tokens;
    const int64_t needed = use.sequences * own + added;
    if (needed < blocks) windows.push_back({window, static_cast<int>(needed)});
  }
  std::ranges::sort(windows, {}, &KvWindow::blocks);
  // The smallest gain the most. States count as a group.
  const size_t most = kMaxKvGroups - (model.keeps_states() ? 2 : 1);
  if (windows.size() > most) windows.resize(most);
  return windows;
}

size_t kv_bytes_of_token(const HeadShape& heads, DType kv_dtype) {
  const size_t scales = kv_dtype == DType::kI8 ? static_cast<size_t>(heads.kv_heads) * sizeof(float) : 0;
  return static_cast<size_t>(heads.k_width() + heads.v_width()) * size_of(kv_dtype) + 2 * scales;
}

HeadShape head_shape(const AttentionDescription& a) {
  if (a.latent > 0) return {a.q_heads, a.kv_heads, a.rope_dim, a.latent, true};
  return {.q_heads = a.q_heads, .kv_heads = a.kv_heads, .head_dim = a.head_dim, .value_dim = a.value_dim};
}

std::vector<KvLayer> allocate_kv(KvLayout layout, Arena& arena, const ModelDescription& model,
                                 const KvSizes& sizes, int mtp_rows) {
  std::vector<KvLayer> layers;
  const bool shared = sizes.shared && std::ranges::none_of(model.layers, [](const LayerDescription& layer) {
                        return layer.attention.kv_layer >= 0;  // what it reads must stay
                      });
  for (int i = 0; i < model.depth_with_mtp(); ++i) {
    const AttentionDescription& a = model.layer(i).attention;
    if (a.kv_layer >= 0) {  // it comes later than the layer whose keys and values it reads
      layers.push_back(layers[static_cast<size_t>(a.kv_layer)]);
      continue;
    }
    if (shared) {
      const auto alike = [&](const LayerDescription& other) {
        const HeadShape one = head_shape(other.attention), of = head_shape(a);
        return one.kv_heads == of.kv_heads && one.head_dim == of.head_dim &&
               one.value_size() == of.value_size();
      };
      const auto first = std::ranges::find_if(model.layers, alike);
      if (const size_t at = static_cast<size_t>(first - model.layers.begin()); at < layers.size()) {
        layers.push_back(layers[at]);
        continue;
      }
    }
    const int group = sizes.group_of(a);
    layers.push_back(layout(arena, {.heads = head_shape(a),
                                    .dtype = sizes.dtype,
                                    .blocks = sizes.blocks_of(group),
                                    .block_tokens = sizes.block_tokens,
                                    .group = group}));
  }
  if (model.mtp) {
    KvLayer kept = {.blocks = sizes.blocks};
    kept.k = arena.allocate(DType::kF32, int64_t{sizes.blocks} * mtp_rows + 1, model.hidden);
    kept.k.rows = sizes.blocks;
    kept.k.cols = kept.k.stride = mtp_rows * model.hidden;
    layers.push_back(kept);
  }
  return layers;
}

int last_keeping_layer(const ModelDescription& model) {
  int last = model.depth() - 1;
  const auto keeps = [](const LayerDescription& l) { return l.mixes() && l.attention.kv_layer < 0; };
  while (last > 0 && !keeps(model.layers[static_cast<size_t>(last)])) --last;
  return last;
}

}  // namespace ferrum
