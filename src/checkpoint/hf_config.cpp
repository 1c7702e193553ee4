#include "checkpoint/hf_config.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/ascii.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "checkpoint/hf_rope.h"
#include "checkpoint/json_view.h"

namespace ferrum {
namespace {

// An architecture's names, and the defaults of its configuration class in transformers.
struct Known {
  std::string_view model_type;
  std::string_view class_name;
  Architecture architecture;
  int head_dim;           // 0: hidden_size / num_attention_heads
  int context;            // max_position_embeddings
  bool window_is_opt_in;  // sliding_window counts only with use_sliding_window
};
constexpr std::array kKnown = {
    Known{"llama", "LlamaForCausalLM", Architecture::kLlama, 0, 2048, false},
    Known{"mistral", "MistralForCausalLM", Architecture::kMistral, 0, 131072, false},
    Known{"qwen2", "Qwen2ForCausalLM", Architecture::kQwen2, 0, 32768, true},
    Known{"qwen3", "Qwen3ForCausalLM", Architecture::kQwen3, 128, 32768, true},
    Known{"qwen3_moe", "Qwen3MoeForCausalLM", Architecture::kQwen3Moe, 0, 32768, true},
};
// Names in transformers' ACT2FN. Ferrum computes SiLU only; the others are listed so that a refusal can say
// what the name means.
struct Activation {
  std::string_view name;
  std::string_view meaning;
};
constexpr std::string_view kSilu = "SiLU";
constexpr std::array kActivations = {
    Activation{"silu", kSilu},
    Activation{"swish", kSilu},
    Activation{"gelu", "GELU"},
    Activation{"gelu_python", "GELU"},
    Activation{"gelu_new", "GELU in its tanh approximation"},
    Activation{"gelu_fast", "GELU in its tanh approximation"},
    Activation{"gelu_accurate", "GELU in its tanh approximation"},
    Activation{"gelu_pytorch_tanh", "GELU in its tanh approximation"},
    Activation{"gelu_python_tanh", "GELU in its tanh approximation"},
    Activation{"quick_gelu", "GELU in its sigmoid approximation"},
    Activation{"gelu_10", "GELU, clipped to -10 and 10"},
    Activation{"relu", "ReLU"},
    Activation{"relu2", "squared ReLU"},
    Activation{"relu6", "ReLU, clipped to 6"},
};

constexpr double kDefaultEpsilon = 1e-6;
constexpr int kDefaultWindow = 4096;
constexpr int kDefaultWindowedFrom = 28;  // max_window_layers

std::string supported() {
  std::string names;
  for (const Known& k : kKnown) names += fmt::format("{}{}", names.empty() ? "" : ", ", k.class_name);
  return names;
}

class Reader {
 public:
  explicit Reader(const JsonView& config) : in_(config), known_(find_architecture()) {}

  HfConfig read() {
    if (const auto quantization = in_.find("quantization_config"))
      out_.quantization = parse_group_quantization(*quantization, "");
    refuse_other_activations();
    m_.architecture = known_.architecture;
    m_.name = in_.find_string("_name_or_path").value_or("");
    read_sizes();
    read_heads();
    m_.norm_eps = static_cast<float>(in_.find_number("rms_norm_eps").value_or(kDefaultEpsilon));
    m_.tied_head = in_.find_boolean("tie_word_embeddings").value_or(false);
    read_hf_rope(in_, m_);
    read_window();
    read_experts();
    read_biases();
    return std::move(out_);
  }

 private:
  const Known& find_architecture() const {
    const auto type = in_.find_string("model_type");
    const auto classes = in_.find_strings("architectures");
    const std::string class_name = classes && !classes->empty() ? classes->front() : "";
    for (const Known& k : kKnown)
      if (type ? is_same_word(k.model_type, *type) : is_same_word(k.class_name, class_name))
        return check_class(k, class_name);
    if (!type && class_name.empty()) in_.at("model_type");  // an Error: it is not there
    fail(ErrorCode::kUnsupported, "{} is {}{}; Ferrum runs {}",
         in_.place(type ? "model_type" : "architectures"), in_quotes(type ? *type : class_name),
         type && !class_name.empty() ? " (" + in_quotes(class_name) + ")" : "", supported());
  }

