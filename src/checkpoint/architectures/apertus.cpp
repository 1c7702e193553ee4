// Apertus: norms of heads, a feed-forward layer without gate whose activation (xIELU) has learned numbers.
#include "base/error.h"
#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"
#include "checkpoint/tensor_table.h"

namespace ferrum {
namespace apertus {

using Role = TensorRole;

void set_switches(ModelDescription& model) {
  model.gated = false;
  model.activation = ActivationFunction::kXielu;
}

void read_hf(HfReader& in) {
  in.require_activation(ActivationFunction::kXielu);
  set_switches(in.model());
  in.head_norms(HeadNorm::kHead);
  in.biases("attention_bias", false, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut});
}

void finish_hf(ModelDescription& model, const TensorTable& tensors) {
  for (int i = 0; i < model.depth(); ++i) {
    FeedForwardDescription& f = model.layers[static_cast<size_t>(i)].feed_forward;
    const auto number = [&](Role role, float fallback) {
      const HostTensor* tensor = tensors.find({role, i});
      return tensor == nullptr ? fallback : decoded(*tensor).at(0);
    };
    f.xielu_positive = number(Role::kXieluPositive, 0);
    f.xielu_negative = number(Role::kXieluNegative, 0);
    f.xielu_beta = number(Role::kXieluBeta, 0.5F);
    f.xielu_limit = number(Role::kXieluLimit, -1e-6F);
  }
}

void read_gguf(GgufReader& in) {
  set_switches(in.model());
  in.head_norms(HeadNorm::kHead);
  const auto numbers = [&](const char* key) {
    const auto values = in.metadata().floats(key);
    if (!values || static_cast<int>(values->size()) < in.depth())
      fail(ErrorCode::kBadConfig, "{}: {} has {} entries, but there are {} layers", in.metadata().source(),
           key, values ? values->size() : 0, in.depth());
    return *values;
  };
  const auto positive = numbers("xielu.alpha_p"), negative = numbers("xielu.alpha_n");
  const auto beta = numbers("xielu.beta"), limit = numbers("xielu.eps");
  in.each_layer([&](int i, LayerDescription& layer) {
    const auto at = static_cast<size_t>(i);
    layer.feed_forward.xielu_positive = positive[at];
    layer.feed_forward.xielu_negative = negative[at];
    layer.feed_forward.xielu_beta = beta[at];
    layer.feed_forward.xielu_limit = limit[at];
  });
}

constexpr HfName kNames[] = {{"apertus", "ApertusForCausalLM"}};
constexpr TensorNames kTensors[] = {
    {Role::kAttentionNorm, ExpertCount::kNone, "layers.#.attention_layernorm", ""},
    {Role::kFfnNorm, ExpertCount::kNone, "layers.#.feedforward_layernorm", ""},
    {Role::kXieluPositive, ExpertCount::kNone, "layers.#.mlp.act_fn.alpha_p!", ""},
    {Role::kXieluNegative, ExpertCount::kNone, "layers.#.mlp.act_fn.alpha_n!", ""},
    {Role::kXieluBeta, ExpertCount::kNone, "layers.#.mlp.act_fn.beta!", ""},
    {Role::kXieluLimit, ExpertCount::kNone, "layers.#.mlp.act_fn.eps!", ""},
};

}  // namespace apertus

extern const Architecture kApertus = {
    .name = "apertus",
    .hf = apertus::kNames,
    .hf_defaults = {.context = 65536,
                    .eps = 1e-5,
                    .theta = 12000000,
                    .rope = R"({"rope_type": "llama3", "rope_theta": 12000000, "factor": 8,
                               "original_max_position_embeddings": 8192, "low_freq_factor": 1,
                               "high_freq_factor": 4})"},
    .names = apertus::kTensors,
    .read_hf = apertus::read_hf,
    .read_gguf = apertus::read_gguf,
    .finish_hf = apertus::finish_hf};

}  // namespace ferrum
