// The metadata that describe a model in its GGUF file.
#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "checkpoint/architecture.h"
#include "checkpoint/gguf/gguf_layout.h"
#include "checkpoint/gguf/gguf_text_metadata.h"

namespace ferrum {
namespace {

using Kind = RopeScaling::Kind;

constexpr uint32_t kQuantizationVersion = 2;  // of ggml's block layouts

class MetadataWriter {
 public:
  MetadataWriter(GgufHeader& header, const ModelDescription& model, const std::string& source)
      : header_(header), m_(model), source_(source), architecture_(model.architecture->gguf_name()) {}

  void run(FileType type) {
    const bool is_read = std::ranges::any_of(architectures(), [&](const Architecture* a) {
      return a->read_gguf != nullptr && a->gguf_name() == architecture_;
    });
    if (!is_read)
      fail(ErrorCode::kUnsupported, "{}: GGUF has no layout for the architecture {}", source_,
           m_.architecture->name);
    header_.set("general.architecture", std::string(architecture_));
    header_.set("general.type", "model");
    if (!m_.name.empty()) header_.set("general.name", m_.name);
    header_.set("general.file_type", gguf_number(type));
    header_.set("general.quantization_version", kQuantizationVersion);
    sizes();
    attention();
    windows();
    rope();
    scalars();
    if (m_.experts() > 0) experts();
    if (m_.has(Mixer::kDelta)) delta();
    if (m_.has(Mixer::kConvolution)) set("shortconv.l_cache", m_.convolution.kernel);
    if (m_.has(Mixer::kStateSpace)) state_space();
    if (m_.activation == ActivationFunction::kXielu) xielu();
    set_text_metadata(header_, m_);
  }

 private:
  void sizes() {
    set("block_count", m_.depth_with_mtp());
    if (m_.mtp) set("nextn_predict_layers", 1);
    set("context_length", m_.context);
    set("embedding_length", m_.hidden);
    const int usual = m_.dense_width() > 0 ? m_.dense_width() : m_.expert_width();
    per_layer("feed_forward_length", [&](const LayerDescription& l) {
      const FeedForwardDescription& f = l.feed_forward;
      if (f.beside_width > 0) return f.beside_width;
      return f.experts == 0 || !every_layer_feeds_forward() ? f.width : usual;
    });
    set("vocab_size", m_.vocab);
    if (m_.per_layer_vocab > 0) set("embedding_length_per_layer_input", m_.per_layer_width);
  }

  bool every_layer_feeds_forward() const {
    return std::ranges::all_of(m_.layers, &LayerDescription::feeds_forward);
  }

  // A number for all blocks, or an array with one for each: the layers, and the MTP head's behind them.
  template <class Get>
  void per_layer(std::string_view name, const Get& get) {
    std::vector<int32_t> values;
    for (int i = 0; i < m_.depth_with_mtp(); ++i) values.push_back(get(m_.layer(i)));
    if (std::ranges::all_of(values, [&](int32_t v) { return v == values.front(); }))
      set(name, values.front());
    else
      header_.set(key(name), values);
  }

  // One for each block.
  template <class Is>
  std::vector<bool> flags(const Is& is) const {
    std::vector<bool> values;
    for (int i = 0; i < m_.depth_with_mtp(); ++i) values.push_back(is(m_.layer(i)));
    return values;
  }

