// Granite 3 and 4, dense and with experts: embeddings, scores, residual and logits are scaled.
#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace granite {

using Role = TensorRole;

struct Scales {
  float embedding, attention, residual, logit_divisor;
};

void set_scales(ModelDescription& model, const Scales& scales) {
  model.embedding_scale = scales.embedding;
  model.scales_vectors = true;
  model.wiring.residual_scale = scales.residual;
  model.logit_scale = 1 / scales.logit_divisor;
  for (LayerDescription& layer : model.layers) layer.attention.scale = scales.attention;
}

void read_dense(HfReader& in) {
  set_scales(in.model(), {in.number("embedding_multiplier", 1), in.number("attention_multiplier", 1),
                          in.number("residual_multiplier", 1), in.number("logits_scaling", 1)});
  in.biases("attention_bias", false, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut});
  in.biases("mlp_bias", false, {Role::kGate, Role::kUp, Role::kDown});
}

void read_moe(HfReader& in) {
  read_dense(in);
  in.experts(std::vector<bool>(static_cast<size_t>(in.depth()), true), false);
  in.model().routing.score = RoutingDescription::Score::kSoftmaxOfChosen;
}

void read_gguf(GgufReader& in) {
  const float attention = in.number("attention.scale").value_or(in.model().layers.front().attention.scale);
  set_scales(in.model(), {in.number("embedding_scale").value_or(1), attention,
                          in.number("residual_scale").value_or(1), in.number("logit_scale").value_or(1)});
  in.experts(false, RoutingDescription::Score::kSoftmaxOfChosen);
}

constexpr HfName kDenseNames[] = {{"granite", "GraniteForCausalLM"}};
constexpr HfName kMoeNames[] = {{"granitemoe", "GraniteMoeForCausalLM"},
                                {"granitemoeshared", "GraniteMoeSharedForCausalLM"}};
constexpr TensorNames kTensors[] = {
    {Role::kRouter, ExpertCount::kNone, "layers.#.block_sparse_moe.router.layer", ""},
    {Role::kExpertGateUp, ExpertCount::kAll, "layers.#.block_sparse_moe.input_linear", ""},
    {Role::kExpertDown, ExpertCount::kAll, "layers.#.block_sparse_moe.output_linear", ""},
    {Role::kSharedGateUp, ExpertCount::kNone, "layers.#.shared_mlp.input_linear", ""},
    {Role::kSharedDown, ExpertCount::kNone, "layers.#.shared_mlp.output_linear", ""},
};

}  // namespace granite

extern const Architecture kGranite = {.name = "granite",
                                      .hf = granite::kDenseNames,
                                      .gguf_interleaved = true,
                                      .read_hf = granite::read_dense,
                                      .read_gguf = granite::read_gguf};
extern const Architecture kGraniteMoe = {.name = "granitemoe",
                                         .hf = granite::kMoeNames,
                                         .hf_defaults = {.experts = 8, .top_k = 2},
                                         .names = granite::kTensors,
                                         .gguf_interleaved = true,
                                         .read_hf = granite::read_moe,
                                         .read_gguf = granite::read_gguf};

}  // namespace ferrum
