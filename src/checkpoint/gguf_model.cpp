#include "checkpoint/gguf_model.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "checkpoint/gguf_tokenizer.h"

namespace ferrum {
namespace {

using Kind = RopeScaling::Kind;
using Role = TensorRole;

struct Known {
  std::string_view name;  // general.architecture
  Architecture architecture;
  bool interleaved;  // q and k are stored so that RoPE rotates neighbouring dimensions
};
constexpr std::array kKnown = {
    Known{"llama", Architecture::kLlama, true},  // Mistral too
    Known{"qwen2", Architecture::kQwen2, false},
    Known{"qwen3", Architecture::kQwen3, false},
    Known{"qwen3moe", Architecture::kQwen3Moe, false},
};

const Known& find_architecture(const GgufMetadata& metadata) {
  const auto name = metadata.string("general.architecture");
  if (!name) fail(ErrorCode::kBadConfig, "{}: key 'general.architecture' is missing", metadata.source());
  std::string supported;
  for (const Known& k : kKnown) {
    if (k.name == *name) return k;
    supported += fmt::format("{}{}", supported.empty() ? "" : ", ", k.name);
  }
  fail(ErrorCode::kUnsupported, "{}: general.architecture is {}; Ferrum runs {}", metadata.source(),
       in_quotes(*name), supported);
}

class Describer {
 public:
  Describer(const GgufMetadata& metadata, const TensorTable& tensors)
      : metadata_(metadata), tensors_(tensors), known_(find_architecture(metadata)) {}

  ModelDescription run() {
    m_.architecture = known_.architecture;
    m_.name = metadata_.string("general.name").value_or("");
    m_.layers = required("block_count", kMaxLayers);
    m_.hidden = required("embedding_length", kMost);
    m_.ffn = per_layer("feed_forward_length").value_or(0);
    m_.context = required("context_length", kMost);
    m_.norm_eps = number("attention.layer_norm_rms_epsilon").value_or(1e-5f);
    m_.vocab = vocabulary();
    m_.tied_head = !tensors_.find({Role::kHead});
    read_heads();
    read_rope();
    read_window();
    read_experts();
    validate(m_, metadata_.source());
    return std::move(m_);
  }

 private:
  void read_heads() {
    const auto heads = per_layer("attention.head_count");
    if (!heads) fail_missing("attention.head_count");
    m_.q_heads = in_range("attention.head_count", *heads, kMost);
    m_.kv_heads = per_layer("attention.head_count_kv").value_or(m_.q_heads);
    m_.head_dim = optional("attention.key_length", kMost).value_or(m_.hidden / m_.q_heads);
    const int value_length = optional("attention.value_length", kMost).value_or(m_.head_dim);
    if (value_length != m_.head_dim)
      fail(ErrorCode::kUnsupported,
           "{}: {} is {}, but keys have {} dimensions; Ferrum runs heads of one size", metadata_.source(),
           key("attention.value_length"), value_length, m_.head_dim);
  }

  void read_rope() {
    RopeDescription& rope = m_.rope;
    rope.interleaved = known_.interleaved;
    rope.theta = number("rope.freq_base").value_or(10000);
    rope.rotary_dim = optional("rope.dimension_count", kMost).value_or(m_.head_dim);
    rope.frequency_divisors = factors(Role::kRopeFrequencies);
    read_scaling();
  }

  void read_scaling() {
    RopeScaling& s = m_.rope.scaling;
    s.short_factors = factors(Role::kRopeFactorsShort);
    s.long_factors = factors(Role::kRopeFactorsLong);
    // Without a type, a factor means linear scaling; so does the key of older files.
    const auto factor = metadata_.has(key("rope.scaling.factor")) ? number("rope.scaling.factor")
                                                                  : number("rope.scale_linear");
    const std::string_view implied = s.long_factors.empty() ? "linear" : "longrope";
    const std::string_view type = metadata_.string(key("rope.scaling.type")).value_or(implied);
    s.kind = kind_named(type);
    s.factor = factor.value_or(0) == 0 ? 1 : *factor;
    if (s.kind == Kind::kLinear && s.factor == 1) s.kind = Kind::kNone;
    s.original_context = optional("rope.scaling.original_context_length", kMost).value_or(m_.context);
    if (s.kind == Kind::kYarn) read_yarn();
    if (s.kind == Kind::kLongRope) s.attention_factor = number("rope.scaling.attn_factor").value_or(1);
  }