  // model_type decides, as in transformers. Capitals differ between versions (LLaMAForCausalLM). A class with
  // another head (a classifier, a reward model) is refused: its answer is not text.
  const Known& check_class(const Known& known, const std::string& class_name) const {
    if (class_name.empty() || is_same_word(class_name, known.class_name)) return known;
    if (!to_lower(class_name).ends_with("forcausallm"))
      fail(ErrorCode::kUnsupported, "{} is {}; Ferrum runs {}", in_.place("architectures"),
           in_quotes(class_name), supported());
    log::warn("{} is {}, but model_type is '{}': the model is read as {}", in_.place("architectures"),
              in_quotes(class_name), known.model_type, known.class_name);
    return known;
  }

  void refuse_other_activations() const {
    const auto name = in_.find_string("hidden_act");
    if (!name) return;
    std::string_view meaning;
    for (const Activation& a : kActivations)
      if (is_same_word(a.name, *name)) meaning = a.meaning;
    if (meaning == kSilu) return;
    fail(ErrorCode::kUnsupported, "{} is {}{}; Ferrum runs 'silu', also called 'swish'",
         in_.place("hidden_act"), in_quotes(*name), meaning.empty() ? "" : fmt::format(" ({})", meaning));
  }

  void read_sizes() {
    m_.hidden = in_.at("hidden_size").integer();
    m_.layers = positive("num_hidden_layers", in_.at("num_hidden_layers").integer(), kMaxLayers);
    m_.vocab = in_.at("vocab_size").integer();
    m_.ffn = in_.at("intermediate_size").integer();
    m_.context = in_.find_integer("max_position_embeddings").value_or(known_.context);
  }

  void read_heads() {
    m_.q_heads = positive("num_attention_heads", in_.at("num_attention_heads").integer(), kMaxHeads);
    m_.kv_heads = in_.find_integer("num_key_value_heads").value_or(m_.q_heads);
    const int implied = known_.head_dim != 0 ? known_.head_dim : m_.hidden / m_.q_heads;
    if (!in_.find("head_dim") && known_.head_dim == 0 && m_.hidden % m_.q_heads != 0)
      fail(ErrorCode::kBadConfig, "{} is {}, which {} heads cannot share evenly, and head_dim is missing",
           in_.place("hidden_size"), m_.hidden, m_.q_heads);
    m_.head_dim = in_.find_integer("head_dim").value_or(implied);
  }

  // Which layers have a sliding window: listed layer by layer (transformers 5), or given by the number of the
  // first such layer.
  void read_window() {
    m_.sliding_layers.assign(m_.layers, false);
    if (known_.window_is_opt_in && !in_.find_boolean("use_sliding_window").value_or(false)) return;
    if (known_.architecture == Architecture::kLlama) return;
    const bool absent = !in_.contains("sliding_window");
    const auto window = absent ? std::optional(kDefaultWindow) : in_.find_integer("sliding_window");
    if (!window) return;
    m_.window = *window;
    if (const auto kinds = in_.find_strings("layer_types")) {
      read_layer_kinds(*kinds);
    } else if (known_.architecture == Architecture::kQwen2 || known_.architecture == Architecture::kQwen3) {
      const int first = std::max(in_.find_integer("max_window_layers").value_or(kDefaultWindowedFrom), 0);
      for (int i = first; i < m_.layers; ++i) m_.sliding_layers[i] = true;
    } else {
      m_.sliding_layers.assign(m_.layers, true);
    }
    if (std::find(m_.sliding_layers.begin(), m_.sliding_layers.end(), true) == m_.sliding_layers.end())
      m_.window = 0;
  }

  void read_layer_kinds(const std::vector<std::string>& kinds) {
    if (kinds.size() != static_cast<size_t>(m_.layers))
      fail(ErrorCode::kBadConfig, "{} has {} entries, but num_hidden_layers is {}", in_.place("layer_types"),
           kinds.size(), m_.layers);
    for (int i = 0; i < m_.layers; ++i) {
      if (kinds[i] != "full_attention" && kinds[i] != "sliding_attention")
        fail(ErrorCode::kUnsupported, "{} has {}; Ferrum runs 'full_attention' and 'sliding_attention'",
             in_.place("layer_types"), in_quotes(kinds[i]));
      m_.sliding_layers[i] = kinds[i] == "sliding_attention";
    }
  }

