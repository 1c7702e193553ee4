// Falcon 7B, 40B and Falcon 2 11B: layer norms, attention and feed-forward beside each other, no gate. The
// largest have a norm for each of the two parts.
#include <cstdint>
#include <utility>

#include "base/error.h"
#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/packed_heads.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {

extern const Architecture kFalconNorms;

namespace falcon {

using Role = TensorRole;

void set_switches(ModelDescription& model) {
  model.wiring.layer_norm = model.wiring.norm_bias = true;
  model.wiring.parallel = true;
  model.gated = false;
}

bool is_true(const Json& config, const char* field, bool fallback) {
  const auto found = config.find(field);
  if (found == config.end() || found->is_null()) return fallback;
  return found->is_boolean() && found->get<bool>();
}

// In the words of most configurations; how many key heads there are depends on two switches.
void respell(Json& config) {
  constexpr std::pair<const char*, const char*> kWords[] = {{"n_layer", "num_hidden_layers"},
                                                            {"n_head", "num_attention_heads"},
                                                            {"n_head_kv", "num_kv_heads"},
                                                            {"ffn_hidden_size", "intermediate_size"},
                                                            {"activation", "hidden_act"}};
  for (const auto& [own, usual] : kWords)
    if (config.contains(own) && !config[own].is_null() && !config.contains(usual))
      config[usual] = config[own];
  constexpr int64_t kMostWidth = int64_t{1} << 28;
  const auto hidden = config.find("hidden_size");
  if (!config.contains("intermediate_size") && hidden != config.end() && hidden->is_number_integer() &&
      hidden->get<int64_t>() > 0 && hidden->get<int64_t>() < kMostWidth)
    config["intermediate_size"] = 4 * hidden->get<int64_t>();
  if (is_true(config, "new_decoder_architecture", false)) {
    if (config.contains("num_kv_heads")) config["num_key_value_heads"] = config["num_kv_heads"];
  } else if (is_true(config, "multi_query", true)) {
    config["num_key_value_heads"] = 1;
  }
}

void read_hf(HfReader& in) {
  ModelDescription& model = in.model();
  set_switches(model);
  if (!in.config().find("hidden_act")) model.activation = ActivationFunction::kGelu;
  in.refuse_true("alibi", "runs Falcon with rotary positions");
  const bool is_new = in.boolean("new_decoder_architecture", false);
  if (!is_new && !in.boolean("parallel_attn", true))
    fail(ErrorCode::kUnsupported,
         "{} is false; Ferrum runs Falcon with attention and feed-forward in parallel",
         in.config().place("parallel_attn"));
  if (is_new && in.integer("num_ln_in_parallel_attn", 2) == 2) {
    model.wiring.parallel_norms = true;
    model.architecture = &kFalconNorms;
  }
  in.biases("bias", false,
            {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut, Role::kUp, Role::kDown});
}

void read_gguf(GgufReader& in) {
  set_switches(in.model());
  in.model().activation = ActivationFunction::kGelu;
  if (in.has_tensor({Role::kSecondAttentionNorm, 0}))
    fail(ErrorCode::kUnsupported,
         "{}: there is a tensor blk.0.attn_norm_2.weight; Ferrum runs Falcon with two norms in a layer from "
         "a folder only",
         in.metadata().source());
}

void adapt_hf(std::vector<HostTensor>& tensors, const ModelDescription& model) {
  join_groups_of_heads(tensors, ".self_attention.query_key_value.", model);
}

constexpr HfName kNames[] = {{"falcon", "FalconForCausalLM"}};

constexpr TensorNames kTensors[] = {
    {Role::kEmbedding, ExpertCount::kNone, "transformer.word_embeddings", ""},
    {Role::kFinalNorm, ExpertCount::kNone, "transformer.ln_f", ""},
    {Role::kAttentionNorm, ExpertCount::kNone, "transformer.h.#.input_layernorm", ""},
    {Role::kAttentionNorm, ExpertCount::kNone, "transformer.h.#.ln_attn", ""},
    {Role::kFfnNorm, ExpertCount::kNone, "transformer.h.#.ln_mlp", ""},
    {Role::kQueryKeyValue, ExpertCount::kNone, "transformer.h.#.self_attention.query_key_value", ""},
    {Role::kAttentionOut, ExpertCount::kNone, "transformer.h.#.self_attention.dense", ""},
    {Role::kUp, ExpertCount::kNone, "transformer.h.#.mlp.dense_h_to_4h", ""},
    {Role::kDown, ExpertCount::kNone, "transformer.h.#.mlp.dense_4h_to_h", ""},
};
constexpr HfDefaults kDefaults = {.context = 2048, .eps = 1e-5, .tied_head = true, .vocab = 65024};

}  // namespace falcon

extern const Architecture kFalcon = {.name = "falcon",
                                     .hf = falcon::kNames,
                                     .hf_defaults = falcon::kDefaults,
                                     .names = falcon::kTensors,
                                     .read_hf = falcon::read_hf,
                                     .read_gguf = falcon::read_gguf,
                                     .respell_hf = falcon::respell,
                                     .adapt_hf = falcon::adapt_hf};
extern const Architecture kFalconNorms = {.name = "falcon-norms",
                                          .gguf = "-",
                                          .hf_defaults = falcon::kDefaults,
                                          .names = falcon::kTensors,
                                          .read_hf = falcon::read_hf,
                                          .respell_hf = falcon::respell,
                                          .adapt_hf = falcon::adapt_hf};

}  // namespace ferrum
