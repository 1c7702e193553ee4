// OLMo 1: pre-norm, by mean and variance without weights; q, k and v may be limited. OLMo 2 and 3: norms
// after attention and feed-forward, none before; q and k are normalised over their full width. OLMoE:
// pre-norm, with experts.
#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace olmo {

using Role = TensorRole;

bool three_of_four(int layer) { return (layer + 1) % 4 != 0; }

void set_wiring(ModelDescription& model) {
  model.wiring.norm_before = false;
  model.wiring.norm_after = true;
}

void read_olmo2(HfReader& in) {
  set_wiring(in.model());
  in.head_norms(HeadNorm::kWidth);
  in.biases("attention_bias", false, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut});
}

// Scaling is for layers that see everything.
void read_olmo3(HfReader& in) {
  read_olmo2(in);
  in.windows(4096, three_of_four);
  if (in.has_ropes_by_kind()) return;
  in.model().window_rope.scaling = {};
  // A base beside the scaling is that of the same layers, as transformers reads it.
  constexpr float kTheta = 500000;
  if (in.config().find("rope_theta")) in.model().window_rope.theta = kTheta;
}

void read_olmo2_gguf(GgufReader& in) {
  set_wiring(in.model());
  in.head_norms(HeadNorm::kWidth);
  in.windows(three_of_four);
  in.model().window_rope.scaling = {};
}

void set_first_wiring(ModelDescription& model, float clip) {
  model.wiring.layer_norm = true;
  model.wiring.norm_weight = false;
  model.wiring.eps = 1e-5F;
  for (LayerDescription& layer : model.layers) layer.attention.clip = clip;
}

void read_first(HfReader& in) {
  set_first_wiring(in.model(), in.number("clip_qkv", 0));
  in.biases("attention_bias", false, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut});
}

void read_first_gguf(GgufReader& in) {
  set_first_wiring(in.model(), in.number("attention.clamp_kqv").value_or(0));
}

void read_olmoe(HfReader& in) {
  in.head_norms(HeadNorm::kWidth);
  in.biases("attention_bias", false, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut});
  const float clip = in.number("clip_qkv", 0);
  in.each_layer([&](int, LayerDescription& layer) { layer.attention.clip = clip; });
  in.experts(std::vector<bool>(static_cast<size_t>(in.depth()), true), false);
}

void read_olmoe_gguf(GgufReader& in) {
  in.head_norms(HeadNorm::kWidth);
  const float clip = in.number("attention.clamp_kqv").value_or(0);
  in.each_layer([&](int, LayerDescription& layer) { layer.attention.clip = clip; });
  in.experts(false);
}

constexpr HfName kFirstNames[] = {{"olmo", "OlmoForCausalLM"}};
constexpr HfName kOlmo2Names[] = {{"olmo2", "Olmo2ForCausalLM"}};
constexpr HfName kOlmo3Names[] = {{"olmo3", "Olmo3ForCausalLM"}};
constexpr HfName kOlmoeNames[] = {{"olmoe", "OlmoeForCausalLM"}};
constexpr TensorNames kTensors[] = {
    {Role::kAfterAttentionNorm, ExpertCount::kNone, "layers.#.post_attention_layernorm", ""},
};

}  // namespace olmo

extern const Architecture kOlmo = {.name = "olmo",
                                   .hf = olmo::kFirstNames,
                                   .hf_defaults = {.vocab = 50304},
                                   .gguf_interleaved = true,
                                   .read_hf = olmo::read_first,
                                   .read_gguf = olmo::read_first_gguf};
extern const Architecture kOlmo2 = {.name = "olmo2",
                                    .hf = olmo::kOlmo2Names,
                                    .hf_defaults = {.eps = 1e-5},
                                    .names = olmo::kTensors,
                                    .read_hf = olmo::read_olmo2,
                                    .read_gguf = olmo::read_olmo2_gguf};
extern const Architecture kOlmo3 = {.name = "olmo3",
                                    .hf = olmo::kOlmo3Names,
                                    .gguf = "olmo2",
                                    .hf_defaults = {.eps = 1e-5, .theta = 500000},
                                    .names = olmo::kTensors,
                                    .read_hf = olmo::read_olmo3};
extern const Architecture kOlmoe = {.name = "olmoe",
                                    .hf = olmo::kOlmoeNames,
                                    .hf_defaults = {.context = 4096, .eps = 1e-5, .experts = 64, .top_k = 8},
                                    .read_hf = olmo::read_olmoe,
                                    .read_gguf = olmo::read_olmoe_gguf};

}  // namespace ferrum
