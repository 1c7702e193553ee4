// StarCoder2: layer norm, biases everywhere, a feed-forward layer without gate.
#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace starcoder2 {

using Role = TensorRole;

bool every(int) { return true; }

void set_switches(ModelDescription& model) {
  model.wiring.layer_norm = model.wiring.norm_bias = true;
  model.gated = false;
}

void read_hf(HfReader& in) {
  set_switches(in.model());
  if (!in.config().find("hidden_act")) in.model().activation = ActivationFunction::kGeluTanh;
  in.biases("use_bias", true,
            {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut, Role::kUp, Role::kDown});
  in.windows(0, every);
}

void read_gguf(GgufReader& in) {
  set_switches(in.model());
  in.model().activation = ActivationFunction::kGeluTanh;
  in.windows(every);
}

constexpr HfName kNames[] = {{"starcoder2", "Starcoder2ForCausalLM"}};
constexpr TensorNames kTensors[] = {
    {Role::kUp, ExpertCount::kNone, "layers.#.mlp.c_fc", ""},
    {Role::kDown, ExpertCount::kNone, "layers.#.mlp.c_proj", ""},
};

}  // namespace starcoder2

extern const Architecture kStarCoder2 = {
    .name = "starcoder2",
    .hf = starcoder2::kNames,
    .hf_defaults = {.context = 4096, .eps = 1e-5, .tied_head = true, .kv_heads = 2},
    .names = starcoder2::kTensors,
    .read_hf = starcoder2::read_hf,
    .read_gguf = starcoder2::read_gguf};

}  // namespace ferrum
