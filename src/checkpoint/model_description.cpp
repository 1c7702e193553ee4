#include "checkpoint/model_description.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "base/check.h"
#include "base/error.h"

namespace ferrum {
namespace {

// Far past every model there is, and small enough that products of two stay in 64 bits and sizes of one
// in 32.
constexpr int kMaxLayers = 1024;
constexpr int kMaxWidth = 1 << 20;
constexpr int kMaxVocabulary = 1 << 24;
constexpr int kMaxHeads = 4096;
constexpr int kMaxHeadSize = 1024;
constexpr int kMaxContext = 1 << 28;
constexpr int kMaxExperts = 4096;
constexpr int kMaxKernel = 16;

// Names fields as config.json and GGUF metadata call them: "hidden_size / embedding_length".
class Validator {
 public:
  Validator(const ModelDescription& model, const std::string& source) : m_(model), source_(source) {}

  void run() const {
    sizes();
    for (const LayerDescription& layer : m_.layers) {
      if (layer.attends()) heads(layer.attention);
      if (layer.feeds_forward) feed_forward(layer.feed_forward);
    }
    if (m_.has(Mixer::kDelta)) delta(m_.delta);
    if (m_.has(Mixer::kConvolution)) convolution(m_.convolution);
    if (m_.has(Mixer::kStateSpace)) state_space(m_.state_space);
    if (uses(LayerRope::kMain)) rope(m_.rope, LayerRope::kMain);
    if (uses(LayerRope::kWindow)) rope(m_.window_rope, LayerRope::kWindow);
    routing();
    scalars();
  }

 private:
  void sizes() const {
    in_range("num_hidden_layers / block_count", m_.depth(), 1, kMaxLayers);
    in_range("hidden_size / embedding_length", m_.hidden, 1, kMaxWidth);
    in_range("vocab_size", m_.vocab, 1, kMaxVocabulary);
    in_range("max_position_embeddings / context_length", m_.context, 1, kMaxContext);
    in_range("n_positions / context_length", m_.positions, 0, kMaxContext);
    in_range("hidden_size_per_layer_input", m_.per_layer_width, 0, kMaxHeadSize);
    if (m_.per_layer_width > 0)
      in_range("vocab_size_per_layer_input", m_.per_layer_vocab, m_.vocab, kMaxVocabulary);
    if (m_.encoder) {
      in_range("type_vocab_size / token_type_count", m_.encoder->types, 0, kMaxWidth);
      in_range("max_position_embeddings / context_length", m_.encoder->positions, 0, kMaxContext);
    }
    text_head(m_.text_head);
    between("rms_norm_eps / layer_norm_rms_epsilon", m_.wiring.eps, 0, 1);
  }

  void text_head(const TextHeadDescription& head) const {
    int64_t width = int64_t{m_.hidden} * static_cast<int64_t>(head.pooling.size());
    for (const TextLayer& layer : head.layers) {
      in_range("the width of what is made of a text", layer.out, 1, kMaxWidth);
      if (layer.in != width)
        fail(ErrorCode::kBadConfig, "{}: a layer behind the pooling takes {} numbers, but it is given {}",
             source_, layer.in, width);
      width = layer.out;
    }
    in_range("the width of what is made of a text", width, head.pooling.empty() ? 0 : 1, kMaxWidth);
    in_range("max_seq_length", head.max_tokens, 0, kMaxContext);
  }

  void heads(const AttentionDescription& a) const {
    in_range("num_attention_heads / head_count", a.q_heads, 1, kMaxHeads);
    in_range("num_key_value_heads / head_count_kv", a.kv_heads, 1, kMaxHeads);
    in_range("head_dim / key_length", a.head_dim, 2, kMaxHeadSize);
    in_range("v_head_dim / value_length", a.value_dim, 2, kMaxHeadSize);
    for (const int dim : {a.head_dim, a.value_dim})
      if (dim % 2 != 0)
        fail(ErrorCode::kBadConfig, "{}: head_dim / key_length is {}, but it must be even", source_, dim);
    if (a.q_heads % a.kv_heads != 0)
      fail(ErrorCode::kBadConfig, "{}: {} attention heads cannot share {} key/value heads evenly", source_,
           a.q_heads, a.kv_heads);
    in_range("the width of all heads", static_cast<int64_t>(a.q_heads) * a.head_dim, 1, kMaxWidth);
    in_range("the width of all values", static_cast<int64_t>(a.q_heads) * a.value_dim, 1, kMaxWidth);
    in_range(a.chunked ? "attention_chunk_size" : "sliding_window", a.window, a.chunked ? 1 : 0, kMaxContext);
    if (a.latent > 0) latent(a);
    positive("the scale of attention", a.scale);
    positive("the scale of values", a.value_scale);
    positive("attention_in_multiplier", a.in_scale);
    positive("attention_out_multiplier", a.out_scale);
    not_negative("attn_logit_softcapping", a.soft_cap);
    not_negative("clip_qkv", a.clip);
  }