  Kind kind_named(std::string_view type) const {
    if (type == "none") return Kind::kNone;
    if (type == "linear") return Kind::kLinear;
    if (type == "yarn") return Kind::kYarn;
    if (type == "longrope") return Kind::kLongRope;
    fail(ErrorCode::kUnsupported, "{}: {} is {}; Ferrum runs none, linear, yarn and longrope",
         metadata_.source(), key("rope.scaling.type"), in_quotes(type));
  }

  // Here the attention factor multiplies what YaRN computes of itself, 1 + ln(factor) / 10; ours replaces
  // that.
  void read_yarn() {
    RopeScaling& s = m_.rope.scaling;
    s.beta_fast = number("rope.scaling.yarn_beta_fast").value_or(s.beta_fast);
    s.beta_slow = number("rope.scaling.yarn_beta_slow").value_or(s.beta_slow);
    auto extra = number("rope.scaling.yarn_attn_factor");
    if (!extra) extra = number("rope.scaling.attn_factor");
    if (extra && *extra != 1) s.attention_factor = *extra * (1 + 0.1f * std::log(s.factor));
  }

  std::vector<float> factors(Role role) const {
    const HostTensor* tensor = tensors_.find({role});
    if (!tensor) return {};
    if (tensor->elements() > kMost)
      fail(ErrorCode::kBadConfig, "{}: tensor {} has {} elements", metadata_.source(),
           in_quotes(tensor->name), tensor->elements());
    return decoded(*tensor);
  }

  // Which layers slide: all; those marked in an array; or, where the value is a period n, all but every n-th.
  void read_window() {
    m_.window = optional("attention.sliding_window", kMost).value_or(0);
    m_.sliding_layers.assign(m_.layers, m_.window > 0);
    const std::string pattern = key("attention.sliding_window_pattern");
    const GgufValue* value = metadata_.find(pattern);
    if (value == nullptr || m_.window == 0) return;
    if (std::holds_alternative<GgufArray>(*value)) {
      const std::vector<int64_t> layers = *metadata_.integers(pattern);
      check_layers(pattern, layers.size());
      for (int i = 0; i < m_.layers; ++i) m_.sliding_layers[i] = layers[i] != 0;
    } else if (const uint64_t period = *metadata_.unsigned_integer(pattern); period > 0) {
      for (int i = 0; i < m_.layers; ++i) m_.sliding_layers[i] = i % period != period - 1;
    }
  }

  void read_experts() {
    m_.moe_layers.assign(m_.layers, false);
    m_.experts = optional("expert_count", kMost).value_or(0);
    if (m_.experts == 0) return;
    if (known_.architecture != Architecture::kQwen3Moe)
      fail(ErrorCode::kUnsupported, "{}: {} is {}; of models with experts Ferrum runs qwen3moe",
           metadata_.source(), key("expert_count"), m_.experts);
    m_.experts_per_token = required("expert_used_count", kMost);
    m_.expert_ffn = optional("expert_feed_forward_length", kMost).value_or(m_.ffn);
    m_.renormalize_experts = metadata_.boolean(key("expert_weights_norm")).value_or(true);
    for (int i = 0; i < m_.layers; ++i) m_.moe_layers[i] = tensors_.find({Role::kRouter, i}) != nullptr;
  }

  int vocabulary() const {
    if (const auto said = optional("vocab_size", kMost)) return *said;
    if (const auto tokens = metadata_.strings("tokenizer.ggml.tokens"))
      return static_cast<int>(std::min<size_t>(tokens->size(), kMost));
    const HostTensor* embedding = tensors_.find({Role::kEmbedding});
    return embedding ? static_cast<int>(std::min<int64_t>(embedding->rows(), kMost)) : 0;
  }