  void attention() {
    const AttentionDescription& a = m_.first_attention();
    const auto attention_of = [&](const LayerDescription& l) -> const AttentionDescription& {
      return l.attends() ? l.attention : a;
    };
    per_layer("attention.head_count", [&](const LayerDescription& l) { return attention_of(l).q_heads; });
    per_layer("attention.head_count_kv", [&](const LayerDescription& l) {
      const bool is_told_by_it = l.mixer == Mixer::kDelta && m_.delta.by_channel;
      const bool has_own_key = l.mixer == Mixer::kDelta && !is_told_by_it;
      return l.attends() || has_own_key ? attention_of(l).kv_heads : 0;
    });
    a.latent > 0 ? latent(a) : head_sizes();
    const bool has_other_key = m_.wiring.layer_norm && architecture_ != "phimoe";
    header_.set(key(has_other_key ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon"),
                m_.wiring.eps);
    const bool has_own_scale = (a.norm != HeadNorm::kWeightless || m_.architecture->gguf_weightless_norms) &&
                               !a.value_norm && a.latent == 0;
    if (has_own_scale && a.scale != 1.0f / std::sqrt(static_cast<float>(a.head_dim)))
      header_.set(key("attention.scale"), a.scale);
    if (a.value_scale != 1) header_.set(key("attention.value_scale"), a.value_scale);
    if (a.clip > 0) header_.set(key("attention.clamp_kqv"), a.clip);
    if (a.soft_cap > 0) header_.set(key("attn_logit_softcapping"), a.soft_cap);
    if (m_.temperature_length > 0) header_.set(key("attention.temperature_scale"), m_.temperature_beta);
  }

  // Of layers that see everything, and where those of a window differ, of these.
  void head_sizes() {
    const auto first = [&](bool has_window) -> const AttentionDescription& {
      const auto found = std::ranges::find_if(m_.layers, [&](const LayerDescription& l) {
        return l.mixer == Mixer::kAttention && (l.attention.window > 0) == has_window;
      });
      return found == m_.layers.end() ? m_.first_attention() : found->attention;
    };
    const AttentionDescription& all = first(false);
    const AttentionDescription& within = first(true);
    if (architecture_ == "llama4") set("attention.temperature_length", m_.temperature_length);
    set("attention.key_length", all.head_dim);
    set("attention.value_length", all.value_dim);
    if (within.head_dim != all.head_dim || within.value_dim != all.value_dim) {
      set("attention.key_length_swa", within.head_dim);
      set("attention.value_length_swa", within.value_dim);
    }
    const auto reads_others = [](const LayerDescription& l) { return l.attention.kv_layer >= 0; };
    if (const auto sharing = std::ranges::count_if(m_.layers, reads_others); sharing > 0)
      set("attention.shared_kv_layers", static_cast<int>(sharing));
  }

  // Sizes as heads have them in terms of the latent vector, and as they are.
  void latent(const AttentionDescription& a) {
    set("attention.key_length", a.latent + a.rope_dim);
    set("attention.value_length", a.latent);
    set("attention.key_length_mla", a.head_dim);
    set("attention.value_length_mla", a.value_dim);
    set("attention.kv_lora_rank", a.latent);
    if (a.query_latent > 0) set("attention.q_lora_rank", a.query_latent);
    if (m_.temperature_length > 0) set("attention.temperature_length", m_.temperature_length);
  }

  void delta() {
    const DeltaDescription& d = m_.delta;
    set("ssm.conv_kernel", d.kernel);
    if (d.by_channel) return set("kda.head_dim", d.key_dim);
    set("ssm.state_size", d.key_dim);
    set("ssm.group_count", d.key_heads);
    set("ssm.time_step_rank", d.value_heads);
    set("ssm.inner_size", d.value_width());
    const std::vector<bool> recurrent =
        flags([](const LayerDescription& l) { return l.mixer == Mixer::kDelta; });
    header_.set(key("attention.recurrent_layers"), recurrent);
    const auto first = std::ranges::find(recurrent, false);
    if (first != recurrent.end())
      set("full_attention_interval", static_cast<int>(first - recurrent.begin()) + 1);
  }

  void state_space() {
    const StateSpaceDescription& s = m_.state_space;
    set("ssm.conv_kernel", s.kernel);
    set("ssm.state_size", s.state_dim);
    set("ssm.group_count", s.groups);
    set("ssm.time_step_rank", s.heads);
    set("ssm.inner_size", s.width());
  }

  void windows() {
    if (m_.window() == 0) return;
    set("attention.sliding_window", m_.window());
    const std::vector<bool> sliding = flags([](const LayerDescription& l) { return l.attention.window > 0; });
    if (architecture_ == "modern-bert" && set_window_period(sliding)) return;
    if (architecture_ == "llama4" && has_usual_chunks(sliding)) return;
    if (std::ranges::find(sliding, false) != sliding.end())
      header_.set(key("attention.sliding_window_pattern"), sliding);
  }

  // Every fourth layer sees everything, which some readers take for granted where there is no pattern.
  static bool has_usual_chunks(const std::vector<bool>& sliding) {
    for (size_t i = 0; i < sliding.size(); ++i)
      if (sliding[i] != (i % 4 != 3)) return false;
    return true;
  }

  // Where the first layer of each period sees everything; false: the pattern is another.
  bool set_window_period(const std::vector<bool>& sliding) {
    size_t period = 1;
    while (period < sliding.size() && sliding[period]) ++period;
    for (size_t i = 0; i < sliding.size(); ++i)
      if (sliding[i] != (i % period != 0)) return false;
    set("attention.sliding_window_pattern", static_cast<int>(period));
    return true;
  }

  void scalars() {
    if (m_.wiring.residual_scale != 1) header_.set(key("residual_scale"), m_.wiring.residual_scale);
    if (m_.logit_cap > 0) header_.set(key("final_logit_softcapping"), m_.logit_cap);
    if (architecture_ == "gptneox") header_.set(key("use_parallel_residual"), m_.wiring.parallel);
    // Granite's and MiniCPM's files say by what logits are divided.
    const bool divides = architecture_.starts_with("granite") || architecture_ == "minicpm";
    if (divides) header_.set(key("embedding_scale"), m_.embedding_scale);
    if (m_.logit_scale != 1) header_.set(key("logit_scale"), divides ? 1 / m_.logit_scale : m_.logit_scale);
  }

  void xielu() {
    std::vector<float> positive, negative, beta, limit;
    for (const LayerDescription& layer : m_.layers) {
      positive.push_back(layer.feed_forward.xielu_positive);
      negative.push_back(layer.feed_forward.xielu_negative);
      beta.push_back(layer.feed_forward.xielu_beta);
      limit.push_back(layer.feed_forward.xielu_limit);
    }
    header_.set("xielu.alpha_p", positive);
    header_.set("xielu.alpha_n", negative);
    header_.set("xielu.beta", beta);
    header_.set("xielu.eps", limit);
  }

  void rope() {
    const AttentionDescription& a = m_.first_attention();
    if (stores_interleaved(m_) && a.latent > 0 && m_.rope.rotary_dim != a.rope_dim)
      fail(ErrorCode::kUnsupported,
           "{}: {} of {} dimensions of a head are rotated, which GGUF has no layout for in the architecture "
           "{}",
           source_, m_.rope.rotary_dim, a.head_dim, architecture_);
    set("rope.dimension_count", m_.rope.rotary_dim);
    if (!m_.rope.sections.empty())
      header_.set(key("rope.dimension_sections"),
                  std::vector<int32_t>(m_.rope.sections.begin(), m_.rope.sections.end()));
    header_.set(key("rope.freq_base"), m_.rope.theta);
    if (m_.architecture->gguf_switches_rotation)
      header_.set(key("rope.scaling.finetuned"), m_.first_attention().rope != LayerRope::kNone);
    if (m_.window() > 0 && m_.window_rope.theta != m_.rope.theta)
      header_.set(key("rope.freq_base_swa"), m_.window_rope.theta);
    if (m_.window() > 0 && m_.window_rope.rotary_dim != m_.rope.rotary_dim)
      set("rope.dimension_count_swa", m_.window_rope.rotary_dim);
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
    // Most readers know no such key and round.
    if (!s.truncate) header_.set(key("rope.scaling.yarn_truncate"), false);
    if (m_.first_attention().latent > 0) {  // mscale is the same
      constexpr float kUnit = 0.1f;         // of the number in these architectures
      if (s.mscale_all_dim.value_or(0) != 0)
        header_.set(key("rope.scaling.yarn_log_multiplier"), kUnit * *s.mscale_all_dim);
      return;
    }
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
    const RoutingDescription& r = m_.routing;
    set("expert_count", m_.experts());
    set("expert_used_count", r.top_k);
    set("expert_feed_forward_length", m_.expert_width());
    header_.set(key("expert_weights_norm"), r.renormalize);
    if (r.scale != 1) header_.set(key("expert_weights_scale"), r.scale);
    if (r.score != RoutingDescription::Score::kSoftmax && r.score != RoutingDescription::Score::kOneByOne)
      set("expert_gating_func", r.score == RoutingDescription::Score::kSigmoid ? 2 : 3);
    if (r.groups > 1) {
      set("expert_group_count", r.groups);
      set("expert_group_used_count", r.groups_used);
    }
    int dense = 0;
    while (dense < m_.depth() && m_.layers[static_cast<size_t>(dense)].feed_forward.experts == 0) ++dense;
    if (architecture_ == "llama4") set("interleave_moe_layer_step", dense + 1);
    const bool is_latent = m_.first_attention().latent > 0;  // readers of these demand both numbers
    if ((dense > 0 && every_layer_feeds_forward()) || is_latent) set("leading_dense_block_count", dense);
    // Some readers know the shared expert's width as a multiple of the others' alone.
    const int shared = m_.shared_width();
    const int width = std::max(1, m_.expert_width());
    if (shared > 0) set("expert_shared_feed_forward_length", shared);
    if (is_latent || (shared > 0 && shared % width == 0)) set("expert_shared_count", shared / width);
    for (const LayerDescription& layer : m_.layers)
      if (const int width = layer.feed_forward.latent_width; width > 0) return set("moe_latent_size", width);
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

void set_model_metadata(GgufHeader& header, const ModelDescription& model, FileType type,
                        const std::string& source) {
  MetadataWriter(header, model, source).run(type);
}

}  // namespace ferrum
