// Nemotron and Minitron: layer norms stored as the factor − 1, a feed-forward part that squares a ReLU and
// has no gate, half of each head rotated.
#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace nemotron {

using Role = TensorRole;

void set_switches(ModelDescription& model) {
  model.wiring.layer_norm = model.wiring.norm_bias = true;
  model.gated = false;
}

void read_hf(HfReader& in) {
  set_switches(in.model());
  in.model().wiring.norm_plus_one = true;
  if (!in.config().find("hidden_act")) in.model().activation = ActivationFunction::kReluSquared;
  in.biases("attention_bias", false, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut});
  in.biases("mlp_bias", false, {Role::kUp, Role::kDown});
}

void read_gguf(GgufReader& in) {
  set_switches(in.model());
  in.model().activation = ActivationFunction::kReluSquared;
}

constexpr HfName kNames[] = {{"nemotron", "NemotronForCausalLM"}};

}  // namespace nemotron

extern const Architecture kNemotron = {.name = "nemotron",
                                       .hf = nemotron::kNames,
                                       .hf_defaults = {.context = 4096, .eps = 1e-5, .rotary_share = 0.5},
                                       .read_hf = nemotron::read_hf,
                                       .read_gguf = nemotron::read_gguf};

}  // namespace ferrum
