// Phi 1, 1.5 and 2: layer norms, attention and feed-forward in parallel, biases everywhere, half of each head
// rotated, no gate.
#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace phi {

using Role = TensorRole;

void set_switches(ModelDescription& model) {
  model.wiring.layer_norm = model.wiring.norm_bias = true;
  model.wiring.parallel = true;
  model.gated = false;
  model.biased = {Role::kQuery, Role::kKey,  Role::kValue, Role::kAttentionOut,
                  Role::kUp,    Role::kDown, Role::kHead};
}

void read_hf(HfReader& in) {
  set_switches(in.model());
  if (!in.config().find("hidden_act")) in.model().activation = ActivationFunction::kGeluTanh;
  in.refuse_true("qk_layernorm", "runs Phi without norms of heads");
}

void read_gguf(GgufReader& in) {
  set_switches(in.model());
  in.model().activation = ActivationFunction::kGeluTanh;
}

constexpr HfName kNames[] = {{"phi", "PhiForCausalLM"}};
constexpr TensorNames kTensors[] = {
    {Role::kFinalNorm, ExpertCount::kNone, "final_layernorm", ""},
    {Role::kAttentionOut, ExpertCount::kNone, "layers.#.self_attn.dense", ""},
    {Role::kUp, ExpertCount::kNone, "layers.#.mlp.fc1", ""},
    {Role::kDown, ExpertCount::kNone, "layers.#.mlp.fc2", ""},
};

}  // namespace phi

extern const Architecture kPhi = {.name = "phi2",
                                  .hf = phi::kNames,
                                  .hf_defaults = {.context = 2048, .eps = 1e-5, .rotary_share = 0.5},
                                  .names = phi::kTensors,
                                  .read_hf = phi::read_hf,
                                  .read_gguf = phi::read_gguf};

}  // namespace ferrum
