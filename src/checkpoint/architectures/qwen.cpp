// Qwen 2, 2.5 and 3, dense and with experts: biases of q, k and v (2), RMS norms of their heads (3). The text
// models of Qwen2-VL, 2.5-VL and 3-VL are these; they say how pairs rotate by time, height and width, which
// are the same number for a text.
#include <algorithm>

#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/row_views.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace qwen {

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
  in.experts(in.sparse_layers_by_step(), false);
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

void set_heads(HfReader& in) {
  in.head_norms(HeadNorm::kHead);
  in.biases("attention_bias", false, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut});
}

void read_qwen3(HfReader& in) {
  set_heads(in);
  windows_from_above(in);
}

void read_qwen3_gguf(GgufReader& in) {
  in.head_norms(HeadNorm::kHead);
  in.windows(every);
  in.experts(true);
}

void read_qwen3_moe(HfReader& in) {
  set_heads(in);
  windows(in, every);
  in.experts(in.sparse_layers_by_step(), false);
}

// Of time, height, width, and none of a fourth kind, as GGUF's readers demand.
void read_sections(HfReader& in, std::vector<int> usual) {
  const auto fields = in.rope_fields();
  std::vector<int>& sections = in.model().rope.sections;
  sections = (fields ? fields->find_integers("mrope_section") : std::nullopt).value_or(std::move(usual));
  sections.resize(4);
}

void read_qwen2_vl(HfReader& in) {
  read_qwen2(in);
  read_sections(in, {16, 24, 24});
}

void read_qwen3_vl(HfReader& in) {
  set_heads(in);
  read_sections(in, {24, 20, 20});
}

void read_qwen3_vl_moe(HfReader& in) {
  read_qwen3_vl(in);
  in.experts(in.sparse_layers_by_step(), true);
}

// Folders have the matrices of all experts as they multiply from the right; those that transformers 5 saves
// may not.
void transpose_experts(std::vector<HostTensor>& tensors, const ModelDescription& model) {
  for (HostTensor& tensor : tensors) {
    const bool is_first = tensor.name.ends_with(".mlp.experts.gate_up_proj");
    if (!is_first && !tensor.name.ends_with(".mlp.experts.down_proj")) continue;
    if (!is_float(tensor.format) || tensor.shape.size() != 3) continue;
    if (tensor.shape[is_first ? 2 : 1] != model.hidden) tensor = transposed(tensor);
  }
}

constexpr HfName kQwen2Names[] = {{"qwen2", "Qwen2ForCausalLM"}};
constexpr HfName kQwen2MoeNames[] = {{"qwen2_moe", "Qwen2MoeForCausalLM"}};
constexpr HfName kQwen3Names[] = {{"qwen3", "Qwen3ForCausalLM"}};
constexpr HfName kQwen3MoeNames[] = {{"qwen3_moe", "Qwen3MoeForCausalLM"}};
constexpr HfName kQwen2VlNames[] = {{"qwen2_vl", "Qwen2VLForConditionalGeneration"},
                                    {"qwen2_vl_text", ""},
                                    {"qwen2_5_vl", "Qwen2_5_VLForConditionalGeneration"},
                                    {"qwen2_5_vl_text", ""}};
constexpr HfName kQwen3VlNames[] = {{"qwen3_vl", "Qwen3VLForConditionalGeneration"}, {"qwen3_vl_text", ""}};
constexpr HfName kQwen3VlMoeNames[] = {{"qwen3_vl_moe", "Qwen3VLMoeForConditionalGeneration"},
                                       {"qwen3_vl_moe_text", ""}};

}  // namespace qwen

extern const Architecture kQwen2 = {.name = "qwen2",
                                    .hf = qwen::kQwen2Names,
                                    .hf_defaults = {.context = 32768, .kv_heads = 32},
                                    .read_hf = qwen::read_qwen2,
                                    .read_gguf = qwen::read_qwen2_gguf};
extern const Architecture kQwen2Moe = {
    .name = "qwen2moe",
    .hf = qwen::kQwen2MoeNames,
    .hf_defaults = {.context = 32768, .kv_heads = 16, .experts = 60, .top_k = 4, .expert_width = 1408},
    .read_hf = qwen::read_qwen2_moe,
    .read_gguf = qwen::read_qwen2_moe_gguf};
extern const Architecture kQwen3 = {.name = "qwen3",
                                    .hf = qwen::kQwen3Names,
                                    .hf_defaults = {.head_dim = 128, .context = 32768, .kv_heads = 32},
                                    .read_hf = qwen::read_qwen3,
                                    .read_gguf = qwen::read_qwen3_gguf};
extern const Architecture kQwen3Moe = {
    .name = "qwen3moe",
    .hf = qwen::kQwen3MoeNames,
    .hf_defaults = {.context = 32768, .kv_heads = 4, .experts = 128, .top_k = 8, .expert_width = 768},
    .read_hf = qwen::read_qwen3_moe,
    .read_gguf = qwen::read_qwen3_gguf};
extern const Architecture kQwen2Vl = {
    .name = "qwen2vl",
    .hf = qwen::kQwen2VlNames,
    .hf_defaults = {.context = 32768, .eps = 1e-5, .theta = 1e6, .kv_heads = 8},
    .read_hf = qwen::read_qwen2_vl,
    .read_gguf = qwen::read_qwen2_gguf};
extern const Architecture kQwen3Vl = {
    .name = "qwen3vl",
    .hf = qwen::kQwen3VlNames,
    .hf_defaults = {.head_dim = 128, .context = 128000, .theta = 500000, .kv_heads = 32},
    .read_hf = qwen::read_qwen3_vl,
    .read_gguf = qwen::read_qwen3_gguf};
extern const Architecture kQwen3VlMoe = {
    .name = "qwen3vlmoe",
    .hf = qwen::kQwen3VlMoeNames,
    .hf_defaults =
        {.context = 128000, .theta = 500000, .kv_heads = 16, .experts = 60, .top_k = 4, .expert_width = 1408},
    .read_hf = qwen::read_qwen3_vl_moe,
    .read_gguf = qwen::read_qwen3_gguf,
    .adapt_hf = qwen::transpose_experts};

}  // namespace ferrum
