// Qwen 2, 2.5 and 3, dense and with experts: biases of q, k and v (2), RMS norms of their heads (3).
#include <algorithm>

#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace {

using Role = TensorRole;

constexpr int kDefaultWindow = 4096;

bool every(int) { return true; }

// A window counts only where use_sliding_window says so.
void windows(HfReader& in, const std::function<bool(int)>& slides) {
  if (in.boolean("use_sliding_window", false)) in.windows(kDefaultWindow, slides);
}

void windows_from_above(HfReader& in) {
  const int first = std::max(in.integer("max_window_layers", 28), 0);
  windows(in, [first](int layer) { return layer >= first; });
}

void set_biases(ModelDescription& model) { model.biased = {Role::kQuery, Role::kKey, Role::kValue}; }

std::vector<bool> sparse_layers(const HfReader& in) {
  const int step = in.integer("decoder_sparse_step", 1);
  if (step < 1) in.config().at("decoder_sparse_step").refuse("must be 1 or more");
  const std::vector<int> dense = in.config().find_integers("mlp_only_layers").value_or(std::vector<int>());
  return in.sparse_layers(
      [&](int i) { return (i + 1) % step == 0 && std::find(dense.begin(), dense.end(), i) == dense.end(); });
}

void read_qwen2(HfReader& in) {
  set_biases(in.model());
  windows_from_above(in);
}

void read_qwen2_gguf(GgufReader& in) {
  set_biases(in.model());
  in.windows(every);
}

void read_qwen2_moe(HfReader& in) {
  in.biases("qkv_bias", true, {Role::kQuery, Role::kKey, Role::kValue});
  const int last = in.integer("max_window_layers", 28);
  windows(in, [last](int layer) { return layer % 2 == 0 && layer < last; });
  in.experts(sparse_layers(in), false);
  in.each_layer([&](int, LayerDescription& layer) {
    FeedForwardDescription& f = layer.feed_forward;
    if (f.experts == 0) return;
    if (f.shared_width == 0) f.shared_width = 5632;
    f.shared_gate = true;
  });
}

// Biases of q, k and v are taken where the file has them.
void read_qwen2_moe_gguf(GgufReader& in) {
  in.windows(every);
  in.experts(false);
}

void read_qwen3(HfReader& in) {
  in.head_norms(HeadNorm::kHead);
  in.biases("attention_bias", false, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut});
  windows_from_above(in);
}

void read_qwen3_gguf(GgufReader& in) {
  in.head_norms(HeadNorm::kHead);
  in.windows(every);
  in.experts(true);
}

void read_qwen3_moe(HfReader& in) {
  in.head_norms(HeadNorm::kHead);
  in.biases("attention_bias", false, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut});
  windows(in, every);
  in.experts(sparse_layers(in), false);
}

constexpr HfName kQwen2Names[] = {{"qwen2", "Qwen2ForCausalLM"}};
constexpr HfName kQwen2MoeNames[] = {{"qwen2_moe", "Qwen2MoeForCausalLM"}};
constexpr HfName kQwen3Names[] = {{"qwen3", "Qwen3ForCausalLM"}};
constexpr HfName kQwen3MoeNames[] = {{"qwen3_moe", "Qwen3MoeForCausalLM"}};

}  // namespace

extern const Architecture kQwen2 = {.name = "qwen2",
                                    .hf = kQwen2Names,
                                    .hf_defaults = {.context = 32768, .kv_heads = 32},
                                    .read_hf = read_qwen2,
                                    .read_gguf = read_qwen2_gguf};
extern const Architecture kQwen2Moe = {
    .name = "qwen2moe",
    .hf = kQwen2MoeNames,
    .hf_defaults = {.context = 32768, .kv_heads = 16, .experts = 60, .top_k = 4, .expert_width = 1408},
    .read_hf = read_qwen2_moe,
    .read_gguf = read_qwen2_moe_gguf};
extern const Architecture kQwen3 = {.name = "qwen3",
                                    .hf = kQwen3Names,
                                    .hf_defaults = {.head_dim = 128, .context = 32768, .kv_heads = 32},
                                    .read_hf = read_qwen3,
                                    .read_gguf = read_qwen3_gguf};
extern const Architecture kQwen3Moe = {
    .name = "qwen3moe",
    .hf = kQwen3MoeNames,
    .hf_defaults = {.context = 32768, .kv_heads = 4, .experts = 128, .top_k = 8, .expert_width = 768},
    .read_hf = read_qwen3_moe,
    .read_gguf = read_qwen3_gguf};

}  // namespace ferrum
