// Gemma 1, 2 and 3 (text), VaultGemma: embeddings times √hidden, GELU; sandwich norms (2, 3), caps of scores
// and logits (2, Vault), norms of heads and two rotations (3). Folders store norms as the factor − 1.
#include <cmath>

#include "base/error.h"
#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace gemma {

using Role = TensorRole;

constexpr float kLocalTheta = 10000;

bool every_other(int layer) { return layer % 2 == 0; }

void set_common(ModelDescription& model) {
  model.embedding_scale = std::sqrt(static_cast<float>(model.hidden));
  model.activation = ActivationFunction::kGeluTanh;
}

void set_scale(ModelDescription& model, float scale) {
  for (LayerDescription& layer : model.layers) layer.attention.scale = scale;
}

void set_caps(ModelDescription& model, float scores, float logits) {
  for (LayerDescription& layer : model.layers) layer.attention.soft_cap = scores;
  model.logit_cap = logits;
}

// A cap may be null, which is none; absent, it is the default.
float cap(const HfReader& in, std::string_view key, double fallback) {
  return in.config().contains(key) ? in.number(key, 0) : static_cast<float>(fallback);
}

void read_common(HfReader& in) {
  set_common(in.model());
  in.model().wiring.norm_plus_one = true;
  in.biases("attention_bias", false, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut});
}

void read_sandwich(HfReader& in, double cap_of_scores, double cap_of_logits) {
  read_common(in);
  in.activation("hidden_activation");
  in.model().wiring.norm_after = true;
  set_scale(in.model(), 1 / std::sqrt(in.number("query_pre_attn_scalar", 256)));
  set_caps(in.model(), cap(in, "attn_logit_softcapping", cap_of_scores),
           cap(in, "final_logit_softcapping", cap_of_logits));
}

void read_gemma2(HfReader& in) {
  read_sandwich(in, 50, 30);
  in.windows(4096, every_other);
}

void read_vault(HfReader& in) {
  read_gemma2(in);
  in.model().wiring.norm_after = false;
}

void read_gemma3(HfReader& in) {
  in.model().causal = !in.boolean("use_bidirectional_attention", false);
  read_sandwich(in, 0, 0);
  for (LayerDescription& layer : in.model().layers) layer.attention.soft_cap = 0;  // as transformers
  in.head_norms(HeadNorm::kHead);
  const int period = std::max(1, in.integer("sliding_window_pattern", 6));
  in.windows(4096, [period](int layer) { return (layer + 1) % period != 0; });
  const auto fields = in.rope_fields();
  const auto own = fields ? fields->find("sliding_attention") : std::nullopt;
  if (!own || !own->find("rope_theta"))
    in.model().window_rope.theta = in.number("rope_local_base_freq", kLocalTheta);
  if (!in.has_ropes_by_kind()) in.model().window_rope.scaling = {};
}

// Files do not say the scale: that of the largest sizes is by hidden_size over heads.
void read_scale(GgufReader& in, int layers_of_largest) {
  ModelDescription& model = in.model();
  if (const auto scale = in.number("attention.scale"))
    set_scale(model, *scale);
  else if (in.depth() == layers_of_largest)
    set_scale(model, 1 / std::sqrt(static_cast<float>(model.hidden) /
                                   static_cast<float>(model.layers.front().attention.q_heads)));
}

void read_gemma_gguf(GgufReader& in) { set_common(in.model()); }

void read_gemma2_gguf(GgufReader& in) {
  set_common(in.model());
  in.model().wiring.norm_after = true;
  read_scale(in, 46);
  set_caps(in.model(), in.number("attn_logit_softcapping").value_or(50),
           in.number("final_logit_softcapping").value_or(30));
  in.windows(every_other);
}

void read_gemma3_gguf(GgufReader& in) {
  set_common(in.model());
  in.model().wiring.norm_after = true;
  in.head_norms(HeadNorm::kHead);
  read_scale(in, 62);
  set_caps(in.model(), in.number("attn_logit_softcapping").value_or(0),
           in.number("final_logit_softcapping").value_or(0));
  in.windows([](int layer) { return (layer + 1) % 6 != 0; });
  if (in.number("rope.freq_base_swa")) return;
  in.model().window_rope.theta = kLocalTheta;
  in.model().window_rope.scaling = {};
}

// A Gemma 3 whose tokens see each other both ways.
void read_gemma_embedding_gguf(GgufReader& in) {
  read_gemma3_gguf(in);
  in.model().causal = false;
}

constexpr HfName kGemmaNames[] = {{"gemma", "GemmaForCausalLM"}};
constexpr HfName kGemma2Names[] = {{"gemma2", "Gemma2ForCausalLM"}};
constexpr HfName kVaultNames[] = {{"vaultgemma", "VaultGemmaForCausalLM"}};
constexpr HfName kGemma3Names[] = {{"gemma3_text", "Gemma3ForCausalLM"},
                                   {"gemma3", "Gemma3ForConditionalGeneration"}};
constexpr TensorNames kTensors[] = {
    {Role::kAfterAttentionNorm, ExpertCount::kNone, "layers.#.post_attention_layernorm", ""},
    {Role::kFfnNorm, ExpertCount::kNone, "layers.#.pre_feedforward_layernorm", ""},
};
constexpr TensorNames kVaultTensors[] = {
    {Role::kFfnNorm, ExpertCount::kNone, "layers.#.pre_feedforward_layernorm", ""},
};
constexpr HfDefaults kDefaults = {.head_dim = 256, .context = 8192, .tied_head = true, .kv_heads = 16};
constexpr HfDefaults kGemma2Defaults = {.head_dim = 256, .context = 8192, .tied_head = true, .kv_heads = 4};

}  // namespace gemma

extern const Architecture kGemma = {.name = "gemma",
                                    .hf = gemma::kGemmaNames,
                                    .hf_defaults = gemma::kDefaults,
                                    .read_hf = gemma::read_common,
                                    .read_gguf = gemma::read_gemma_gguf};
extern const Architecture kGemma2 = {.name = "gemma2",
                                     .hf = gemma::kGemma2Names,
                                     .hf_defaults = gemma::kGemma2Defaults,
                                     .names = gemma::kTensors,
                                     .read_hf = gemma::read_gemma2,
                                     .read_gguf = gemma::read_gemma2_gguf};
extern const Architecture kVaultGemma = {.name = "vaultgemma",
                                         .hf = gemma::kVaultNames,
                                         .gguf = "-",
                                         .hf_defaults = gemma::kGemma2Defaults,
                                         .names = gemma::kVaultTensors,
                                         .read_hf = gemma::read_vault};
extern const Architecture kGemma3 = {.name = "gemma3",
                                     .hf = gemma::kGemma3Names,
                                     .hf_defaults = {.head_dim = 256,
                                                     .context = 131072,
                                                     .theta = 1e6,
                                                     .tied_head = true,
                                                     .heads = 8,
                                                     .vocab = 262208,
                                                     .kv_heads = 4},
                                     .names = gemma::kTensors,
                                     .read_hf = gemma::read_gemma3,
                                     .read_gguf = gemma::read_gemma3_gguf};
extern const Architecture kGemmaEmbedding = {.name = "gemma-embedding",
                                             .hf = {},
                                             .names = gemma::kTensors,
                                             .read_gguf = gemma::read_gemma_embedding_gguf};

}  // namespace ferrum
