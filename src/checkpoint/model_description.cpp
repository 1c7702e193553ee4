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

// Names fields as config.json and GGUF metadata call them: "hidden_size / embedding_length".
class Validator {
 public:
  Validator(const ModelDescription& model, const std::string& source) : m_(model), source_(source) {}

  void run() const {
    sizes();
    heads();
    rope();
    scaling();
    window();
    experts();
  }

 private:
  void sizes() const {
    in_range("num_hidden_layers / block_count", m_.layers, 1, kMaxLayers);
    in_range("hidden_size / embedding_length", m_.hidden, 1, kMaxWidth);
    in_range("vocab_size", m_.vocab, 1, kMaxVocabulary);
    in_range("max_position_embeddings / context_length", m_.context, 1, kMaxContext);
    const bool has_dense = m_.experts == 0 || std::find(m_.moe_layers.begin(), m_.moe_layers.end(), false) !=
                                                  m_.moe_layers.end();
    in_range("intermediate_size / feed_forward_length", m_.ffn, has_dense ? 1 : 0, kMaxWidth);
    between("rms_norm_eps / layer_norm_rms_epsilon", m_.norm_eps, 0, 1);
  }

  void heads() const {
    in_range("num_attention_heads / head_count", m_.q_heads, 1, kMaxHeads);
    in_range("num_key_value_heads / head_count_kv", m_.kv_heads, 1, kMaxHeads);
    in_range("head_dim / key_length", m_.head_dim, 2, kMaxHeadSize);
    if (m_.head_dim % 2 != 0)
      fail(ErrorCode::kBadConfig, "{}: head_dim / key_length is {}, but it must be even", source_,
           m_.head_dim);
    if (m_.q_heads % m_.kv_heads != 0)
      fail(ErrorCode::kBadConfig, "{}: {} attention heads cannot share {} key/value heads evenly", source_,
           m_.q_heads, m_.kv_heads);
    in_range("the width of all heads", static_cast<int64_t>(m_.q_heads) * m_.head_dim, 1, kMaxWidth);
  }

  void rope() const {
    positive("rope_theta / rope.freq_base", m_.rope.theta);
    if (m_.rope.theta <= 1)
      fail(ErrorCode::kBadConfig, "{}: rope_theta / rope.freq_base is {}, but it must be above 1", source_,
           m_.rope.theta);
    in_range("the number of rotated dimensions (rope.dimension_count)", m_.rope.rotary_dim, 2, m_.head_dim);
    if (m_.rope.rotary_dim % 2 != 0)
      fail(ErrorCode::kBadConfig,
           "{}: the number of rotated dimensions (rope.dimension_count) is {}, but it must be even", source_,
           m_.rope.rotary_dim);
    factors("rope_freqs", m_.rope.frequency_divisors);
  }

  void scaling() const {
    const RopeScaling& s = m_.rope.scaling;
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
      if (s.high_frequency_factor <= s.low_frequency_factor)
        fail(ErrorCode::kBadConfig, "{}: RoPE's high_freq_factor {} must be above low_freq_factor {}",
             source_, s.high_frequency_factor, s.low_frequency_factor);
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
      factors("short_factor", s.short_factors);
      factors("long_factor", s.long_factors);
    }
  }

  void window() const {
    check_equal(m_.sliding_layers.size(), static_cast<size_t>(m_.layers), "sliding_layers");
    const bool slides =
        std::find(m_.sliding_layers.begin(), m_.sliding_layers.end(), true) != m_.sliding_layers.end();
    in_range("sliding_window", m_.window, slides ? 1 : 0, kMaxContext);
  }

  void experts() const {
    check_equal(m_.moe_layers.size(), static_cast<size_t>(m_.layers), "moe_layers");
    in_range("num_experts / expert_count", m_.experts, 0, kMaxExperts);
    if (m_.experts == 0) return;
    in_range("num_experts_per_tok / expert_used_count", m_.experts_per_token, 1, m_.experts);
    in_range("moe_intermediate_size / expert_feed_forward_length", m_.expert_ffn, 1, kMaxWidth);
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

  void between(std::string_view what, float value, float low, float high) const {
    if (!(value > low) || !(value < high))
      fail(ErrorCode::kBadConfig, "{}: {} is {}, but it must lie between {} and {}", source_, what, value,
           low, high);
  }

  // One for each rotated pair.
  void factors(std::string_view what, const std::vector<float>& values) const {
    if (values.empty()) return;
    if (values.size() != static_cast<size_t>(m_.rope.rotary_dim) / 2)
      fail(ErrorCode::kBadConfig, "{}: {} are {} numbers, but {} dimensions are rotated in pairs", source_,
           what, values.size(), m_.rope.rotary_dim);
    for (const float v : values) positive(what, v);
  }

  const ModelDescription& m_;
  const std::string& source_;
};

}  // namespace

std::string_view name_of(Architecture architecture) {
  switch (architecture) {
    case Architecture::kLlama:
      return "llama";
    case Architecture::kMistral:
      return "mistral";
    case Architecture::kQwen2:
      return "qwen2";
    case Architecture::kQwen3:
      return "qwen3";
    case Architecture::kQwen3Moe:
      return "qwen3moe";
  }
  return "?";
}

void validate(const ModelDescription& model, const std::string& source) { Validator(model, source).run(); }

}  // namespace ferrum
