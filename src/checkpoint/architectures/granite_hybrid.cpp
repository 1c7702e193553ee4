// Granite 4 H: layers of Mamba-2 or attention, with or without rotation, each with a dense feed-forward part
// or experts beside a shared one; Granite's scales. Bamba: the same layers without scales, dense, with half
// of each head rotated. GGUF has one architecture for both.
#include "base/error.h"
#include "checkpoint/architectures/state_spaces.h"

namespace ferrum {

extern const Architecture kAttendingGranite, kAttendingGraniteMoe;

namespace granite_hybrid {

using Role = TensorRole;
using Score = RoutingDescription::Score;

void set_layers(ModelDescription& model, const std::vector<bool>& attends) {
  for (size_t i = 0; i < model.layers.size(); ++i) {
    if (attends[i]) continue;
    model.layers[i].stop_attending();
    model.layers[i].mixer = Mixer::kStateSpace;
  }
}

void read_state_space(HfReader& in) {
  in.require_activation(ActivationFunction::kSilu);
  if (!in.model().has(Mixer::kStateSpace)) return;
  in.model().state_space = read_mamba(in, in.integer("mamba_expand", 2) * in.model().hidden);
  in.biases("mamba_proj_bias", false, {Role::kMixerIn, Role::kMixerOut});
}

void read_granite(HfReader& in) {
  ModelDescription& model = in.model();
  model.embedding_scale = in.number("embedding_multiplier", 1);
  model.scales_vectors = true;
  model.wiring.residual_scale = in.number("residual_multiplier", 1);
  model.logit_scale = 1 / in.number("logits_scaling", 1);
  const float scale = in.number("attention_multiplier", 1);
  const bool rotates = in.config().find_string("position_embedding_type") == "rope";
  const int dense = in.integer("shared_intermediate_size", 1024);
  in.each_layer([&](int, LayerDescription& layer) {
    layer.attention.scale = scale;
    if (!rotates) layer.attention.rope = LayerRope::kNone;
  });
  if (in.integer("num_local_experts", 8) > 0) {
    in.experts(std::vector<bool>(static_cast<size_t>(in.depth()), true), false);
    model.routing.score = Score::kSoftmaxOfChosen;
  }
  in.each_layer([&](int, LayerDescription& layer) {
    (layer.feed_forward.experts > 0 ? layer.feed_forward.shared_width : layer.feed_forward.width) = dense;
  });
  std::vector<bool> attends = attending_layers(in, {"layer_types", "layers_block_type"});
  if (attends.empty()) attends.assign(static_cast<size_t>(in.depth()), false);
  set_layers(model, attends);
  if (!model.has(Mixer::kStateSpace))
    model.architecture = model.experts() > 0 ? &kAttendingGraniteMoe : &kAttendingGranite;
  read_state_space(in);
  in.biases("attention_bias", false, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut});
}

void read_bamba(HfReader& in) {
  ModelDescription& model = in.model();
  const auto fields = in.rope_fields();
  const auto share = fields ? fields->find_number("partial_rotary_factor") : std::nullopt;
  model.rope.rotary_dim = static_cast<int>(model.first_attention().head_dim * share.value_or(0.5));
  std::vector<bool> attends(static_cast<size_t>(in.depth()));
  for (const int layer : in.config().find_integers("attn_layer_indices").value_or(std::vector<int>()))
    if (layer >= 0 && layer < in.depth()) attends[static_cast<size_t>(layer)] = true;
  set_layers(model, attends);
  read_state_space(in);
  in.biases("attention_bias", false, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut});
  in.biases("mlp_bias", false, {Role::kGate, Role::kUp, Role::kDown});
}

void read_gguf(GgufReader& in) {
  ModelDescription& model = in.model();
  model.embedding_scale = in.number("embedding_scale").value_or(1);
  model.scales_vectors = true;
  model.wiring.residual_scale = in.number("residual_scale").value_or(1);
  model.logit_scale = 1 / in.number("logit_scale").value_or(1);
  // A switch for the rotation as a whole, in spite of its name.
  const bool rotates = in.metadata()
                           .boolean(fmt::format("{}.rope.scaling.finetuned", model.architecture->gguf_name()))
                           .value_or(true);
  const auto scale = in.number("attention.scale");
  std::vector<bool> attends;
  in.each_layer([&](int i, LayerDescription& layer) {
    attends.push_back(layer.attention.kv_heads > 0);
    if (scale && *scale != 0) layer.attention.scale = *scale;
    if (!rotates) layer.attention.rope = LayerRope::kNone;
    if (const int64_t rows = in.tensor_rows({Role::kUp, i}); rows > 0 && rows < (1 << 28))
      layer.feed_forward.width = static_cast<int>(rows);
  });
  in.experts(false, Score::kSoftmaxOfChosen);
  set_layers(model, attends);
  if (model.has(Mixer::kStateSpace)) model.state_space = read_ssm(in);
}

