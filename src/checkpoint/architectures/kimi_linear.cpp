// Kimi Linear: most layers follow the gated delta rule with a rate of decay for each channel of a key, the
// others attend by latent vectors without rotation; experts chosen by the logistic function and a bias behind
// leading dense layers, and a shared expert.
#include <cmath>

#include "base/error.h"
#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace kimi_linear {

using Role = TensorRole;
using Score = RoutingDescription::Score;

constexpr float kLeastSum = 1e-20F;  // of the weights of a token's experts

void set_recurrent(LayerDescription& layer) {
  layer.mixer = Mixer::kDelta;
  layer.attention = {};
  layer.attention.rope = LayerRope::kNone;
}

void set_latent(AttentionDescription& a, int plain_dim) {
  a.kv_heads = 1;
  a.head_dim = plain_dim + a.rope_dim;
  a.rope = LayerRope::kNone;
  a.scale = 1 / std::sqrt(static_cast<float>(std::max(a.head_dim, 1)));
}

DeltaDescription delta_of(int heads, int dim, int kernel) {
  return {.key_heads = heads,
          .value_heads = heads,
          .key_dim = dim,
          .value_dim = dim,
          .kernel = kernel,
          .by_channel = true,
          .rank = dim};
}

// Layers that attend, counted from 1 in linear_attn_config; else by layer_types; else one in four.
std::vector<bool> attending(const HfReader& in) {
  std::vector<bool> attends = in.kinds("layer_types", "linear_attention", "full_attention");
  if (!attends.empty()) return attends;
  const auto nested = in.config().find("linear_attn_config");
  const auto full = nested ? nested->find_integers("full_attn_layers") : std::nullopt;
  for (int i = 0; i < in.depth(); ++i) attends.push_back(!full && i > 0 && i % 4 == 0);
  if (!full) return attends;
  for (const int layer : *full) {
    if (layer < 1 || layer > in.depth())
      fail(ErrorCode::kBadConfig, "{} has {}, but layers are 1 to {}", nested->place("full_attn_layers"),
           layer, in.depth());
    attends[static_cast<size_t>(layer) - 1] = true;
  }
  return attends;
}

void read_hf(HfReader& in) {
  ModelDescription& model = in.model();
  in.require_activation(ActivationFunction::kSilu);
  model.context = in.integer("model_max_length", model.context);
  const auto nested = in.config().find("linear_attn_config");
  const auto number = [&](const char* inner, const char* outer, int usual) {
    const auto own = nested ? nested->find_integer(inner) : std::nullopt;
    return own ? *own : in.integer(outer, usual);
  };
  model.delta =
      delta_of(number("num_heads", "linear_num_heads", 32), number("head_dim", "linear_head_dim", 128),
               number("short_conv_kernel_size", "linear_conv_kernel_dim", 4));
  model.delta.decay_is_log = true;
  const std::vector<bool> attends = attending(in);
  in.each_layer([&](int i, LayerDescription& layer) {
    if (!attends[static_cast<size_t>(i)]) return set_recurrent(layer);
    AttentionDescription& a = layer.attention;
    a.value_dim = in.integer("v_head_dim", 128);
    a.latent = in.integer("kv_lora_rank", 512);
    a.query_latent = in.integer("q_lora_rank", 0);
    a.rope_dim = in.integer("qk_rope_head_dim", 64);
    set_latent(a, in.integer("qk_nope_head_dim", 128));
  });
  model.rope.rotary_dim = in.integer("qk_rope_head_dim", 64);
  in.biases("attention_bias", false, {Role::kLatent, Role::kQueryDown});
  const int dense = in.integer("first_k_dense_replace", 1);
  in.experts(in.sparse_layers([&](int i) { return i >= dense; }), true);
  RoutingDescription& r = model.routing;
  r.score = Score::kSigmoid;
  r.selection_bias = true;
  if (r.renormalize) r.floor = kLeastSum;
}

void read_gguf(GgufReader& in) {
  ModelDescription& model = in.model();
  const auto number = [&](const char* key) { return in.integer(key).value_or(0); };
  const int heads = model.layers.front().attention.q_heads;
  model.delta = delta_of(heads, number("kda.head_dim"), number("ssm.conv_kernel"));
  in.each_layer([&](int i, LayerDescription& layer) {
    AttentionDescription& a = layer.attention;
    if (a.kv_heads == 0) return set_recurrent(layer);
    a.latent = number("attention.kv_lora_rank");
    a.query_latent = in.has_tensor({Role::kQuery, i}) ? 0 : number("attention.q_lora_rank");
    a.value_dim = in.integer("attention.value_length_mla").value_or(a.value_dim);
    a.rope_dim = model.rope.rotary_dim;
    set_latent(a, in.integer("attention.key_length_mla").value_or(a.head_dim) - a.rope_dim);
  });
  in.experts(true, Score::kSigmoid);
  if (model.routing.renormalize) model.routing.floor = kLeastSum;
}

