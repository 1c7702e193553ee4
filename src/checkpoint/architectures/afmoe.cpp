// AFMoE (Trinity): sandwich norms, a gate on the attention's output, no rotation on layers without a window,
// experts chosen by the logistic function, a shared expert.
#include <algorithm>
#include <cmath>

#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace afmoe {

using Role = TensorRole;
using Score = RoutingDescription::Score;

void set_switches(ModelDescription& model) {
  model.wiring.norm_after = true;
  for (LayerDescription& layer : model.layers) {
    layer.attention.gate = OutputGate::kSigmoid;
    if (layer.attention.window == 0) layer.attention.rope = LayerRope::kNone;
  }
}

void scale_embeddings(ModelDescription& model) {
  model.embedding_scale = std::sqrt(static_cast<float>(model.hidden));
  model.scales_vectors = true;
}

void read_hf(HfReader& in) {
  in.head_norms(HeadNorm::kHead);
  in.biases("attention_bias", false, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut});
  const int period = std::max(1, in.integer("global_attn_every_n_layers", 4));
  in.windows(1024, [period](int layer) { return (layer + 1) % period != 0; });
  set_switches(in.model());
  if (in.boolean("mup_enabled", false)) scale_embeddings(in.model());
  const int dense = in.integer("num_dense_layers", 1);
  in.experts(in.sparse_layers([dense](int i) { return i >= dense; }), true);
  in.model().routing.renormalize = true;
  in.model().routing.score = Score::kSigmoid;
  in.model().routing.selection_bias = true;
}

void read_gguf(GgufReader& in) {
  in.head_norms(HeadNorm::kHead);
  in.windows([](int layer) { return (layer + 1) % 4 != 0; });
  set_switches(in.model());
  scale_embeddings(in.model());
  in.experts(true, Score::kSigmoid);
}

constexpr HfName kNames[] = {{"afmoe", "AfmoeForCausalLM"}};
constexpr TensorNames kTensors[] = {
    {Role::kAfterAttentionNorm, ExpertCount::kNone, "layers.#.post_attention_layernorm", ""},
    {Role::kFfnNorm, ExpertCount::kNone, "layers.#.pre_mlp_layernorm", ""},
    {Role::kAfterFfnNorm, ExpertCount::kNone, "layers.#.post_mlp_layernorm", ""},
};

}  // namespace afmoe

extern const Architecture kAfmoe = {.name = "afmoe",
                                    .hf = afmoe::kNames,
                                    .hf_defaults = {.head_dim = 128,
                                                    .context = 16384,
                                                    .eps = 1e-5,
                                                    .experts = 64,
                                                    .top_k = 6,
                                                    .expert_width = 1408,
                                                    .shared_experts = 2},
                                    .names = afmoe::kTensors,
                                    .read_hf = afmoe::read_hf,
                                    .read_gguf = afmoe::read_gguf};

}  // namespace ferrum