// What is the shared expert's beside experts is the dense part's where there are none.
void adapt_granite(std::vector<HostTensor>& tensors, const ModelDescription& model) {
  if (model.experts() > 0) return;
  const auto rename = [](std::string& name, std::string_view from, std::string_view to) {
    if (const size_t at = name.find(from); at != std::string::npos) name.replace(at, from.size(), to);
  };
  for (HostTensor& tensor : tensors) {
    rename(tensor.name, ".shared_mlp.input_linear.", ".mlp.gate_up_proj.");
    rename(tensor.name, ".shared_mlp.output_linear.", ".mlp.down_proj.");
  }
}

constexpr HfName kGraniteNames[] = {{"granitemoehybrid", "GraniteMoeHybridForCausalLM"}};
constexpr auto kGraniteTensors = with_mamba_names({
    {Role::kRouter, ExpertCount::kNone, "layers.#.block_sparse_moe.router.layer", ""},
    {Role::kExpertGateUp, ExpertCount::kAll, "layers.#.block_sparse_moe.input_linear", ""},
    {Role::kExpertDown, ExpertCount::kAll, "layers.#.block_sparse_moe.output_linear", ""},
    {Role::kSharedGateUp, ExpertCount::kNone, "layers.#.shared_mlp.input_linear", ""},
    {Role::kSharedDown, ExpertCount::kNone, "layers.#.shared_mlp.output_linear", ""},
});
constexpr HfName kBambaNames[] = {{"bamba", "BambaForCausalLM"}};
constexpr auto kBambaTensors = with_mamba_names({
    {Role::kFinalNorm, ExpertCount::kNone, "final_layernorm", ""},
    {Role::kFfnNorm, ExpertCount::kNone, "layers.#.pre_ff_layernorm", ""},
    {Role::kGate, ExpertCount::kNone, "layers.#.feed_forward.gate_proj", ""},
    {Role::kUp, ExpertCount::kNone, "layers.#.feed_forward.up_proj", ""},
    {Role::kDown, ExpertCount::kNone, "layers.#.feed_forward.down_proj", ""},
});

}  // namespace granite_hybrid

extern const Architecture kGraniteHybrid = {.name = "granitehybrid",
                                            .hf = granite_hybrid::kGraniteNames,
                                            .hf_defaults = {.experts = 8, .top_k = 2},
                                            .names = granite_hybrid::kGraniteTensors,
                                            .gguf_interleaved = true,
                                            .gguf_switches_rotation = true,
                                            .read_hf = granite_hybrid::read_granite,
                                            .read_gguf = granite_hybrid::read_gguf,
                                            .adapt_hf = granite_hybrid::adapt_granite};
// Granite 4 without a Mamba-2 layer: folders call it a hybrid, GGUF does not.
extern const Architecture kAttendingGranite = {.name = "granite",
                                               .names = granite_hybrid::kGraniteTensors,
                                               .gguf_interleaved = true,
                                               .adapt_hf = granite_hybrid::adapt_granite};
extern const Architecture kAttendingGraniteMoe = {.name = "granitemoe",
                                                  .names = granite_hybrid::kGraniteTensors,
                                                  .gguf_interleaved = true,
                                                  .adapt_hf = granite_hybrid::adapt_granite};
extern const Architecture kBamba = {.name = "bamba",
                                    .hf = granite_hybrid::kBambaNames,
                                    .gguf = "granitehybrid",
                                    .hf_defaults = {.context = 262144, .eps = 1e-5, .kv_heads = 8},
                                    .names = granite_hybrid::kBambaTensors,
                                    .gguf_interleaved = true,
                                    .gguf_switches_rotation = true,
                                    .read_hf = granite_hybrid::read_bamba};

}  // namespace ferrum