constexpr HfName kNames[] = {{"kimi_linear", "KimiLinearForCausalLM"}};
constexpr TensorNames kTensors[] = {
    {Role::kQueryConvolution, ExpertCount::kNone, "layers.#.self_attn.q_conv1d", "blk.#.ssm_conv1d_q"},
    {Role::kKeyConvolution, ExpertCount::kNone, "layers.#.self_attn.k_conv1d", "blk.#.ssm_conv1d_k"},
    {Role::kValueConvolution, ExpertCount::kNone, "layers.#.self_attn.v_conv1d", "blk.#.ssm_conv1d_v"},
    {Role::kMixerGateDown, ExpertCount::kNone, "layers.#.self_attn.g_a_proj", "blk.#.ssm_g_a"},
    {Role::kMixerGateUp, ExpertCount::kNone, "layers.#.self_attn.g_b_proj", "blk.#.ssm_g_b"},
    {Role::kAlphaDown, ExpertCount::kNone, "layers.#.self_attn.f_a_proj", "blk.#.ssm_f_a"},
    {Role::kAlphaUp, ExpertCount::kNone, "layers.#.self_attn.f_b_proj", "blk.#.ssm_f_b"},
    // As transformers names its modules, and so adapters.
    {Role::kAlphaDown, ExpertCount::kNone, "layers.#.self_attn.forget_gate.f_a_proj", ""},
    {Role::kAlphaUp, ExpertCount::kNone, "layers.#.self_attn.forget_gate.f_b_proj", ""},
    {Role::kBeta, ExpertCount::kNone, "layers.#.self_attn.b_proj", "blk.#.ssm_beta"},
    {Role::kDecay, ExpertCount::kNone, "layers.#.self_attn.A_log!", "blk.#.ssm_a!"},
    {Role::kStepBias, ExpertCount::kNone, "layers.#.self_attn.dt_bias!", "blk.#.ssm_dt.bias!"},
    {Role::kMixerNorm, ExpertCount::kNone, "layers.#.self_attn.o_norm", "blk.#.ssm_norm"},
    {Role::kGate, ExpertCount::kNone, "layers.#.mlp.gate_proj", ""},
    {Role::kUp, ExpertCount::kNone, "layers.#.mlp.up_proj", ""},
    {Role::kDown, ExpertCount::kNone, "layers.#.mlp.down_proj", ""},
    {Role::kGate, ExpertCount::kNone, "layers.#.block_sparse_moe.gate_proj", ""},
    {Role::kUp, ExpertCount::kNone, "layers.#.block_sparse_moe.up_proj", ""},
    {Role::kDown, ExpertCount::kNone, "layers.#.block_sparse_moe.down_proj", ""},
    {Role::kSelectionBias, ExpertCount::kNone, "layers.#.block_sparse_moe.gate.e_score_correction_bias!", ""},
    {Role::kSharedGate, ExpertCount::kNone, "layers.#.block_sparse_moe.shared_experts.gate_proj", ""},
    {Role::kSharedUp, ExpertCount::kNone, "layers.#.block_sparse_moe.shared_experts.up_proj", ""},
    {Role::kSharedDown, ExpertCount::kNone, "layers.#.block_sparse_moe.shared_experts.down_proj", ""},
    {Role::kSharedGate, ExpertCount::kNone, "layers.#.mlp.shared_experts.gate_proj", ""},
    {Role::kSharedUp, ExpertCount::kNone, "layers.#.mlp.shared_experts.up_proj", ""},
    {Role::kSharedDown, ExpertCount::kNone, "layers.#.mlp.shared_experts.down_proj", ""},
};

}  // namespace kimi_linear

extern const Architecture kKimiLinear = {.name = "kimi-linear",
                                         .hf = kimi_linear::kNames,
                                         .hf_defaults = {.head_dim = 64,
                                                         .context = 1048576,
                                                         .eps = 1e-5,
                                                         .experts = 256,
                                                         .top_k = 8,
                                                         .expert_width = 1024,
                                                         .shared_experts = 1,
                                                         .expert_scale = 2.446},
                                         .names = kimi_linear::kTensors,
                                         .read_hf = kimi_linear::read_hf,
                                         .read_gguf = kimi_linear::read_gguf};

}  // namespace ferrum
