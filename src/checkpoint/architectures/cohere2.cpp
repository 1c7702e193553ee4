// Cohere 2 (Command R7B and A): layer norm, attention and feed-forward in parallel, neighbours rotated on
// layers with a window and no rotation on the others.
#include <algorithm>

#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace {

using Role = TensorRole;

constexpr double kLogitScale = 0.0625;

void set_switches(ModelDescription& model, float logit_scale) {
  model.wiring.layer_norm = true;
  model.wiring.parallel = true;
  model.logit_scale = logit_scale;
  model.rope.interleaved = model.window_rope.interleaved = true;
  for (LayerDescription& layer : model.layers)
    if (layer.attention.window == 0) layer.attention.rope = LayerRope::kNone;
}

void read_hf(HfReader& in) {
  const int period = std::max(1, in.integer("sliding_window_pattern", 4));
  in.windows(4096, [period](int layer) { return (layer + 1) % period != 0; });
  in.biases("attention_bias", false, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut});
  set_switches(in.model(), in.number("logit_scale", kLogitScale));
}

void read_gguf(GgufReader& in) {
  in.windows([](int layer) { return (layer + 1) % 4 != 0; });
  set_switches(in.model(), in.number("logit_scale").value_or(kLogitScale));
}

constexpr HfName kNames[] = {{"cohere2", "Cohere2ForCausalLM"}};

}  // namespace

extern const Architecture kCohere2 = {.name = "cohere2",
                                      .hf = kNames,
                                      .hf_defaults = {.context = 8192, .eps = 1e-5, .tied_head = true},
                                      .gguf_interleaved = true,
                                      .hf_interleaved = true,
                                      .read_hf = read_hf,
                                      .read_gguf = read_gguf};

}  // namespace ferrum
