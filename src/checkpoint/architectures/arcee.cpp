// Arcee: Llama with a squared ReLU and no gate.
#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace arcee {

using Role = TensorRole;

void read_hf(HfReader& in) {
  in.model().gated = false;
  if (!in.config().find("hidden_act")) in.model().activation = ActivationFunction::kReluSquared;
  in.biases("attention_bias", false, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut});
  in.biases("mlp_bias", false, {Role::kUp, Role::kDown});
}

void read_gguf(GgufReader& in) {
  in.model().gated = false;
  in.model().activation = ActivationFunction::kReluSquared;
}

constexpr HfName kNames[] = {{"arcee", "ArceeForCausalLM"}};

}  // namespace arcee

extern const Architecture kArcee = {.name = "arcee",
                                    .hf = arcee::kNames,
                                    .hf_defaults = {.context = 4096, .eps = 1e-5},
                                    .gguf_interleaved = true,
                                    .read_hf = arcee::read_hf,
                                    .read_gguf = arcee::read_gguf};

}  // namespace ferrum
