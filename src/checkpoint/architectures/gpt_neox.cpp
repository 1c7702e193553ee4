// GPT-NeoX, Pythia, Dolly 2, StableLM Alpha: layer norms, biases everywhere, a quarter of each head rotated,
// no gate; attention and feed-forward stand beside each other, each with a norm of its own.
#include <array>
#include <utility>

#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/packed_heads.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace gpt_neox {

using Role = TensorRole;

void set_switches(ModelDescription& model, bool parallel) {
  model.wiring.layer_norm = model.wiring.norm_bias = true;
  model.wiring.parallel = model.wiring.parallel_norms = parallel;
  model.gated = false;
  model.biased = {Role::kUp, Role::kDown};
}

void respell(Json& config) {
  constexpr std::array<std::pair<const char*, const char*>, 2> kWords = {
      {{"rotary_pct", "partial_rotary_factor"}, {"rotary_emb_base", "rope_theta"}}};
  for (const auto& [own, usual] : kWords)
    if (config.contains(own) && !config.contains(usual)) config[usual] = config[own];
}

void read_hf(HfReader& in) {
  set_switches(in.model(), in.boolean("use_parallel_residual", true));
  if (!in.config().find("hidden_act")) in.model().activation = ActivationFunction::kGelu;
  in.biases("attention_bias", true, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut});
}

void read_gguf(GgufReader& in) {
  set_switches(in.model(), in.metadata().boolean("gptneox.use_parallel_residual").value_or(true));
  in.model().activation = ActivationFunction::kGelu;
}

void adapt_hf(std::vector<HostTensor>& tensors, const ModelDescription& model) {
  join_groups_of_heads(tensors, ".attention.query_key_value.", model);
}

constexpr HfName kNames[] = {{"gpt_neox", "GPTNeoXForCausalLM"}};
constexpr TensorNames kTensors[] = {
    {Role::kEmbedding, ExpertCount::kNone, "gpt_neox.embed_in", ""},
    {Role::kFinalNorm, ExpertCount::kNone, "gpt_neox.final_layer_norm", ""},
    {Role::kHead, ExpertCount::kNone, "embed_out", ""},
    {Role::kAttentionNorm, ExpertCount::kNone, "gpt_neox.layers.#.input_layernorm", ""},
    {Role::kQueryKeyValue, ExpertCount::kNone, "gpt_neox.layers.#.attention.query_key_value", ""},
    {Role::kAttentionOut, ExpertCount::kNone, "gpt_neox.layers.#.attention.dense", ""},
    {Role::kFfnNorm, ExpertCount::kNone, "gpt_neox.layers.#.post_attention_layernorm", ""},
    {Role::kUp, ExpertCount::kNone, "gpt_neox.layers.#.mlp.dense_h_to_4h", ""},
    {Role::kDown, ExpertCount::kNone, "gpt_neox.layers.#.mlp.dense_4h_to_h", ""},
};
// The mask of causal attention and the rotation's frequencies, which old files store.
constexpr std::string_view kIgnored[] = {".attention.bias", ".attention.masked_bias", ".rotary_emb."};

}  // namespace gpt_neox

extern const Architecture kGptNeoX = {
    .name = "gptneox",
    .hf = gpt_neox::kNames,
    .hf_defaults = {.context = 2048, .eps = 1e-5, .rotary_share = 0.25, .vocab = 50432},
    .names = gpt_neox::kTensors,
    .read_hf = gpt_neox::read_hf,
    .read_gguf = gpt_neox::read_gguf,
    .respell_hf = gpt_neox::respell,
    .adapt_hf = gpt_neox::adapt_hf,
    .ignored = gpt_neox::kIgnored};

}  // namespace ferrum
