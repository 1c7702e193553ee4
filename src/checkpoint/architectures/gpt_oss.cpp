// gpt-oss: biases everywhere, attention sinks, windows on every other layer, clamped SwiGLU, YaRN.
//
// Folders store the experts' gate and up interleaved, as [experts, hidden, 2 × width] in float or as
// [experts, 2 × width, hidden] in MXFP4: gate is 0, 2, 4, …, up is 1, 3, 5, ….
#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/row_views.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace gpt_oss {

using Role = TensorRole;

constexpr int kWindow = 128;

bool every_other(int layer) { return layer % 2 == 0; }

void set_switches(ModelDescription& model, float limit, float alpha) {
  model.activation = ActivationFunction::kClampedSilu;
  model.activation_limit = limit;
  model.activation_alpha = alpha;
  model.routing.score = RoutingDescription::Score::kSoftmaxOfChosen;
  model.biased = {Role::kRouter, Role::kExpertUp, Role::kExpertGate, Role::kExpertDown};
  for (LayerDescription& layer : model.layers) layer.attention.sinks = true;
}

void read_hf(HfReader& in) {
  in.windows(kWindow, every_other);
  in.experts(std::vector<bool>(static_cast<size_t>(in.depth()), true), false);
  set_switches(in.model(), in.number("swiglu_limit", 7), in.number("swiglu_alpha", 1.702));
  in.biases("attention_bias", true, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut});
}

void read_gguf(GgufReader& in) {
  in.windows(every_other);
  in.experts(false, RoutingDescription::Score::kSoftmaxOfChosen);
  set_switches(in.model(), 7, 1.702F);
}

void adapt_hf(std::vector<HostTensor>& tensors, const ModelDescription&) {
  for (HostTensor& tensor : tensors) {
    if (tensor.name.ends_with(".mlp.experts.gate_up_proj_bias"))
      tensor = even_then_odd_columns(tensor);
    else if (tensor.name.ends_with(".mlp.experts.gate_up_proj"))
      tensor = even_then_odd_rows(is_float(tensor.format) ? transposed(tensor) : tensor);
    else if (tensor.name.ends_with(".mlp.experts.down_proj") && is_float(tensor.format))
      tensor = transposed(tensor);
  }
}

constexpr HfName kNames[] = {{"gpt_oss", "GptOssForCausalLM"}};
constexpr TensorNames kTensors[] = {
    {Role::kRouter, ExpertCount::kNone, "layers.#.mlp.router", ""},
    {Role::kFfnNorm, ExpertCount::kNone, "", "blk.#.post_attention_norm"},
};

}  // namespace gpt_oss

extern const Architecture kGptOss = {
    .name = "gpt-oss",
    .hf = gpt_oss::kNames,
    .hf_defaults = {.head_dim = 64,
                    .context = 131072,
                    .eps = 1e-5,
                    .theta = 150000,
                    .kv_heads = 8,
                    .experts = 128,
                    .top_k = 4,
                    .rope = R"({"rope_type": "yarn", "factor": 32, "beta_fast": 32, "beta_slow": 1,
                               "truncate": false, "original_max_position_embeddings": 4096})"},
    .names = gpt_oss::kTensors,
    .read_hf = gpt_oss::read_hf,
    .read_gguf = gpt_oss::read_gguf,
    .adapt_hf = gpt_oss::adapt_hf};

}  // namespace ferrum