  void latent(const AttentionDescription& a) const {
    in_range("qk_rope_head_dim / rope.dimension_count", a.rope_dim, 2, kMaxHeadSize);
    in_range("kv_lora_rank", a.latent, 1, kMaxHeadSize - a.rope_dim);
    in_range("q_lora_rank", a.query_latent, 0, kMaxWidth);
    in_range("qk_nope_head_dim", a.plain_dim(), 1, kMaxHeadSize);
    in_range("the width of all heads", int64_t{a.q_heads} * a.latent, 1, kMaxWidth);
    if (a.rope != LayerRope::kNone && m_.rope.rotary_dim != a.rope_dim)
      fail(ErrorCode::kBadConfig, "{}: {} dimensions are rotated, but qk_rope_head_dim is {}", source_,
           m_.rope.rotary_dim, a.rope_dim);
  }

  void delta(const DeltaDescription& d) const {
    in_range("linear_num_key_heads / ssm.group_count", d.key_heads, 1, kMaxHeads);
    in_range("linear_num_value_heads / ssm.time_step_rank", d.value_heads, 1, kMaxHeads);
    in_range("linear_key_head_dim / ssm.state_size", d.key_dim, 1, kMaxHeadSize);
    in_range("linear_value_head_dim", d.value_dim, 1, kMaxHeadSize);
    in_range("linear_conv_kernel_dim / ssm.conv_kernel", d.kernel, 2, kMaxKernel);
    if (d.value_heads % d.key_heads != 0)
      fail(ErrorCode::kBadConfig, "{}: {} value heads cannot share {} key heads evenly", source_,
           d.value_heads, d.key_heads);
    if (d.by_channel) in_range("the rank of the gate and the rates", d.rank, 1, kMaxWidth);
    in_range("the width of all value heads", int64_t{d.value_heads} * d.value_dim, 1, kMaxWidth);
    in_range("the width of all key heads", int64_t{d.key_heads} * d.key_dim, 1, kMaxWidth);
  }

  void convolution(const ConvolutionDescription& c) const {
    in_range("the width of the short convolution", c.width, 1, kMaxWidth);
    in_range("conv_L_cache / shortconv.l_cache", c.kernel, 2, kMaxKernel);
  }

  void state_space(const StateSpaceDescription& s) const {
    in_range("mamba_n_heads / ssm.time_step_rank", s.heads, 1, kMaxHeads);
    in_range("mamba_d_head", s.head_dim, 1, kMaxHeadSize);
    in_range("mamba_n_groups / ssm.group_count", s.groups, 1, kMaxHeads);
    in_range("mamba_d_state / ssm.state_size", s.state_dim, 1, kMaxHeadSize);
    in_range("mamba_d_conv / ssm.conv_kernel", s.kernel, 2, kMaxKernel);
    if (s.heads % s.groups != 0)
      fail(ErrorCode::kBadConfig, "{}: {} heads of recurrent layers cannot share {} groups evenly", source_,
           s.heads, s.groups);
    in_range("the width of all heads of a recurrent layer", int64_t{s.heads} * s.head_dim, 1, kMaxWidth);
    in_range("the width of all groups of a recurrent layer", int64_t{s.groups} * s.state_dim, 1, kMaxWidth);
    not_negative("the least time step", s.step_min);
    if (!(s.step_max >= s.step_min))
      fail(ErrorCode::kBadConfig, "{}: the time step is at least {} and at most {}", source_, s.step_min,
           s.step_max);
    positive("ssm_in_multiplier", s.in_scale);
    positive("ssm_out_multiplier", s.out_scale);
    for (const float scale : s.scales) positive("ssm_multipliers", scale);
  }

