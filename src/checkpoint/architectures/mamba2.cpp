// Mamba-2, Mamba-Codestral: every layer is a state space with a norm before it; nothing attends and nothing
// feeds forward.
#include <limits>

#include "checkpoint/architectures/state_spaces.h"

namespace ferrum {
namespace mamba2 {

using Role = TensorRole;

void set_layers(ModelDescription& model) {
  for (LayerDescription& layer : model.layers) {
    layer.stop_attending();
    layer.mixer = Mixer::kStateSpace;
    layer.feeds_forward = false;
    layer.feed_forward = {};
  }
}

// There are no heads of attention, and there is no inner layer.
void respell(Json& config) {
  for (const char* field : {"num_attention_heads", "intermediate_size"})
    if (!config.contains(field)) config[field] = 1;
}

void read_hf(HfReader& in) {
  in.require_activation(ActivationFunction::kSilu);
  ModelDescription& model = in.model();
  const StepLimits limits = step_limits(in, "time_step_limit", {0, std::numeric_limits<float>::infinity()});
  model.state_space = {.heads = in.integer("num_heads", 128),
                       .head_dim = in.integer("head_dim", 64),
                       .groups = in.integer("n_groups", 8),
                       .state_dim = in.integer("state_size", 128),
                       .kernel = in.integer("conv_kernel", 4),
                       .step_min = limits.least,
                       .step_max = limits.most,
                       .decay_is_log = true};
  in.biases("use_bias", false, {Role::kMixerIn, Role::kMixerOut});
  in.biases("use_conv_bias", true, {Role::kConvolution});
  set_layers(model);
}

void read_gguf(GgufReader& in) {
  in.model().state_space = read_ssm(in);
  set_layers(in.model());
}

constexpr HfName kNames[] = {{"mamba2", "Mamba2ForCausalLM"}};
constexpr TensorNames kTensors[] = {
    {Role::kEmbedding, ExpertCount::kNone, "embeddings", ""},
    {Role::kFinalNorm, ExpertCount::kNone, "norm_f", ""},
    {Role::kAttentionNorm, ExpertCount::kNone, "layers.#.norm", ""},
    {Role::kMixerIn, ExpertCount::kNone, "layers.#.mixer.in_proj", "blk.#.ssm_in"},
    {Role::kConvolution, ExpertCount::kNone, "layers.#.mixer.conv1d", "blk.#.ssm_conv1d"},
    {Role::kDecay, ExpertCount::kNone, "layers.#.mixer.A_log!", "blk.#.ssm_a!"},
    {Role::kStepBias, ExpertCount::kNone, "layers.#.mixer.dt_bias!", "blk.#.ssm_dt.bias!"},
    {Role::kSkip, ExpertCount::kNone, "layers.#.mixer.D!", "blk.#.ssm_d!"},
    {Role::kMixerNorm, ExpertCount::kNone, "layers.#.mixer.norm", "blk.#.ssm_norm"},
    {Role::kMixerOut, ExpertCount::kNone, "layers.#.mixer.out_proj", "blk.#.ssm_out"},
};

}  // namespace mamba2

extern const Architecture kMamba2 = {.name = "mamba2",
                                     .hf = mamba2::kNames,
                                     .hf_defaults = {.context = 1 << 20, .eps = 1e-5, .vocab = 32768},
                                     .names = mamba2::kTensors,
                                     .read_hf = mamba2::read_hf,
                                     .read_gguf = mamba2::read_gguf,
                                     .respell_hf = mamba2::respell};

}  // namespace ferrum
