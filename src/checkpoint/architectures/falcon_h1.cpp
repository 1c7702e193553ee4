// Falcon-H1: attention and Mamba-2 side by side in every layer, and a factor behind nearly every product.
// GGUF files have the factors in their weights.
#include "base/error.h"
#include "checkpoint/architectures/state_spaces.h"

namespace ferrum {
namespace falcon_h1 {

using Role = TensorRole;

void set_layers(ModelDescription& model) {
  for (LayerDescription& layer : model.layers) layer.mixer = Mixer::kStateSpace;
}

// As many numbers as there are in `factors`, which stay where the file is silent.
template <size_t kCount>
void read_factors(const HfReader& in, std::string_view key, std::array<float, kCount>& factors) {
  const auto values = in.config().find_numbers(key);
  if (!values) return;
  if (values->size() != kCount)
    fail(ErrorCode::kBadConfig, "{} has {} numbers, but there must be {}", in.config().place(key),
         values->size(), kCount);
  std::ranges::copy(*values, factors.begin());
}

void read_state_space(HfReader& in) {
  ModelDescription& model = in.model();
  // Null, unlike absent, means a width by mamba_expand.
  const bool expands = in.config().contains("mamba_d_ssm") && !in.config().find("mamba_d_ssm");
  const int width = expands ? in.integer("mamba_expand", 2) * model.hidden : in.integer("mamba_d_ssm", 1024);
  StateSpaceDescription& s = model.state_space = read_mamba(in, width);
  s.normed = in.boolean("mamba_rms_norm", false);
  s.norm_first = s.normed && in.boolean("mamba_norm_before_gate", true);
  s.in_scale = in.number("ssm_in_multiplier", 1);
  s.out_scale = in.number("ssm_out_multiplier", 1);
  read_factors(in, "ssm_multipliers", s.scales);
  in.biases("mamba_proj_bias", false, {Role::kMixerIn});
  in.biases("projectors_bias", false, {Role::kMixerOut});
}

void read_hf(HfReader& in) {
  ModelDescription& model = in.model();
  in.require_activation(ActivationFunction::kSilu);
  set_layers(model);
  model.embedding_scale = in.number("embedding_multiplier", 1);
  model.logit_scale = in.number("lm_head_multiplier", 1);
  std::array<float, 2> factors = {1, 1};  // of the gate, and behind the feed-forward part
  read_factors(in, "mlp_multipliers", factors);
  if (factors[0] != 1) {
    model.activation = ActivationFunction::kScaledSilu;
    model.activation_alpha = factors[0];
  }
  in.each_layer([&](int, LayerDescription& layer) {
    layer.attention.scale *= in.number("key_multiplier", 1);
    layer.attention.in_scale = in.number("attention_in_multiplier", 1);
    layer.attention.out_scale = in.number("attention_out_multiplier", 1);
    layer.feed_forward.out_scale = factors[1];
  });
  read_state_space(in);
  in.biases("attention_bias", false, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut});
  in.biases("mlp_bias", false, {Role::kGate, Role::kUp, Role::kDown});
}

void read_gguf(GgufReader& in) {
  set_layers(in.model());
  in.model().state_space = read_ssm(in);
  in.model().state_space.normed = in.has_tensor({Role::kMixerNorm, 0});
}

constexpr HfName kNames[] = {{"falcon_h1", "FalconH1ForCausalLM"}};
constexpr auto kTensors = with_mamba_names({
    {Role::kFinalNorm, ExpertCount::kNone, "final_layernorm", ""},
    {Role::kFfnNorm, ExpertCount::kNone, "layers.#.pre_ff_layernorm", "blk.#.ffn_norm!"},
    {Role::kFfnNorm, ExpertCount::kNone, "", "blk.#.ffn_norm"},
    {Role::kGate, ExpertCount::kNone, "layers.#.feed_forward.gate_proj", ""},
    {Role::kUp, ExpertCount::kNone, "layers.#.feed_forward.up_proj", ""},
    {Role::kDown, ExpertCount::kNone, "layers.#.feed_forward.down_proj", ""},
});

}  // namespace falcon_h1

extern const Architecture kFalconH1 = {.name = "falcon-h1",
                                       .hf = falcon_h1::kNames,
                                       .hf_defaults = {.context = 8192, .eps = 1e-5, .kv_heads = 8},
                                       .names = falcon_h1::kTensors,
                                       .gguf_has_factors_in_weights = true,
                                       .read_hf = falcon_h1::read_hf,
                                       .read_gguf = falcon_h1::read_gguf};

}  // namespace ferrum
