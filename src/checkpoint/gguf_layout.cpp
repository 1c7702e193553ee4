#include "checkpoint/gguf_layout.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <numbers>
#include <utility>

#include "base/check.h"
#include "base/error.h"

namespace ferrum {
namespace {

using Kind = RopeScaling::Kind;
using Role = TensorRole;

constexpr uint32_t kQuantizationVersion = 2;  // of ggml's block layouts

class Layout {
 public:
  Layout(const ModelDescription& model, const std::vector<Role>& biased) : m_(model), biased_(biased) {}

  std::vector<GgufLayoutTensor> run() {
    add({Role::kEmbedding}, {m_.vocab, m_.hidden});
    rope_factors();
    for (int i = 0; i < m_.layers; ++i) layer(i);
    add({Role::kFinalNorm}, {m_.hidden});
    if (!m_.tied_head) add({Role::kHead}, {m_.vocab, m_.hidden});
    return std::move(out_);
  }

 private:
  void rope_factors() {
    const int64_t pairs = m_.rope.rotary_dim / 2;
    if (m_.rope.scaling.kind == Kind::kLlama3 || !m_.rope.frequency_divisors.empty())
      add({Role::kRopeFrequencies}, {pairs});
    if (m_.rope.scaling.kind != Kind::kLongRope) return;
    add({Role::kRopeFactorsLong}, {pairs});
    add({Role::kRopeFactorsShort}, {pairs});
  }

  void layer(int i) {
    const int64_t q_width = int64_t{m_.q_heads} * m_.head_dim;
    const int64_t kv_width = int64_t{m_.kv_heads} * m_.head_dim;
    add({Role::kAttentionNorm, i}, {m_.hidden});
    projection({Role::kQuery, i}, q_width, m_.hidden);
    projection({Role::kKey, i}, kv_width, m_.hidden);
    projection({Role::kValue, i}, kv_width, m_.hidden);
    projection({Role::kAttentionOut, i}, m_.hidden, q_width);
    if (m_.architecture == Architecture::kQwen3 || m_.architecture == Architecture::kQwen3Moe) {
      add({Role::kQueryNorm, i}, {m_.head_dim});
      add({Role::kKeyNorm, i}, {m_.head_dim});
    }
    add({Role::kFfnNorm, i}, {m_.hidden});
    m_.moe_layers[i] ? experts(i) : dense(i);
  }

  void dense(int i) {
    projection({Role::kGate, i}, m_.ffn, m_.hidden);
    projection({Role::kUp, i}, m_.ffn, m_.hidden);
    projection({Role::kDown, i}, m_.hidden, m_.ffn);
  }

  void experts(int i) {
    add({Role::kRouter, i}, {m_.experts, m_.hidden});
    add({Role::kExpertGate, i}, {m_.experts, m_.expert_ffn, m_.hidden});
    add({Role::kExpertUp, i}, {m_.experts, m_.expert_ffn, m_.hidden});
    add({Role::kExpertDown, i}, {m_.experts, m_.hidden, m_.expert_ffn});
  }

  void projection(TensorKey key, int64_t rows, int64_t cols) {
    add(key, {rows, cols});
    if (std::find(biased_.begin(), biased_.end(), key.role) == biased_.end()) return;
    key.is_bias = true;
    add(key, {rows});
  }

  void add(const TensorKey& key, std::vector<int64_t> shape) {
    out_.push_back({key, tensor_name(Naming::kGguf, key), std::move(shape)});
  }

  const ModelDescription& m_;
  const std::vector<Role>& biased_;
  std::vector<GgufLayoutTensor> out_;
};

class MetadataWriter {
 public:
  MetadataWriter(GgufHeader& header, const ModelDescription& model, const std::string& source)
      : header_(header), m_(model), source_(source), architecture_(gguf_architecture(model.architecture)) {}

  void run(FileType type) {
    header_.set("general.architecture", std::string(architecture_));
    header_.set("general.type", "model");
    if (!m_.name.empty()) header_.set("general.name", m_.name);
    header_.set("general.file_type", gguf_number(type));
    header_.set("general.quantization_version", kQuantizationVersion);
    sizes();
    attention();
    rope();
    if (m_.experts > 0) experts();
  }

 private:
  void sizes() {
    set("block_count", m_.layers);
    set("context_length", m_.context);
    set("embedding_length", m_.hidden);
    set("feed_forward_length", m_.ffn);
    set("vocab_size", m_.vocab);
  }

  void attention() {
    set("attention.head_count", m_.q_heads);
    set("attention.head_count_kv", m_.kv_heads);
    set("attention.key_length", m_.head_dim);
    set("attention.value_length", m_.head_dim);
    header_.set(key("attention.layer_norm_rms_epsilon"), m_.norm_eps);
    if (m_.window == 0) return;
    set("attention.sliding_window", m_.window);
    const bool all =
        std::find(m_.sliding_layers.begin(), m_.sliding_layers.end(), false) == m_.sliding_layers.end();
    if (!all) header_.set(key("attention.sliding_window_pattern"), m_.sliding_layers);
  }

