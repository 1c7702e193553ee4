// Cohere (Command R, Aya): layer norm, attention and feed-forward in parallel, neighbours rotated. Cohere 2
// (Command R7B and A): windows on three of four layers, and no rotation on the others.
#include <algorithm>

#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace cohere2 {

using Role = TensorRole;

constexpr double kLogitScale = 0.0625;

void set_common(ModelDescription& model, float logit_scale) {
  model.wiring.layer_norm = true;
  model.wiring.parallel = true;
  model.logit_scale = logit_scale;
  model.rope.interleaved = model.window_rope.interleaved = true;
}

void set_switches(ModelDescription& model, float logit_scale) {
  set_common(model, logit_scale);
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

void read_first(HfReader& in) {
  in.refuse_true("use_qk_norm", "runs Cohere's first models without norms of heads");
  in.biases("attention_bias", false, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut});
  set_common(in.model(), in.number("logit_scale", kLogitScale));
}

void read_first_gguf(GgufReader& in) {
  set_common(in.model(), in.number("logit_scale").value_or(kLogitScale));
}

constexpr HfName kFirstNames[] = {{"cohere", "CohereForCausalLM"}};
constexpr HfName kNames[] = {{"cohere2", "Cohere2ForCausalLM"}};

}  // namespace cohere2

extern const Architecture kCohere = {
    .name = "command-r",
    .hf = cohere2::kFirstNames,
    .hf_defaults = {.context = 8192, .eps = 1e-5, .theta = 500000, .tied_head = true},
    .gguf_interleaved = true,
    .hf_interleaved = true,
    .read_hf = cohere2::read_first,
    .read_gguf = cohere2::read_first_gguf};
extern const Architecture kCohere2 = {.name = "cohere2",
                                      .hf = cohere2::kNames,
                                      .hf_defaults = {.context = 8192, .eps = 1e-5, .tied_head = true},
                                      .gguf_interleaved = true,
                                      .hf_interleaved = true,
                                      .read_hf = cohere2::read_hf,
                                      .read_gguf = cohere2::read_gguf};

}  // namespace ferrum
