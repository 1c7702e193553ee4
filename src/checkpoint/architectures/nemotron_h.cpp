// Nemotron-H and Nemotron 3: each layer is one of Mamba-2, attention without rotation and a feed-forward
// part, with a norm before it. Feed-forward parts square a ReLU and have no gate; experts may work on a
// narrower, latent state, beside a shared expert that does not.
#include <algorithm>
#include <limits>

#include "base/error.h"
#include "checkpoint/architectures/state_spaces.h"

namespace ferrum {

extern const Architecture kNemotronHMoe;

namespace nemotron_h {

using Role = TensorRole;
using Score = RoutingDescription::Score;

// Of transformers' configuration class. GGUF has no key for it.
constexpr double kLeastStep = 0.001;

enum class Part : uint8_t { kStateSpace, kAttention, kDense, kExperts };

struct Word {
  std::string_view name;
  Part part;
};
constexpr Word kWords[] = {
    {"M", Part::kStateSpace}, {"mamba", Part::kStateSpace},    {"linear_attention", Part::kStateSpace},
    {"*", Part::kAttention},  {"attention", Part::kAttention}, {"full_attention", Part::kAttention},
    {"-", Part::kDense},      {"mlp", Part::kDense},           {"E", Part::kExperts},
    {"moe", Part::kExperts},
};

// A list of words, or one word with a letter for each layer.
std::vector<std::string> words_of(const HfReader& in, std::string& key) {
  for (const char* list : {"layers_block_type", "layer_types"}) {
    key = list;
    if (auto words = in.config().find_strings(key)) return *words;
  }
  key = "hybrid_override_pattern";
  std::vector<std::string> words;
  const std::string pattern = in.config().at(key).string();
  for (const char letter : pattern) words.emplace_back(1, letter);
  return words;
}

std::vector<Part> parts_of(const HfReader& in) {
  std::string key;
  const std::vector<std::string> words = words_of(in, key);
  in.require_each_layer(key, words.size());
  std::vector<Part> parts;
  for (const std::string& word : words) {
    const auto* const known = std::ranges::find(kWords, word, &Word::name);
    if (known == std::end(kWords))
      fail(ErrorCode::kUnsupported,
           "{} has {}; Ferrum runs 'mamba' (M), 'attention' (*), 'mlp' (-) and 'moe' (E)",
           in.config().place(key), in_quotes(word));
    parts.push_back(known->part);
  }
  return parts;
}

void set_common(ModelDescription& model) {
  model.gated = false;
  model.activation = ActivationFunction::kReluSquared;
}

void set_layer(LayerDescription& layer, Part part) {
  layer.feeds_forward = part == Part::kDense || part == Part::kExperts;
  layer.attention.rope = LayerRope::kNone;
  if (!layer.feeds_forward) layer.feed_forward = {};
  if (part == Part::kAttention) return;
  layer.stop_attending();
  layer.mixer = part == Part::kStateSpace ? Mixer::kStateSpace : Mixer::kNone;
}

// Which of two names a key has: some files have that of other families.
int either(const HfReader& in, std::string_view other, std::string_view own, int fallback) {
  return in.first_integer({other, own}).value_or(fallback);
}

void read_state_space(HfReader& in) {
  if (const auto activation = in.config().find_string("mamba_hidden_act");
      activation && *activation != "silu")
    fail(ErrorCode::kUnsupported, "{} is {}; Ferrum runs 'silu'", in.config().place("mamba_hidden_act"),
         in_quotes(*activation));
  in.model().state_space = {.heads = in.integer("mamba_num_heads", 128),
                            .head_dim = in.integer("mamba_head_dim", 64),
                            .groups = either(in, "mamba_n_groups", "n_groups", 8),
                            .state_dim = in.integer("ssm_state_size", 128),
                            .kernel = either(in, "mamba_d_conv", "conv_kernel", 4),
                            .step_min = in.number("mamba_dt_min", in.number("time_step_min", kLeastStep)),
                            .decay_is_log = true};
  in.biases("use_bias", false, {Role::kMixerIn, Role::kMixerOut});
  in.biases(in.config().contains("mamba_conv_bias") ? "mamba_conv_bias" : "use_conv_bias", true,
            {Role::kConvolution});
}

void read_experts(HfReader& in, const std::vector<Part>& parts) {
  ModelDescription& model = in.model();
  const int dense = in.integer("intermediate_size", 21504);
  std::vector<bool> layers;
  for (const Part part : parts) layers.push_back(part == Part::kExperts);
  in.experts(layers, true);
  model.routing.score = Score::kSigmoid;
  model.routing.selection_bias = true;
  model.routing.groups_used = in.integer("topk_group", 1);
  const int shared = in.integer("moe_shared_expert_intermediate_size", 7688);
  const int latent = in.integer("moe_latent_size", 0);
  in.each_layer([&](int i, LayerDescription& layer) {
    if (!layers[static_cast<size_t>(i)]) return;
    layer.feed_forward.shared_width = shared != 0 ? shared : dense;
    layer.feed_forward.latent_width = latent;
  });
}

void read_hf(HfReader& in) {
  ModelDescription& model = in.model();
  set_common(model);
  in.activation("mlp_hidden_act");
  const std::vector<Part> parts = parts_of(in);
  if (std::ranges::find(parts, Part::kExperts) != parts.end()) {
    model.architecture = &kNemotronHMoe;
    read_experts(in, parts);
  }
  in.each_layer([&](int i, LayerDescription& layer) { set_layer(layer, parts[static_cast<size_t>(i)]); });
  if (model.has(Mixer::kStateSpace)) read_state_space(in);
  in.biases(
      "mlp_bias", false,
      {Role::kUp, Role::kDown, Role::kSharedUp, Role::kSharedDown, Role::kExpertsDown, Role::kExpertsUp});
}

void read_gguf(GgufReader& in) {
  ModelDescription& model = in.model();
  set_common(model);
  in.experts(true, Score::kSigmoid);
  const int latent = in.integer("moe_latent_size").value_or(0);
  in.each_layer([&](int, LayerDescription& layer) {
    FeedForwardDescription& f = layer.feed_forward;
    if (f.experts > 0) f.latent_width = latent;
    const bool attends = layer.attention.kv_heads > 0;
    set_layer(layer, f.width > 0 ? Part::kDense : attends ? Part::kAttention : Part::kStateSpace);
  });
  if (!model.has(Mixer::kStateSpace)) return;
  model.state_space = read_ssm(in);
  model.state_space.step_min = kLeastStep;
}

constexpr HfName kNames[] = {{"nemotron_h", "NemotronHForCausalLM"}};
constexpr TensorNames kTensors[] = {
    {Role::kEmbedding, ExpertCount::kNone, "embeddings", ""},
    {Role::kFinalNorm, ExpertCount::kNone, "norm_f", ""},
    {Role::kAttentionNorm, ExpertCount::kNone, "layers.#.norm", ""},
    {Role::kQuery, ExpertCount::kNone, "layers.#.mixer.q_proj", ""},
    {Role::kKey, ExpertCount::kNone, "layers.#.mixer.k_proj", ""},
    {Role::kValue, ExpertCount::kNone, "layers.#.mixer.v_proj", ""},
    {Role::kAttentionOut, ExpertCount::kNone, "layers.#.mixer.o_proj", ""},
    {Role::kUp, ExpertCount::kNone, "layers.#.mixer.up_proj", ""},
    {Role::kDown, ExpertCount::kNone, "layers.#.mixer.down_proj", ""},
    {Role::kRouter, ExpertCount::kNone, "layers.#.mixer.gate", ""},
    {Role::kSelectionBias, ExpertCount::kNone, "layers.#.mixer.gate.e_score_correction_bias!", ""},
    {Role::kExpertUp, ExpertCount::kOne, "layers.#.mixer.experts.#.up_proj", ""},
    {Role::kExpertDown, ExpertCount::kOne, "layers.#.mixer.experts.#.down_proj", ""},
    {Role::kExpertUp, ExpertCount::kAll, "layers.#.mixer.experts.up_proj*", ""},
    {Role::kExpertDown, ExpertCount::kAll, "layers.#.mixer.experts.down_proj*", ""},
    {Role::kSharedUp, ExpertCount::kNone, "layers.#.mixer.shared_experts.up_proj", ""},
    {Role::kSharedDown, ExpertCount::kNone, "layers.#.mixer.shared_experts.down_proj", ""},
    {Role::kExpertsDown, ExpertCount::kNone, "layers.#.mixer.fc1_latent_proj", ""},
    {Role::kExpertsUp, ExpertCount::kNone, "layers.#.mixer.fc2_latent_proj", ""},
    {Role::kMixerIn, ExpertCount::kNone, "layers.#.mixer.in_proj", "blk.#.ssm_in"},
    {Role::kConvolution, ExpertCount::kNone, "layers.#.mixer.conv1d", "blk.#.ssm_conv1d"},
    {Role::kDecay, ExpertCount::kNone, "layers.#.mixer.A_log!", "blk.#.ssm_a!"},
    {Role::kStepBias, ExpertCount::kNone, "layers.#.mixer.dt_bias!", "blk.#.ssm_dt.bias!"},
    {Role::kSkip, ExpertCount::kNone, "layers.#.mixer.D!", "blk.#.ssm_d!"},
    {Role::kMixerNorm, ExpertCount::kNone, "layers.#.mixer.norm", "blk.#.ssm_norm"},
    {Role::kMixerOut, ExpertCount::kNone, "layers.#.mixer.out_proj", "blk.#.ssm_out"},
};
constexpr std::string_view kIgnored[] = {"mtp.", ".nextn."};
constexpr HfDefaults kDefaults = {.head_dim = 128,
                                  .context = 4096,
                                  .eps = 1e-5,
                                  .kv_heads = 8,
                                  .experts = 8,
                                  .top_k = 2,
                                  .expert_width = 7688};

}  // namespace nemotron_h

extern const Architecture kNemotronH = {.name = "nemotron_h",
                                        .hf = nemotron_h::kNames,
                                        .hf_defaults = nemotron_h::kDefaults,
                                        .names = nemotron_h::kTensors,
                                        .read_hf = nemotron_h::read_hf,
                                        .read_gguf = nemotron_h::read_gguf,
                                        .ignored = nemotron_h::kIgnored};
extern const Architecture kNemotronHMoe = {.name = "nemotron_h_moe",
                                           .hf_defaults = nemotron_h::kDefaults,
                                           .names = nemotron_h::kTensors,
                                           .read_gguf = nemotron_h::read_gguf,
                                           .ignored = nemotron_h::kIgnored};

}  // namespace ferrum