  void read_experts() {
    m_.moe_layers.assign(m_.layers, false);
    if (known_.architecture != Architecture::kQwen3Moe) return;
    const char* key = in_.find("num_experts") ? "num_experts" : "num_local_experts";
    m_.experts = in_.at(key).integer();
    const auto other = in_.find_integer("num_local_experts");
    if (other && *other != m_.experts)
      fail(ErrorCode::kBadConfig, "{} is {}, but num_experts is {}", in_.place("num_local_experts"), *other,
           m_.experts);
    if (m_.experts == 0) return;
    m_.experts_per_token = in_.at("num_experts_per_tok").integer();
    m_.expert_ffn = in_.at("moe_intermediate_size").integer();
    m_.renormalize_experts = in_.find_boolean("norm_topk_prob").value_or(false);
    const int step =
        positive("decoder_sparse_step", in_.find_integer("decoder_sparse_step").value_or(1), kMaxLayers);
    for (int i = 0; i < m_.layers; ++i) m_.moe_layers[i] = (i + 1) % step == 0;
    for (const int i : in_.find_integers("mlp_only_layers").value_or(std::vector<int>()))
      if (i >= 0 && i < m_.layers) m_.moe_layers[i] = false;
  }

  void read_biases() {
    using Role = TensorRole;
    if (known_.architecture == Architecture::kQwen2) out_.biased = {Role::kQuery, Role::kKey, Role::kValue};
    const bool may_have =
        known_.architecture != Architecture::kMistral && known_.architecture != Architecture::kQwen2;
    if (may_have && in_.find_boolean("attention_bias").value_or(false))
      out_.biased = {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut};
    if (known_.architecture == Architecture::kLlama && in_.find_boolean("mlp_bias").value_or(false))
      out_.biased.insert(out_.biased.end(), {Role::kGate, Role::kUp, Role::kDown});
  }

  // Other fields are computed from these, so they must be in range before validate() checks the whole.
  int positive(std::string_view key, int value, int most) const {
    if (value < 1 || value > most)
      fail(ErrorCode::kBadConfig, "{} is {}, out of the range 1 to {}", in_.place(key), value, most);
    return value;
  }

  static constexpr int kMaxLayers = 1024;
  static constexpr int kMaxHeads = 4096;

  const JsonView& in_;
  const Known& known_;
  HfConfig out_;
  ModelDescription& m_ = out_.model;
};

}  // namespace

std::vector<TokenId> token_ids(const JsonView& fields, std::string_view key, int vocab) {
  const auto field = fields.find(key);
  if (!field) return {};
  std::vector<TokenId> ids;
  const auto take = [&](const JsonView& entry) {
    const Json& value = entry.value();
    const double id = value.is_number() ? value.get<double>() : -1;
    if (id >= 0 && id < vocab && id == std::floor(id)) {
      ids.push_back(static_cast<TokenId>(id));
    } else if (!value.is_null()) {
      log::warn("{}: {} is {}, which names none of the {} tokens; it is ignored", entry.source(),
                entry.field(), in_quotes(value.dump(-1, ' ', false, Json::error_handler_t::replace)), vocab);
    }
  };
  if (!field->is_array()) {
    take(*field);
  } else {
    for (size_t i = 0; i < field->size(); ++i) take(field->element(i));
  }
  return ids;
}

HfConfig parse_hf_config(std::string_view json, const std::string& source) {
  const Json document =
      parse_json(json, source, {.max_bytes = size_t{16} << 20, .non_finite = NonFinite::kRead});
  const JsonView fields(document, source);
  HfConfig config = Reader(fields).read();
  validate(config.model, source);
  config.stop_tokens = token_ids(fields, "eos_token_id", config.model.vocab);
  return config;
}

}  // namespace ferrum
