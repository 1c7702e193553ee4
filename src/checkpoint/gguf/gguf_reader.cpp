#include "checkpoint/gguf/gguf_reader.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "checkpoint/activation_names.h"
#include "checkpoint/pair_form.h"

namespace ferrum {
namespace {

using Kind = RopeScaling::Kind;
using Role = TensorRole;

constexpr int kMaxLayers = 1024;
constexpr int kMost = 1 << 28;  // validate() is stricter; this keeps numbers in an int

// Keys of one architecture, with messages that name file and key.
class Keys {
 public:
  Keys(const GgufMetadata& metadata, const Architecture& architecture)
      : metadata_(metadata), prefix_(std::string(architecture.gguf_name()) + ".") {}

  std::string full(std::string_view name) const { return prefix_ + std::string(name); }

  int required(std::string_view name, int most) const {
    const auto value = metadata_.integer(full(name));
    if (!value) fail_missing(name);
    return in_range(name, *value, most);
  }

  std::optional<int> optional(std::string_view name) const {
    const auto value = metadata_.integer(full(name));
    if (!value) return std::nullopt;
    if (*value < 0 || *value > kMost) fail_range(name, *value, 0, kMost);
    return static_cast<int>(*value);
  }

  // A number for all layers, or an array with one for each.
  std::optional<std::vector<int>> per_layer(std::string_view name, int depth) const {
    const std::string key = full(name);
    const GgufValue* value = metadata_.find(key);
    if (value == nullptr) return std::nullopt;
    if (!std::holds_alternative<GgufArray>(*value))
      return std::vector<int>(static_cast<size_t>(depth), optional(name).value());
    const std::vector<int64_t> layers = *metadata_.integers(key);
    check_layers(key, layers.size(), depth);
    std::vector<int> result;
    for (const int64_t v : layers) {
      if (v < 0 || v > kMost) fail_range(name, v, 0, kMost);
      result.push_back(static_cast<int>(v));
    }
    return result;
  }

  void check_layers(const std::string& key, size_t size, int depth) const {
    if (size != static_cast<size_t>(depth))
      fail(ErrorCode::kBadConfig, "{}: {} has {} entries, but there are {} layers", metadata_.source(), key,
           size, depth);
  }

  int in_range(std::string_view name, int64_t value, int most) const {
    if (value < 1 || value > most) fail_range(name, value, 1, most);
    return static_cast<int>(value);
  }

  [[noreturn]] void fail_range(std::string_view name, int64_t value, int least, int most) const {
    fail(ErrorCode::kBadConfig, "{}: {} is {}, out of the range {} to {}", metadata_.source(), full(name),
         value, least, most);
  }

  [[noreturn]] void fail_missing(std::string_view name) const {
    fail(ErrorCode::kBadConfig, "{}: key '{}' is missing", metadata_.source(), full(name));
  }