  // A number, or an array with the same number for every layer.
  std::optional<int> per_layer(std::string_view name) const {
    const std::string full = key(name);
    const GgufValue* value = metadata_.find(full);
    if (value == nullptr || !std::holds_alternative<GgufArray>(*value)) return optional(name, kMost);
    const std::vector<int64_t> layers = *metadata_.integers(full);
    check_layers(full, layers.size());
    for (const int64_t v : layers)
      if (v != layers.front())
        fail(ErrorCode::kUnsupported, "{}: {} differs between layers ({} and {})", metadata_.source(), full,
             layers.front(), v);
    return in_range(name, layers.front(), kMost);
  }

  void check_layers(const std::string& full, size_t size) const {
    if (size != static_cast<size_t>(m_.layers))
      fail(ErrorCode::kBadConfig, "{}: {} has {} entries, but there are {} layers", metadata_.source(), full,
           size, m_.layers);
  }

  int required(std::string_view name, int most) const {
    const auto value = metadata_.integer(key(name));
    if (!value) fail_missing(name);
    return in_range(name, *value, most);
  }

  std::optional<int> optional(std::string_view name, int most) const {
    const auto value = metadata_.integer(key(name));
    if (!value) return std::nullopt;
    if (*value < 0 || *value > most) fail_range(name, *value, 0, most);
    return static_cast<int>(*value);
  }

  std::optional<float> number(std::string_view name) const {
    const auto value = metadata_.number(key(name));
    return value ? std::optional(static_cast<float>(*value)) : std::nullopt;
  }

  int in_range(std::string_view name, int64_t value, int most) const {
    if (value < 1 || value > most) fail_range(name, value, 1, most);
    return static_cast<int>(value);
  }

  [[noreturn]] void fail_range(std::string_view name, int64_t value, int least, int most) const {
    fail(ErrorCode::kBadConfig, "{}: {} is {}, out of the range {} to {}", metadata_.source(), key(name),
         value, least, most);
  }

  [[noreturn]] void fail_missing(std::string_view name) const {
    fail(ErrorCode::kBadConfig, "{}: key '{}' is missing", metadata_.source(), key(name));
  }

  std::string key(std::string_view name) const { return fmt::format("{}.{}", known_.name, name); }

  static constexpr int kMaxLayers = 1024;
  static constexpr int kMost = 1 << 28;  // validate() is stricter; this keeps numbers in an int

  const GgufMetadata& metadata_;
  const TensorTable& tensors_;
  const Known& known_;
  ModelDescription m_;
};

// A recommendation that cannot be read is no reason to refuse the model.
std::optional<float> sampling_number(const GgufMetadata& metadata, std::string_view name) {
  try {
    const auto value = metadata.number(fmt::format("general.sampling.{}", name));
    return value ? std::optional(static_cast<float>(*value)) : std::nullopt;
  } catch (const Error& e) {
    log::warn("{}; it is ignored", e.what());
    return std::nullopt;
  }
}

}  // namespace

ModelDescription describe_gguf(const GgufMetadata& metadata, const TensorTable& tensors) {
  return Describer(metadata, tensors).run();
}

std::vector<TensorRole> biased_in_gguf(Architecture architecture) {
  if (architecture != Architecture::kQwen2) return {};
  return {Role::kQuery, Role::kKey, Role::kValue};
}

GenerationDefaults gguf_generation(const GgufMetadata& metadata, int vocab) {
  GenerationDefaults defaults;
  defaults.temperature = sampling_number(metadata, "temp");
  defaults.top_p = sampling_number(metadata, "top_p");
  defaults.min_p = sampling_number(metadata, "min_p");
  defaults.repetition_penalty = sampling_number(metadata, "penalty_repeat");
  defaults.top_k = sampling_number(metadata, "top_k");
  defaults.source = metadata.source();
  defaults.may_lack_stop_tokens = true;
  for (const char* key :
       {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
    const auto tokens = static_cast<size_t>(vocab);
    if (!has_gguf_tokenizer(metadata)) warn_of_bad_token_id(metadata, key, tokens);  // else its reader warns
    const std::optional<TokenId> id = find_token_id(metadata, key, tokens);
    auto& stops = defaults.stop_tokens;
    if (id && std::find(stops.begin(), stops.end(), *id) == stops.end()) stops.push_back(*id);
  }
  return defaults;
}

}  // namespace ferrum
