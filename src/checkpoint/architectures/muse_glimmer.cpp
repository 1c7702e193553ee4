// Muse Glimmer (text): embeddings normalised without a weight, sandwich norms, a gate on the attention's
// output, no rotation on layers without a window. Folders store norms as the factor − 1, except the last.
#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace muse_glimmer {

using Role = TensorRole;

constexpr float kAfterEps = 1e-8F;
constexpr int kPeriod = 4;  // every fourth layer, counted from the last, sees everything

bool three_of_four(int layer) { return (layer + 1) % 4 != 0; }

// Layers rotate where layer_rope_theta is not 0; all by the base of rope_parameters, as in transformers.
void read_rotations(HfReader& in) {
  const auto thetas = in.config().find_numbers("layer_rope_theta");
  if (thetas) in.require_each_layer("layer_rope_theta", thetas->size());
  in.each_layer([&](int i, LayerDescription& layer) {
    const bool rotates =
        thetas ? (*thetas)[static_cast<size_t>(i)] != 0 : (in.depth() - 1 - i) % kPeriod != 0;
    layer.attention.rope = rotates ? LayerRope::kMain : LayerRope::kNone;
  });
}

void set_switches(ModelDescription& model) {
  model.embedding_norm = true;
  model.wiring.norm_after = true;
  model.wiring.after_eps = kAfterEps;
  for (LayerDescription& layer : model.layers) {
    layer.attention.gate = OutputGate::kSigmoid;
  }
}

void read_hf(HfReader& in) {
  in.head_norms(HeadNorm::kWeightless);
  in.placeholders({{"image_token_id", -1}, {"video_token_id", -1}}, 0);
  const int depth = in.depth();
  in.windows(2048, [depth](int i) { return (depth - 1 - i) % kPeriod != 0; });
  read_rotations(in);
  in.biases("attention_bias", false, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut});
  set_switches(in.model());
  ModelDescription& model = in.model();
  model.wiring.norm_plus_one = true;
  model.final_norm_plus_one = false;
  model.wiring.after_eps = in.number("post_norm_eps", kAfterEps);
  const float qk_scale = in.number("qk_scale_factor", 3.87);
  in.each_layer([&](int, LayerDescription& layer) { layer.attention.scale *= qk_scale; });
  model.logit_scale = in.number("output_multiplier", 0.19611613513818404);
  model.logit_cap = in.number("final_logit_softcapping", 20);
}

// The factor of q is in the weight of its norm.
void read_gguf(GgufReader& in) {
  in.head_norms(HeadNorm::kHead);
  in.windows(three_of_four);
  set_switches(in.model());
  in.each_layer([](int, LayerDescription& layer) {
    if (layer.attention.window == 0) layer.attention.rope = LayerRope::kNone;
  });
  in.model().logit_scale = in.number("logit_scale").value_or(1);
  in.model().logit_cap = in.number("final_logit_softcapping").value_or(0);
}

constexpr HfName kNames[] = {{"muse_glimmer_text", "MuseGlimmerForCausalLM"},
                             {"muse_glimmer", "MuseGlimmerForConditionalGeneration"}};
constexpr TensorNames kTensors[] = {
    {Role::kAfterAttentionNorm, ExpertCount::kNone, "layers.#.post_attention_layernorm", ""},
    {Role::kFfnNorm, ExpertCount::kNone, "layers.#.pre_feedforward_layernorm", ""},
};

}  // namespace muse_glimmer

extern const Architecture kMuseGlimmer = {
    .name = "muse-glimmer",
    .hf = muse_glimmer::kNames,
    .hf_defaults = {.head_dim = 128, .context = 131072, .eps = 1e-5, .kv_heads = 2},
    .names = muse_glimmer::kTensors,
    .gguf_interleaved = true,
    .read_hf = muse_glimmer::read_hf,
    .read_gguf = muse_glimmer::read_gguf};

}  // namespace ferrum