  void feed_forward(const FeedForwardDescription& f) const {
    in_range("num_experts / expert_count", f.experts, 0, kMaxExperts);
    in_range(f.experts > 0 ? "moe_intermediate_size / expert_feed_forward_length"
                           : "intermediate_size / feed_forward_length",
             f.width, 1, kMaxWidth);
    in_range("shared_expert_intermediate_size", f.shared_width, 0, kMaxWidth);
    in_range("intermediate_size / feed_forward_length", f.beside_width, 0, kMaxWidth);
    in_range("moe_latent_size", f.latent_width, 0, kMaxWidth);
    positive("mlp_multipliers", f.out_scale);
    not_negative("swiglu_limits", f.limit);
    not_negative("swiglu_limits_shared", f.shared_limit);
    if (f.experts > 0) in_range("num_experts_per_tok / expert_used_count", m_.routing.top_k, 1, f.experts);
  }

  bool uses(LayerRope rope) const {
    return std::any_of(m_.layers.begin(), m_.layers.end(),
                       [rope](const LayerDescription& layer) { return layer.attention.rope == rope; });
  }

  // The smallest head that is rotated so.
  int head_dim_of(LayerRope rope) const {
    int least = kMaxHeadSize;
    for (const LayerDescription& layer : m_.layers)
      if (layer.attention.rope == rope) least = std::min(least, layer.attention.head_dim);
    return least;
  }

  void rope(const RopeDescription& rope, LayerRope kind) const {
    positive("rope_theta / rope.freq_base", rope.theta);
    if (rope.theta <= 1)
      fail(ErrorCode::kBadConfig, "{}: rope_theta / rope.freq_base is {}, but it must be above 1", source_,
           rope.theta);
    in_range("the number of rotated dimensions (rope.dimension_count)", rope.rotary_dim, 2,
             head_dim_of(kind));
    if (rope.rotary_dim % 2 != 0)
      fail(ErrorCode::kBadConfig,
           "{}: the number of rotated dimensions (rope.dimension_count) is {}, but it must be even", source_,
           rope.rotary_dim);
    factors("rope_freqs", rope.frequency_divisors, rope.rotary_dim);
    scaling(rope);
  }

  void scaling(const RopeDescription& rope) const {
    const RopeScaling& s = rope.scaling;
    using Kind = RopeScaling::Kind;
    if (s.kind == Kind::kNone) return;
    positive("the RoPE scaling's factor", s.factor);
    if (s.kind != Kind::kLinear)
      in_range("original_max_position_embeddings / original_context_length", s.original_context, 1,
               kMaxContext);
    if (s.attention_factor) positive("attention_factor / attn_factor", *s.attention_factor);
    if (s.kind == Kind::kLlama3) {
      positive("low_freq_factor", s.low_frequency_factor);
      positive("high_freq_factor", s.high_frequency_factor);
      if (s.high_frequency_factor < s.low_frequency_factor)
        fail(ErrorCode::kBadConfig, "{}: RoPE's high_freq_factor {} is below low_freq_factor {}", source_,
             s.high_frequency_factor, s.low_frequency_factor);
    }
    if (s.kind == Kind::kYarn) {
      positive("beta_fast", s.beta_fast);
      positive("beta_slow", s.beta_slow);
      for (const auto& mscale : {s.mscale, s.mscale_all_dim})
        if (mscale && !std::isfinite(*mscale))
          fail(ErrorCode::kBadConfig, "{}: RoPE's mscale is not finite", source_);
    }
    if (s.kind == Kind::kLongRope) {
      if (s.short_factors.empty() || s.long_factors.empty())
        fail(ErrorCode::kBadConfig, "{}: longrope needs short and long factors", source_);
      factors("short_factor", s.short_factors, rope.rotary_dim);
      factors("long_factor", s.long_factors, rope.rotary_dim);
    }
  }

  void routing() const {
    const RoutingDescription& r = m_.routing;
    const int experts = m_.experts();
    if (experts == 0) return;
    positive("the scale of the experts' weights", r.scale);
    not_negative("moe_router_logit_softcapping", r.logit_cap);
    not_negative("moe_norm_min", r.floor);
    in_range("n_group / expert_group_count", r.groups, 1, experts);
    in_range("topk_group / expert_group_used_count", r.groups_used, 1, r.groups);
    if (experts % r.groups != 0)
      fail(ErrorCode::kBadConfig, "{}: {} experts cannot be in {} groups of one size", source_, experts,
           r.groups);
    if (r.top_k > experts / r.groups * r.groups_used)
      fail(ErrorCode::kBadConfig, "{}: {} experts are chosen, but {} groups have {}", source_, r.top_k,
           r.groups_used, experts / r.groups * r.groups_used);
  }