  void rope() {
    if (stores_interleaved(m_.architecture) && m_.rope.rotary_dim != m_.head_dim)
      fail(ErrorCode::kUnsupported,
           "{}: {} of {} dimensions of a head are rotated, which GGUF has no layout for in the architecture "
           "{}",
           source_, m_.rope.rotary_dim, m_.head_dim, architecture_);
    set("rope.dimension_count", m_.rope.rotary_dim);
    header_.set(key("rope.freq_base"), m_.rope.theta);
    scaling();
  }

  void scaling() {
    const RopeScaling& s = m_.rope.scaling;
    switch (s.kind) {
      case Kind::kNone:
      case Kind::kLlama3:
        return;  // llama3: by the tensor rope_freqs alone
      case Kind::kDynamic:
        fail_scaling("dynamic NTK");
      case Kind::kLinear:
        scaling("linear");
        return;
      case Kind::kYarn:
        if (!s.truncate) fail_scaling("YaRN without rounding its range (truncate = false)");
        scaling("yarn");
        yarn();
        return;
      case Kind::kLongRope:
        scaling("longrope");
        original_context();
        header_.set(key("rope.scaling.attn_factor"), long_rope_attention());
        return;
    }
  }

  void scaling(const char* type) {
    header_.set(key("rope.scaling.type"), type);
    header_.set(key("rope.scaling.factor"), m_.rope.scaling.factor);
  }

  void original_context() { set("rope.scaling.original_context_length", m_.rope.scaling.original_context); }

  // The attention factor here multiplies what YaRN computes of itself, 1 + ln(factor) / 10.
  void yarn() {
    const RopeScaling& s = m_.rope.scaling;
    original_context();
    header_.set(key("rope.scaling.yarn_beta_fast"), s.beta_fast);
    header_.set(key("rope.scaling.yarn_beta_slow"), s.beta_slow);
    const auto magnitude = [&](float m) { return s.factor > 1 ? 1 + 0.1f * m * std::log(s.factor) : 1.0f; };
    std::optional<float> attention = s.attention_factor;
    if (!attention && s.mscale.value_or(0) != 0 && s.mscale_all_dim.value_or(0) != 0)
      attention = magnitude(*s.mscale) / magnitude(*s.mscale_all_dim);
    if (attention) header_.set(key("rope.scaling.attn_factor"), *attention / (1 + 0.1f * std::log(s.factor)));
  }

  // As transformers has it where the configuration is silent: Phi-3's paper, section on LongRoPE.
  float long_rope_attention() const {
    const RopeScaling& s = m_.rope.scaling;
    if (s.attention_factor) return *s.attention_factor;
    if (s.factor <= 1) return 1;
    return std::sqrt(1 + std::log(s.factor) / std::log(static_cast<float>(s.original_context)));
  }

  void experts() {
    set("expert_count", m_.experts);
    set("expert_used_count", m_.experts_per_token);
    set("expert_feed_forward_length", m_.expert_ffn);
    header_.set(key("expert_weights_norm"), m_.renormalize_experts);
  }

  [[noreturn]] void fail_scaling(std::string_view what) const {
    fail(ErrorCode::kUnsupported, "{}: RoPE scaling by {} cannot be expressed in GGUF", source_, what);
  }

  std::string key(std::string_view name) const { return fmt::format("{}.{}", architecture_, name); }
  void set(std::string_view name, int value) { header_.set(key(name), static_cast<uint32_t>(value)); }

  GgufHeader& header_;
  const ModelDescription& m_;
  const std::string& source_;
  std::string_view architecture_;
};

}  // namespace

std::string_view gguf_architecture(Architecture architecture) {
  return architecture == Architecture::kMistral ? "llama" : name_of(architecture);
}

bool stores_interleaved(Architecture architecture) { return gguf_architecture(architecture) == "llama"; }

std::vector<GgufLayoutTensor> gguf_tensors(const ModelDescription& model,
                                           const std::vector<TensorRole>& biased) {
  return Layout(model, biased).run();
}

// Long wavelengths (of positions the model never saw a whole turn of) are stretched by the factor, short ones
// not at all, and between the two limits the frequencies are interpolated. Source: Llama 3.1's reference, as
// transformers has it.
std::vector<float> rope_divisors(const RopeDescription& rope) {
  if (!rope.frequency_divisors.empty()) return rope.frequency_divisors;
  const RopeScaling& s = rope.scaling;
  check(s.kind == Kind::kLlama3, "divisors are llama3's scaling");
  std::vector<float> divisors;
  for (int i = 0; i < rope.rotary_dim / 2; ++i) {
    const double wavelength = 2 * std::numbers::pi * std::pow(rope.theta, 2.0 * i / rope.rotary_dim);
    const double turns = s.original_context / wavelength;
    const double low = s.low_frequency_factor;
    const double high = s.high_frequency_factor;
    const double kept = std::clamp((turns - low) / (high - low), 0.0, 1.0);
    divisors.push_back(static_cast<float>(1 / ((1 - kept) / s.factor + kept)));
  }
  return divisors;
}

void set_model_metadata(GgufHeader& header, const ModelDescription& model, FileType type,
                        const std::string& source) {
  MetadataWriter(header, model, source).run(type);
}

}  // namespace ferrum
