// Laguna: numbers of heads by layer, a softplus gate on the attention's output, windows with a rotation of
// their own, experts chosen by the logistic function.
#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace laguna {

using Role = TensorRole;
using Score = RoutingDescription::Score;

void set_gate(ModelDescription& model, bool per_head) {
  for (LayerDescription& layer : model.layers) {
    layer.attention.gate = OutputGate::kSoftplus;
    layer.attention.gate_per_head = per_head;
  }
}

// gating is true or "per-head", or else names a gate of each element.
bool is_per_head(const JsonView& in) {
  const auto gating = in.find("gating");
  if (!gating) return true;
  return gating->is_string() ? gating->string() == "per-head" : gating->boolean();
}

void read_heads(HfReader& in) {
  const auto heads = in.config().find_integers("num_attention_heads_per_layer");
  if (!heads) return;
  in.require_each_layer("num_attention_heads_per_layer", heads->size());
  in.each_layer(
      [&](int i, LayerDescription& layer) { layer.attention.q_heads = (*heads)[static_cast<size_t>(i)]; });
}

void read_hf(HfReader& in) {
  in.head_norms(HeadNorm::kHead);
  in.biases("attention_bias", false, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut});
  read_heads(in);
  set_gate(in.model(), is_per_head(in.config()));
  in.windows(512, [](int) { return false; });
  in.experts(in.sparse_layers([](int i) { return i > 0; }), true);
  in.each_layer([&](int, LayerDescription& layer) {
    FeedForwardDescription& f = layer.feed_forward;
    if (f.experts > 0 && f.shared_width == 0)
      f.shared_width = in.integer("shared_expert_intermediate_size", 512);
  });
  RoutingDescription& routing = in.model().routing;
  routing.renormalize = true;
  routing.score = Score::kSigmoid;
  routing.selection_bias = true;
  routing.logit_cap = in.number("moe_router_logit_softcapping", 0);
  in.refuse_true("moe_apply_router_weight_on_input", "weights the experts' outputs");
}

void read_gguf(GgufReader& in) {
  in.head_norms(HeadNorm::kHead);
  in.windows([](int layer) { return layer % 4 != 0; });
  set_gate(in.model(), in.tensor_rows({Role::kOutputGate, 0}) == in.model().layers.front().attention.q_heads);
  in.experts(true, Score::kSigmoid);
}

constexpr HfName kNames[] = {{"laguna", "LagunaForCausalLM"}};
constexpr TensorNames kTensors[] = {
    {Role::kOutputGate, ExpertCount::kNone, "layers.#.self_attn.g_proj", ""},
};

}  // namespace laguna

extern const Architecture kLaguna = {
    .name = "laguna",
    .hf = laguna::kNames,
    .hf_defaults = {.head_dim = 128,
                    .context = 131072,
                    .kv_heads = 8,
                    .experts = 256,
                    .top_k = 8,
                    .expert_width = 512,
                    .rope = R"({"full_attention": {"rope_theta": 500000, "partial_rotary_factor": 0.5},
                               "sliding_attention": {"rope_theta": 10000, "partial_rotary_factor": 1}})"},
    .names = laguna::kTensors,
    .read_hf = laguna::read_hf,
    .read_gguf = laguna::read_gguf};

}  // namespace ferrum