  void scalars() const {
    positive("the scale of embeddings", m_.embedding_scale);
    positive("the scale of the residual", m_.wiring.residual_scale);
    positive("the scale of logits", m_.logit_scale);
    if (m_.activation == ActivationFunction::kScaledSilu) positive("mlp_multipliers", m_.activation_alpha);
    not_negative("final_logit_softcapping", m_.logit_cap);
    if (!std::isfinite(m_.temperature_beta))
      fail(ErrorCode::kBadConfig, "{}: the attention's temperature is not finite", source_);
  }

  void in_range(std::string_view what, int64_t value, int64_t lowest, int64_t highest) const {
    if (value < lowest || value > highest)
      fail(ErrorCode::kBadConfig, "{}: {} is {}, out of the range {} to {}", source_, what, value, lowest,
           highest);
  }

  void positive(std::string_view what, float value) const {
    if (!(value > 0) || !std::isfinite(value))
      fail(ErrorCode::kBadConfig, "{}: {} is {}, but it must be positive and finite", source_, what, value);
  }

  void not_negative(std::string_view what, float value) const {
    if (!(value >= 0) || !std::isfinite(value))
      fail(ErrorCode::kBadConfig, "{}: {} is {}, but it must be 0 or more and finite", source_, what, value);
  }

  void between(std::string_view what, float value, float low, float high) const {
    if (!(value > low) || !(value < high))
      fail(ErrorCode::kBadConfig, "{}: {} is {}, but it must lie between {} and {}", source_, what, value,
           low, high);
  }

  // One for each rotated pair.
  void factors(std::string_view what, const std::vector<float>& values, int rotary_dim) const {
    if (values.empty()) return;
    if (values.size() != static_cast<size_t>(rotary_dim) / 2)
      fail(ErrorCode::kBadConfig, "{}: {} are {} numbers, but {} dimensions are rotated in pairs", source_,
           what, values.size(), rotary_dim);
    for (const float v : values) positive(what, v);
  }

  const ModelDescription& m_;
  const std::string& source_;
};

}  // namespace

int ModelDescription::window() const {
  int most = 0;
  for (const LayerDescription& layer : layers) most = std::max(most, layer.attention.window);
  return most;
}

bool ModelDescription::has(Mixer mixer) const {
  return std::ranges::any_of(layers, [&](const LayerDescription& layer) { return layer.mixer == mixer; });
}

StateSize ModelDescription::state_of(const LayerDescription& layer) const {
  if (layer.mixer == Mixer::kDelta)
    return {int64_t{delta.kernel - 1} * delta.channels(),
            int64_t{delta.value_heads} * delta.key_dim * delta.value_dim};
  if (layer.mixer == Mixer::kConvolution)
    return {.inputs = int64_t{convolution.kernel - 1} * convolution.width};
  if (layer.mixer == Mixer::kStateSpace)
    return {int64_t{state_space.kernel - 1} * state_space.channels(),
            int64_t{state_space.width()} * state_space.state_dim};
  return {};
}

bool ModelDescription::keeps_states() const {
  return std::ranges::any_of(layers, [&](const LayerDescription& l) { return state_of(l).inputs > 0; });
}

const AttentionDescription& ModelDescription::first_attention() const {
  const auto first = std::ranges::find_if(layers, &LayerDescription::attends);
  static const AttentionDescription kNone;
  if (first != layers.end()) return first->attention;
  return layers.empty() ? kNone : layers.front().attention;
}

int ModelDescription::experts() const {
  int most = 0;
  for (const LayerDescription& layer : layers) most = std::max(most, layer.feed_forward.experts);
  return most;
}

int ModelDescription::expert_width() const {
  int most = 0;
  for (const LayerDescription& layer : layers)
    if (layer.feed_forward.experts > 0) most = std::max(most, layer.feed_forward.width);
  return most;
}

int ModelDescription::dense_width() const {
  int most = 0;
  for (const LayerDescription& layer : layers)
    if (layer.feed_forward.experts == 0) most = std::max(most, layer.feed_forward.width);
  return most;
}

int ModelDescription::shared_width() const {
  int most = 0;
  for (const LayerDescription& layer : layers) most = std::max(most, layer.feed_forward.shared_width);
  return most;
}

bool ModelDescription::has_bias(TensorRole role) const {
  return std::find(biased.begin(), biased.end(), role) != biased.end();
}

void validate(const ModelDescription& model, const std::string& source) { Validator(model, source).run(); }

}  // namespace ferrum