 private:
  const GgufMetadata& metadata_;
  std::string prefix_;
};

std::vector<float> factors(const GgufMetadata& metadata, const TensorTable& tensors, Role role) {
  const HostTensor* tensor = tensors.find({role});
  if (!tensor) return {};
  if (tensor->elements() > kMost)
    fail(ErrorCode::kBadConfig, "{}: tensor {} has {} elements", metadata.source(), in_quotes(tensor->name),
         tensor->elements());
  return decoded(*tensor);
}

}  // namespace

GgufReader::GgufReader(const GgufMetadata& metadata, const TensorTable& tensors,
                       const Architecture& architecture)
    : metadata_(metadata), tensors_(tensors), architecture_(architecture) {}

ModelDescription GgufReader::read() {
  m_.architecture = &architecture_;
  m_.name = metadata_.string("general.name").value_or("");
  read_sizes();
  read_heads();
  read_ropes();
  auto eps = number("attention.layer_norm_rms_epsilon");
  if (!eps) eps = number("attention.layer_norm_epsilon");
  m_.wiring.eps = eps.value_or(1e-5f);
  architecture_.read_gguf(*this);
  read_text_head();
  return std::move(m_);
}

void GgufReader::read_sizes() {
  const Keys keys(metadata_, architecture_);
  // The last blocks predict further tokens; they are no layers of the text model.
  const int blocks = keys.required("block_count", kMaxLayers);
  const int predicting = keys.optional("nextn_predict_layers").value_or(0);
  m_.layers.resize(static_cast<size_t>(std::max(1, blocks - predicting)));
  m_.hidden = keys.required("embedding_length", kMost);
  m_.context = keys.required("context_length", kMost);
  const auto widths = keys.per_layer("feed_forward_length", blocks);
  each_layer([&](int i, LayerDescription& layer) {
    layer.feed_forward.width = widths ? (*widths)[static_cast<size_t>(i)] : 0;
  });
  m_.tied_head = !tensors_.find({Role::kHead});
  if (const auto said = keys.optional("vocab_size")) {
    m_.vocab = *said;
  } else if (const auto tokens = metadata_.strings("tokenizer.ggml.tokens")) {
    m_.vocab = static_cast<int>(std::min<size_t>(tokens->size(), kMost));
  } else if (const HostTensor* embedding = tensors_.find({Role::kEmbedding})) {
    m_.vocab = static_cast<int>(std::min<int64_t>(embedding->rows(), kMost));
  }
  // As in llama.cpp the tokens count, where the model has a row for each.
  const auto tokens = metadata_.strings("tokenizer.ggml.tokens");
  const HostTensor* embedding = tensors_.find({Role::kEmbedding});
  if (!tokens || !embedding || std::ssize(*tokens) != embedding->rows() || m_.vocab == embedding->rows())
    return;
  log::warn("{}: {} is {}, but the vocabulary and the embedding have {} tokens, which count",
            metadata_.source(), keys.full("vocab_size"), m_.vocab, embedding->rows());
  m_.vocab = static_cast<int>(std::min<int64_t>(embedding->rows(), kMost));
}

void GgufReader::read_heads() {
  const Keys keys(metadata_, architecture_);
  const int blocks = keys.required("block_count", kMaxLayers);
  const auto heads = keys.per_layer("attention.head_count", blocks);
  if (!heads) keys.fail_missing("attention.head_count");
  const auto kv_heads = keys.per_layer("attention.head_count_kv", blocks);
  const auto key_length = keys.optional("attention.key_length");
  const auto value_length = keys.optional("attention.value_length");
  const bool may_lack_heads = kv_heads || integer("ssm.inner_size");
  each_layer([&](int i, LayerDescription& layer) {
    AttentionDescription& a = layer.attention;
    a.q_heads = (*heads)[static_cast<size_t>(i)];
    a.kv_heads = kv_heads ? (*kv_heads)[static_cast<size_t>(i)] : a.q_heads;
    // A layer without keys and values may have no heads either.
    if (a.kv_heads > 0 || !may_lack_heads) keys.in_range("attention.head_count", a.q_heads, kMost);
    a.head_dim = key_length.value_or(m_.hidden / std::max(a.q_heads, 1));
    a.value_dim = value_length.value_or(a.head_dim);
    a.scale = 1.0f / std::sqrt(static_cast<float>(std::max(a.head_dim, 1)));
  });
}

void GgufReader::read_ropes() {
  read_rope(m_.rope, "");
  m_.rope.frequency_divisors = factors(metadata_, tensors_, Role::kRopeFrequencies);
  read_scaling(m_.rope);
  m_.window_rope = m_.rope;
  const bool differs = number("rope.freq_base_swa").has_value() || integer("rope.dimension_count_swa");
  if (!differs) return;
  m_.window_rope = {.theta = m_.rope.theta, .rotary_dim = m_.rope.rotary_dim};
  read_rope(m_.window_rope, "_swa");
}

void GgufReader::read_rope(RopeDescription& rope, std::string_view suffix) const {
  const auto key = [&](std::string_view name) { return std::string(name) + std::string(suffix); };
  rope.interleaved = architecture_.gguf_interleaved;
  rope.theta = number(key("rope.freq_base")).value_or(rope.theta);
  const int usual = rope.rotary_dim != 0 ? rope.rotary_dim : m_.layers.front().attention.head_dim;
  rope.rotary_dim = integer(key("rope.dimension_count")).value_or(usual);
}

void GgufReader::read_scaling(RopeDescription& rope) const {
  const Keys keys(metadata_, architecture_);
  RopeScaling& s = rope.scaling;
  s.short_factors = factors(metadata_, tensors_, Role::kRopeFactorsShort);
  s.long_factors = factors(metadata_, tensors_, Role::kRopeFactorsLong);
  // Without a type, a factor means linear scaling; so does the key of older files.
  const auto factor = metadata_.has(keys.full("rope.scaling.factor")) ? number("rope.scaling.factor")
                                                                      : number("rope.scale_linear");
  const std::string_view implied = s.long_factors.empty() ? "linear" : "longrope";
  const std::string_view type = metadata_.string(keys.full("rope.scaling.type")).value_or(implied);
  if (type == "none") {
    s.kind = Kind::kNone;
  } else if (type == "linear") {
    s.kind = Kind::kLinear;
  } else if (type == "yarn") {
    s.kind = Kind::kYarn;
  } else if (type == "longrope") {
    s.kind = Kind::kLongRope;
  } else {
    fail(ErrorCode::kUnsupported, "{}: {} is {}; Ferrum runs none, linear, yarn and longrope",
         metadata_.source(), keys.full("rope.scaling.type"), in_quotes(type));
  }
  s.factor = factor.value_or(0) == 0 ? 1 : *factor;
  if (s.kind == Kind::kLinear && s.factor == 1) s.kind = Kind::kNone;
  s.original_context = integer("rope.scaling.original_context_length").value_or(m_.context);
  if (s.kind == Kind::kLongRope) s.attention_factor = number("rope.scaling.attn_factor").value_or(1);
  if (s.kind != Kind::kYarn) return;
  s.beta_fast = number("rope.scaling.yarn_beta_fast").value_or(s.beta_fast);
  s.beta_slow = number("rope.scaling.yarn_beta_slow").value_or(s.beta_slow);
  s.truncate = metadata_.boolean(keys.full("rope.scaling.yarn_truncate")).value_or(true);
  // attn_factor multiplies what YaRN computes of itself, 1 + ln(factor) / 10; ours replaces that.
  // yarn_attn_factor replaces it as well.
  if (const auto whole = number("rope.scaling.yarn_attn_factor"))
    s.attention_factor = *whole;
  else if (const auto extra = number("rope.scaling.attn_factor"); extra && *extra != 1)
    s.attention_factor = *extra * (1 + 0.1f * std::log(s.factor));
  if (const auto multiplier = number("rope.scaling.yarn_log_multiplier"); multiplier && *multiplier != 0) {
    s.mscale = 1;
    s.mscale_all_dim = *multiplier;
  }
}

// What a classifier reads of a text's rows, where no key says so: what the architecture usually does, else
// the first of an encoder's.
void GgufReader::read_classifier_pooling(bool last) {
  std::vector<TextPooling>& pooling = m_.text_head.pooling;
  const auto said = integer("classifier.pooling_type");
  if (said && *said != 1 && *said != 2)
    fail(ErrorCode::kUnsupported, "{}: {} is {}; Ferrum runs 1 and 2 (mean, first)", metadata_.source(),
         Keys(metadata_, architecture_).full("classifier.pooling_type"), *said);
  if (said)
    pooling = {*said == 1 ? TextPooling::kMean : TextPooling::kFirst};
  else if (pooling.empty())
    pooling = {m_.encoder && !last ? TextPooling::kFirst : TextPooling::kLast};
}

// Of an encoder's classifier that converters write in part: some leave out the layer between a text's state
// and its scores (BERT's pooler), some have no name for the scores. Without these a score means nothing.
void GgufReader::check_classifier_is_whole() const {
  const TensorKey layers[] = {{Role::kTextDense}, {Role::kTextOut}};
  for (int i = 0; i < 2; ++i)
    if (has_tensor(layers[1 - i]) && !has_tensor(layers[i]))
      fail(ErrorCode::kBadFile,
           "{}: tensor '{}' is missing: a classifier of the architecture {} has two layers; `ferrum convert` "
           "writes both from the model's folder",
           metadata_.source(), i == 0 ? "cls.weight" : "cls.output.weight", architecture_.gguf_name());
}

// Files do not say whether embeddings are normalised; who reads them takes it so.
void GgufReader::read_text_head() {
  const Keys keys(metadata_, architecture_);
  TextHeadDescription& head = m_.text_head;
  enum { kNone, kMean, kFirst, kLast, kRank };
  const auto said = integer("pooling_type");
  if (said && *said > kRank)
    fail(ErrorCode::kUnsupported, "{}: {} is {}; Ferrum runs 0 to 4 (none, mean, first, last, ranks)",
         metadata_.source(), keys.full("pooling_type"), *said);
  const int type = said.value_or(kNone);
  if (m_.encoder) check_classifier_is_whole();
  if (has_tensor({Role::kTextOut})) {
    head.classifies = true;
    read_classifier_pooling(type == kLast);
    if (has_tensor({Role::kTextDense})) {
      const bool has_norm = has_tensor({Role::kTextNorm});
      head.layers.push_back({.weight = {Role::kTextDense},
                             .norm = has_norm ? TensorKey{Role::kTextNorm} : TensorKey(),
                             .in = m_.hidden,
                             .out = static_cast<int>(tensor_rows({Role::kTextDense})),
                             .function = has_norm ? TextLayer::Function::kGelu : TextLayer::Function::kTanh});
    }
    const int in = head.layers.empty() ? m_.hidden : head.layers.back().out;
    head.layers.push_back({.weight = {Role::kTextOut},
                           .norm = {},
                           .in = in,
                           .out = static_cast<int>(tensor_rows({Role::kTextOut}))});
    if (const auto labels = metadata_.strings(keys.full("classifier.output_labels")))
      head.labels.assign(labels->begin(), labels->end());
    if (const auto form = metadata_.string("tokenizer.chat_template.rerank"))
      set_form(head, std::string(*form));
    return;
  }
  if (type == kRank)
    fail(ErrorCode::kBadFile, "{}: {} is 4, which ranks texts, but tensor 'cls.output.weight' is missing",
         metadata_.source(), keys.full("pooling_type"));
  // A file may be silent, of a model that makes nothing else: then as a folder without modules.
  if (type == kNone && !m_.encoder && m_.causal) return;
  head.pooling = {type == kFirst  ? TextPooling::kFirst
                  : type == kLast ? TextPooling::kLast
                                  : TextPooling::kMean};
  head.normalizes = true;
  for (int i = 2; has_tensor({Role::kTextModule, i}); ++i) {
    const int in = head.layers.empty() ? m_.hidden : head.layers.back().out;
    head.layers.push_back({.weight = {Role::kTextModule, i},
                           .norm = {},
                           .in = in,
                           .out = static_cast<int>(tensor_rows({Role::kTextModule, i}))});
  }
}

std::optional<float> GgufReader::number(std::string_view name) const {
  const auto value = metadata_.number(Keys(metadata_, architecture_).full(name));
  return value ? std::optional(static_cast<float>(*value)) : std::nullopt;
}

void GgufReader::activation(std::string_view name) {
  const std::string key = Keys(metadata_, architecture_).full(name);
  const auto said = metadata_.string(key);
  if (said) m_.activation = activation_named(*said, fmt::format("{}: {}", metadata_.source(), key));
}

std::optional<int> GgufReader::integer(std::string_view name) const {
  return Keys(metadata_, architecture_).optional(name);
}

bool GgufReader::has_list(std::string_view name) const {
  const GgufValue* value = metadata_.find(Keys(metadata_, architecture_).full(name));
  return value != nullptr && std::holds_alternative<GgufArray>(*value);
}

std::optional<std::vector<bool>> GgufReader::flags(std::string_view name) const {
  const Keys keys(metadata_, architecture_);
  const std::string key = keys.full(name);
  if (!metadata_.has(key)) return std::nullopt;
  const auto values = metadata_.integers(key);
  keys.check_layers(key, values->size(), keys.required("block_count", kMaxLayers));
  std::vector<bool> flags;
  for (int i = 0; i < depth(); ++i) flags.push_back((*values)[static_cast<size_t>(i)] != 0);
  return flags;
}

int64_t GgufReader::tensor_rows(const TensorKey& key) const {
  const HostTensor* tensor = tensors_.find(key);
  return tensor == nullptr ? 0 : tensor->rows();
}

void GgufReader::each_layer(const std::function<void(int, LayerDescription&)>& body) {
  for (int i = 0; i < depth(); ++i) body(i, m_.layers[static_cast<size_t>(i)]);
}

void GgufReader::head_norms(HeadNorm norm, bool last) {
  each_layer([&](int, LayerDescription& layer) {
    layer.attention.norm = norm;
    layer.attention.norm_last = last;
  });
}

void GgufReader::windows(const std::function<bool(int)>& slides) {
  const Keys keys(metadata_, architecture_);
  const int window = integer("attention.sliding_window").value_or(0);
  if (window == 0) return;
  std::vector<bool> sliding;
  for (int i = 0; i < depth(); ++i) sliding.push_back(slides(i));
  const std::string pattern = keys.full("attention.sliding_window_pattern");
  if (const GgufValue* value = metadata_.find(pattern)) {
    if (std::holds_alternative<GgufArray>(*value)) {
      const std::vector<int64_t> layers = *metadata_.integers(pattern);
      keys.check_layers(pattern, layers.size(), keys.required("block_count", kMaxLayers));
      for (size_t i = 0; i < sliding.size(); ++i) sliding[i] = layers[i] != 0;
    } else if (const uint64_t period = *metadata_.unsigned_integer(pattern); period > 0) {
      for (size_t i = 0; i < sliding.size(); ++i) sliding[i] = i % period != period - 1;
    }
  }
  each_layer([&](int i, LayerDescription& layer) {
    if (!sliding[static_cast<size_t>(i)]) return;
    layer.attention.window = window;
    layer.attention.rope = LayerRope::kWindow;
  });
}

void GgufReader::experts(bool renormalize, RoutingDescription::Score score) {
  const Keys keys(metadata_, architecture_);
  const int count = integer("expert_count").value_or(0);
  if (count == 0) return;
  RoutingDescription& r = m_.routing;
  r.top_k = keys.required("expert_used_count", kMost);
  r.score = score;
  if (const auto function = integer("expert_gating_func"); function && *function != 0) {
    constexpr RoutingDescription::Score kScores[] = {RoutingDescription::Score::kSoftmax,
                                                     RoutingDescription::Score::kSigmoid,
                                                     RoutingDescription::Score::kSoftmaxOfChosen};
    if (*function > 3)
      fail(ErrorCode::kUnsupported,
           "{}: {} is {}; Ferrum runs 1 to 3 (softmax, sigmoid, softmax of the chosen)", metadata_.source(),
           keys.full("expert_gating_func"), *function);
    r.score = kScores[*function - 1];
  }
  r.renormalize = metadata_.boolean(keys.full("expert_weights_norm")).value_or(renormalize);
  const float scale = number("expert_weights_scale").value_or(0);
  r.scale = scale == 0 ? 1 : scale;
  r.groups = std::max(1, integer("expert_group_count").value_or(1));
  r.groups_used = std::max(1, integer("expert_group_used_count").value_or(r.groups));
  const auto width = integer("expert_feed_forward_length");
  each_layer([&](int i, LayerDescription& layer) {
    if (!has_tensor({Role::kRouter, i})) return;
    FeedForwardDescription& f = layer.feed_forward;
    f.experts = count;
    if (width) f.width = *width;
    if (const HostTensor* shared = tensors_.find({Role::kSharedUp, i}))
      f.shared_width = static_cast<int>(std::min<int64_t>(shared->rows(), kMost));
    f.shared_gate = has_tensor({Role::kSharedRouter, i});
    r.selection_bias |= has_tensor({Role::kSelectionBias, i});
  });
}

}  // namespace ferrum
