// EXAONE 3 and 3.5: as Llama, in words of their own. EXAONE 4: norms after attention and feed-forward, none
// before. EXAONE MoE: pre-norm, experts chosen by the logistic function. Norms of heads in both; where some
// layers have a window, only these rotate.
#include <algorithm>

#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace exaone {

using Role = TensorRole;
using Score = RoutingDescription::Score;

void read_exaone3(HfReader&) {}
void read_exaone3_gguf(GgufReader&) {}

void respell_exaone3(Json& config) {
  constexpr std::pair<const char*, const char*> kWords[] = {{"num_layers", "num_hidden_layers"},
                                                            {"activation_function", "hidden_act"}};
  for (const auto& [own, usual] : kWords)
    if (config.contains(own) && !config.contains(usual)) config[usual] = config[own];
}

bool three_of_four(int layer) { return (layer + 1) % 4 != 0; }

void set_rotations(ModelDescription& model, bool has_windows) {
  if (!has_windows) return;
  for (LayerDescription& layer : model.layers)
    if (layer.attention.window == 0) layer.attention.rope = LayerRope::kNone;
}

// The pattern is a number n, where every n-th layer sees everything, or letters: L for a window, G without.
void read_windows(HfReader& in) {
  const auto pattern = in.config().find("sliding_window_pattern");
  const std::string letters = pattern && pattern->is_string() ? pattern->string() : "";
  const int period = pattern && !pattern->is_string() ? std::max(1, pattern->integer()) : 4;
  in.windows(4096, [&](int layer) {
    if (!letters.empty()) return letters[static_cast<size_t>(layer) % letters.size()] == 'L';
    return (layer + 1) % period != 0;
  });
  const bool none = in.config().contains("sliding_window") && !in.config().find("sliding_window");
  set_rotations(in.model(), !none);
}

void set_wiring(ModelDescription& model) {
  model.wiring.norm_before = false;
  model.wiring.norm_after = true;
}

void read_exaone4(HfReader& in) {
  set_wiring(in.model());
  in.head_norms(HeadNorm::kHead);
  read_windows(in);
}

void read_exaone4_gguf(GgufReader& in) {
  set_wiring(in.model());
  in.head_norms(HeadNorm::kHead);
  in.windows(three_of_four);
  set_rotations(in.model(), in.model().window() != 0);
}

void read_moe(HfReader& in) {
  in.head_norms(HeadNorm::kHead);
  read_windows(in);
  const int dense = in.integer("first_k_dense_replace", 1);
  in.experts(in.sparse_layers([dense](int i) { return i >= dense; }), true);
  in.model().routing.score = Score::kSigmoid;
  in.model().routing.selection_bias = true;
}

void read_moe_gguf(GgufReader& in) {
  in.head_norms(HeadNorm::kHead);
  in.windows(three_of_four);
  set_rotations(in.model(), in.model().window() != 0);
  in.experts(true, Score::kSigmoid);
}

constexpr HfName k3Names[] = {{"exaone", "ExaoneForCausalLM"}};
constexpr HfName kNames[] = {{"exaone4", "Exaone4ForCausalLM"}};
constexpr HfName kMoeNames[] = {{"exaone_moe", "ExaoneMoeForCausalLM"}};
// As transformers writes them, and as published.
constexpr TensorNames k3Tensors[] = {
    {Role::kEmbedding, ExpertCount::kNone, "embed_tokens", ""},
    {Role::kEmbedding, ExpertCount::kNone, "transformer.wte", ""},
    {Role::kFinalNorm, ExpertCount::kNone, "norm", ""},
    {Role::kFinalNorm, ExpertCount::kNone, "transformer.ln_f", ""},
    {Role::kAttentionNorm, ExpertCount::kNone, "layers.#.input_layernorm", ""},
    {Role::kAttentionNorm, ExpertCount::kNone, "transformer.h.#.ln_1", ""},
    {Role::kQuery, ExpertCount::kNone, "layers.#.self_attn.q_proj", ""},
    {Role::kQuery, ExpertCount::kNone, "transformer.h.#.attn.attention.q_proj", ""},
    {Role::kKey, ExpertCount::kNone, "layers.#.self_attn.k_proj", ""},
    {Role::kKey, ExpertCount::kNone, "transformer.h.#.attn.attention.k_proj", ""},
    {Role::kValue, ExpertCount::kNone, "layers.#.self_attn.v_proj", ""},
    {Role::kValue, ExpertCount::kNone, "transformer.h.#.attn.attention.v_proj", ""},
    {Role::kAttentionOut, ExpertCount::kNone, "layers.#.self_attn.o_proj", ""},
    {Role::kAttentionOut, ExpertCount::kNone, "transformer.h.#.attn.attention.out_proj", ""},
    {Role::kFfnNorm, ExpertCount::kNone, "layers.#.post_attention_layernorm", ""},
    {Role::kFfnNorm, ExpertCount::kNone, "transformer.h.#.ln_2", ""},
    {Role::kGate, ExpertCount::kNone, "layers.#.mlp.gate_proj", ""},
    {Role::kGate, ExpertCount::kNone, "transformer.h.#.mlp.c_fc_0", ""},
    {Role::kUp, ExpertCount::kNone, "layers.#.mlp.up_proj", ""},
    {Role::kUp, ExpertCount::kNone, "transformer.h.#.mlp.c_fc_1", ""},
    {Role::kDown, ExpertCount::kNone, "layers.#.mlp.down_proj", ""},
    {Role::kDown, ExpertCount::kNone, "transformer.h.#.mlp.c_proj", ""},
};
constexpr TensorNames kTensors[] = {
    {Role::kAfterAttentionNorm, ExpertCount::kNone, "layers.#.post_attention_layernorm", ""},
};
constexpr std::string_view kIgnored[] = {".nextn.", "mtp."};

}  // namespace exaone

extern const Architecture kExaone = {
    .name = "exaone",
    .hf = exaone::k3Names,
    .hf_defaults = {.context = 4096, .eps = 1e-5, .theta = 500000, .kv_heads = 8},
    .names = exaone::k3Tensors,
    .read_hf = exaone::read_exaone3,
    .read_gguf = exaone::read_exaone3_gguf,
    .respell_hf = exaone::respell_exaone3};
extern const Architecture kExaone4 = {.name = "exaone4",
                                      .hf = exaone::kNames,
                                      .hf_defaults = {.eps = 1e-5, .kv_heads = 32},
                                      .names = exaone::kTensors,
                                      .read_hf = exaone::read_exaone4,
                                      .read_gguf = exaone::read_exaone4_gguf};
extern const Architecture kExaoneMoe = {.name = "exaone-moe",
                                        .hf = exaone::kMoeNames,
                                        .hf_defaults = {.eps = 1e-5,
                                                        .kv_heads = 32,
                                                        .experts = 64,
                                                        .top_k = 8,
                                                        .expert_width = 1024,
                                                        .shared_experts = 1,
                                                        .expert_scale = 2.5},
                                        .read_hf = exaone::read_moe,
                                        .read_gguf = exaone::read_moe_gguf,
                                        .ignored = exaone::kIgnored};

}  // namespace ferrum
