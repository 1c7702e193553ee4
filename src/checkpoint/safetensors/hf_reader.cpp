#include "checkpoint/safetensors/hf_reader.h"

#include <algorithm>
#include <cmath>

#include "base/ascii.h"
#include "base/error.h"
#include "checkpoint/activation_names.h"
#include "checkpoint/safetensors/hf_rope.h"

namespace ferrum {
namespace {

using Role = TensorRole;

constexpr int kMaxLayers = 1024;
constexpr int kMaxHeads = 4096;

// Other fields are computed from these, so they must be in range before validate() checks the whole.
int positive(const JsonView& in, std::string_view key, int value, int most) {
  if (value < 1 || value > most)
    fail(ErrorCode::kBadConfig, "{} is {}, out of the range 1 to {}", in.place(key), value, most);
  return value;
}

}  // namespace

HfReader::HfReader(const JsonView& config, const JsonView& outer, const Architecture& architecture)
    : in_(config), outer_(outer), architecture_(architecture) {}

ModelDescription HfReader::read() {
  m_.architecture = &architecture_;
  m_.name = outer_.find_string("_name_or_path").value_or("");
  read_sizes();
  read_heads();
  activation(activation_key());
  m_.wiring.eps = static_cast<float>(
      first_number({"rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon", "norm_epsilon", "norm_eps"})
          .value_or(architecture_.hf_defaults.eps));
  const auto tied = in_.find_boolean("tie_word_embeddings");
  m_.tied_head =
      tied ? *tied : outer_.find_boolean("tie_word_embeddings").value_or(architecture_.hf_defaults.tied_head);
  read_hf_rope(in_, architecture_.hf_defaults, m_);
  architecture_.read_hf(*this);
  read_text_head();
  return std::move(m_);
}

void HfReader::read_sizes() {
  m_.hidden = in_.at("hidden_size").integer();
  m_.layers.resize(static_cast<size_t>(positive(in_, "num_hidden_layers", read_depth(), kMaxLayers)));
  const int usual_vocab = architecture_.hf_defaults.vocab;
  m_.vocab = usual_vocab > 0 ? integer("vocab_size", usual_vocab) : in_.at("vocab_size").integer();
  // A model of experts alone may have no dense width; a dense layer without one is refused later.
  const bool may_lack_width = in_.find("moe_intermediate_size") || in_.find("block_ff_dim");
  const int width = may_lack_width ? in_.find_integer("intermediate_size").value_or(0)
                                   : in_.at("intermediate_size").integer();
  for (LayerDescription& layer : m_.layers) layer.feed_forward.width = width;
  m_.context = in_.find_integer("max_position_embeddings").value_or(architecture_.hf_defaults.context);
}

// Where a list has a word for each layer, or a word a letter for each, it may be all there is.
int HfReader::read_depth() const {
  if (in_.find("num_hidden_layers")) return in_.at("num_hidden_layers").integer();
  for (const char* list : {"layers_block_type", "layer_types"})
    if (const auto words = in_.find_strings(list)) return static_cast<int>(words->size());
  if (const auto letters = in_.find_string("hybrid_override_pattern"))
    return static_cast<int>(letters->size());
  return in_.at("num_hidden_layers").integer();  // an Error: it is not there
}

void HfReader::read_heads() {
  AttentionDescription a;
  const int usual_heads = architecture_.hf_defaults.heads;
  const int heads =
      usual_heads > 0 ? integer("num_attention_heads", usual_heads) : in_.at("num_attention_heads").integer();
  a.q_heads = positive(in_, "num_attention_heads", heads, kMaxHeads);
  const int kv_heads = default_of("num_key_value_heads", architecture_.hf_defaults.kv_heads);
  a.kv_heads = in_.find_integer("num_key_value_heads").value_or(kv_heads != 0 ? kv_heads : a.q_heads);
  const int usual = default_of("head_dim", architecture_.hf_defaults.head_dim);
  if (!in_.find("head_dim") && usual == 0 && m_.hidden % a.q_heads != 0)
    fail(ErrorCode::kBadConfig, "{} is {}, which {} heads cannot share evenly, and head_dim is missing",
         in_.place("hidden_size"), m_.hidden, a.q_heads);
  a.head_dim = in_.find_integer("head_dim").value_or(usual != 0 ? usual : m_.hidden / a.q_heads);
  a.value_dim = in_.find_integer("v_head_dim").value_or(a.head_dim);
  a.scale = 1.0f / std::sqrt(static_cast<float>(std::max(a.head_dim, 1)));
  for (LayerDescription& layer : m_.layers) layer.attention = a;
}

void HfReader::activation(std::string_view key) {
  if (const auto name = in_.find_string(key)) m_.activation = activation_named(*name, in_.place(key));
}

std::string_view HfReader::activation_key() const {
  return in_.find("hidden_act") ? "hidden_act" : "hidden_activation";
}

void HfReader::require_activation(ActivationFunction function) const {
  const std::string_view key = activation_key();
  const auto name = in_.find_string(key);
  if (name && activation_named(*name, in_.place(key)) != function)
    fail(ErrorCode::kUnsupported, "{} is {}; Ferrum does not run {} with it", in_.place(key),
         in_quotes(*name), architecture_.name);
}

// A field that is null has no default: its value follows from others.
int HfReader::default_of(std::string_view key, int value) const { return in_.contains(key) ? 0 : value; }

float HfReader::number(std::string_view key, double fallback) const {
  return static_cast<float>(in_.find_number(key).value_or(fallback));
}

int HfReader::integer(std::string_view key, int fallback) const {
  return first_integer({key}).value_or(fallback);
}

bool HfReader::boolean(std::string_view key, bool fallback) const {
  return in_.find_boolean(key).value_or(!in_.contains(key) && fallback);
}

void HfReader::refuse_true(std::string_view key, std::string_view instead) const {
  if (boolean(key, false)) fail(ErrorCode::kUnsupported, "{} is true; Ferrum {}", in_.place(key), instead);
}

bool HfReader::classifies() const {
  const auto classes = outer_.find_strings("architectures");
  return classes && !classes->empty() && to_lower(classes->front()).ends_with("forsequenceclassification");
}

int HfReader::labels() const {
  if (const auto names = outer_.find("id2label"); names && names->is_object())
    return static_cast<int>(names->value().size());
  return outer_.find_integer("num_labels").value_or(2);
}

// The function that sentence-transformers stores, or the one that belongs to the kind of labels.
void HfReader::read_scores(TextHeadDescription& head) {
  using Scores = TextHeadDescription::Scores;
  const auto said = [](const JsonView& object, std::string_view key) {
    const auto value = object.find(key);
    return value && value->is_string() ? value->string() : std::string();
  };
  if (said(outer_, "problem_type") == "multi_label_classification") head.scores = Scores::kLogistic;
  const auto own = outer_.find("sentence_transformers");
  const std::string name = own && own->is_object() ? said(*own, "activation_fn")
                                                   : said(outer_, "sbert_ce_default_activation_function");
  if (name.ends_with("Identity")) head.scores = Scores::kLogits;
  if (name.ends_with("Sigmoid")) head.scores = Scores::kLogistic;
}

// A decoder's logits are of its last token. A class without any head makes hidden states alone.
void HfReader::read_text_head() {
  const auto classes = outer_.find_strings("architectures");
  if (classes && !classes->empty() && to_lower(classes->front()).ends_with("model")) m_.tied_head = true;
  if (!classifies()) return;
  TextHeadDescription& head = m_.text_head;
  head.classifies = true;
  if (!m_.encoder) {
    head.pooling = {TextPooling::kLast};
    head.layers = {{.weight = {Role::kTextOut}, .norm = {}, .in = m_.hidden, .out = labels()}};
    m_.tied_head = true;
  }
  read_scores(head);
  const auto names = outer_.find("id2label");
  if (!names || !names->is_object()) return;
  for (int i = 0; i < labels(); ++i)
    head.labels.push_back(names->string_or(std::to_string(i), fmt::format("LABEL_{}", i)));
}

std::optional<int> HfReader::first_integer(std::initializer_list<std::string_view> keys) const {
  for (const std::string_view key : keys) {
    const auto values = in_.find_integers(key);
    if (!values) continue;
    for (const int value : *values)
      if (value != values->front())
        fail(ErrorCode::kUnsupported, "{} differs between layers ({} and {})", in_.place(key),
             values->front(), value);
    if (!values->empty()) return values->front();
  }
  return std::nullopt;
}

std::optional<double> HfReader::first_number(std::initializer_list<std::string_view> keys) const {
  for (const std::string_view key : keys)
    if (const auto value = in_.find_number(key)) return value;
  return std::nullopt;
}

void HfReader::placeholders(std::initializer_list<NamedToken> fields, int row) {
  if (!outer_.find("text_config")) return;
  for (const NamedToken& field : fields) {
    const int token = outer_.find_integer(field.key).value_or(outer_.contains(field.key) ? -1 : field.usual);
    if (token >= 0 && token < m_.vocab) m_.placeholders.push_back(token);
  }
  m_.placeholder_row = row >= 0 && row < m_.vocab ? row : 0;
}

void HfReader::each_layer(const std::function<void(int, LayerDescription&)>& body) {
  for (int i = 0; i < depth(); ++i) body(i, m_.layers[static_cast<size_t>(i)]);
}

void HfReader::head_norms(HeadNorm norm, bool last) {
  for (LayerDescription& layer : m_.layers) {
    layer.attention.norm = norm;
    layer.attention.norm_last = last;
  }
}

bool HfReader::has_ropes_by_kind() const {
  const auto rope = rope_fields();
  return rope && (rope->find("full_attention") || rope->find("sliding_attention"));
}

std::optional<JsonView> HfReader::rope_fields() const { return find_rope_fields(in_); }

void HfReader::temperature(double usual_beta) {
  const auto rope = rope_fields();
  const double beta = rope ? rope->find_number("llama_4_scaling_beta").value_or(0) : usual_beta;
  if (beta == 0) return;
  m_.temperature_beta = static_cast<float>(beta);
  const auto length = rope ? rope->find_integer("original_max_position_embeddings") : std::nullopt;
  m_.temperature_length = length.value_or(m_.rope.scaling.original_context);
}

void HfReader::biases(std::string_view key, bool fallback, std::initializer_list<TensorRole> roles) {
  if (boolean(key, fallback))
    m_.biased.insert(m_.biased.end(), roles);
  else if (in_.contains(key))
    m_.unbiased.insert(m_.unbiased.end(), roles);
}

void HfReader::windows(int fallback, const std::function<bool(int)>& slides) {
  const bool absent = !in_.contains("sliding_window");
  const int window = absent ? fallback : in_.find_integer("sliding_window").value_or(0);
  if (!absent && window != 0) positive(in_, "sliding_window", window, 1 << 28);
  std::vector<bool> sliding = kinds("layer_types", "full_attention", "sliding_attention");
  if (sliding.empty())
    for (int i = 0; i < depth(); ++i) sliding.push_back(slides(i));
  each_layer([&](int i, LayerDescription& layer) {
    if (!sliding[static_cast<size_t>(i)] || window == 0) return;
    layer.attention.window = window;
    layer.attention.rope = LayerRope::kWindow;
  });
}

void HfReader::require_each_layer(std::string_view key, size_t count) const {
  if (count != m_.layers.size())
    fail(ErrorCode::kBadConfig, "{} has {} entries, but num_hidden_layers is {}", in_.place(key), count,
         m_.layers.size());
}

std::vector<bool> HfReader::kinds(std::string_view key, std::string_view no, std::string_view yes) const {
  const auto words = in_.find_strings(key);
  if (!words) return {};
  require_each_layer(key, words->size());
  std::vector<bool> result;
  for (const std::string& word : *words) {
    if (word != no && word != yes)
      fail(ErrorCode::kUnsupported, "{} has {}; Ferrum runs '{}' and '{}'", in_.place(key), in_quotes(word),
           no, yes);
    result.push_back(word == yes);
  }
  return result;
}

std::vector<bool> HfReader::sparse_layers(const std::function<bool(int)>& sparse) const {
  std::vector<bool> layers = kinds("mlp_layer_types", "dense", "sparse");
  if (layers.empty())
    for (int i = 0; i < depth(); ++i) layers.push_back(sparse(i));
  return layers;
}

std::vector<bool> HfReader::sparse_layers_by_step() const {
  const int step = integer("decoder_sparse_step", 1);
  if (step < 1) in_.at("decoder_sparse_step").refuse("must be 1 or more");
  const std::vector<int> dense = in_.find_integers("mlp_only_layers").value_or(std::vector<int>());
  return sparse_layers(
      [&](int i) { return (i + 1) % step == 0 && std::ranges::find(dense, i) == dense.end(); });
}

void HfReader::experts(const std::vector<bool>& layers, bool renormalize) {
  constexpr std::string_view kCounts[] = {"num_experts", "num_local_experts", "n_routed_experts",
                                          "moe_num_experts"};
  const auto key = std::ranges::find_if(kCounts, [&](std::string_view k) { return in_.find(k).has_value(); });
  const HfDefaults& usual = architecture_.hf_defaults;
  const bool said = key != std::end(kCounts);
  if (!said && usual.experts == 0) in_.at("num_experts");  // an Error: it is not there
  const int count = said ? *first_integer({*key}) : usual.experts;
  for (const std::string_view other : kCounts)
    if (const auto value = first_integer({other}); value && *value != count)
      fail(ErrorCode::kBadConfig, "{} is {}, but {} is {}", in_.place(other), *value, *key, count);
  if (count == 0) return;
  const auto top_k =
      first_integer({"num_experts_per_tok", "num_experts_per_token", "moe_topk", "moe_k", "top_k_experts"});
  RoutingDescription& r = m_.routing;
  if (!top_k && usual.top_k == 0) in_.at("num_experts_per_tok");  // an Error: it is not there
  r.top_k = top_k.value_or(usual.top_k);
  r.renormalize = boolean("norm_topk_prob", boolean("route_norm", boolean("moe_renormalize", renormalize)));
  r.scale = static_cast<float>(first_number({"routed_scaling_factor", "route_scale", "router_scaling_factor",
                                             "moe_routed_scaling_factor"})
                                   .value_or(usual.expert_scale));
  r.groups = integer("n_group", integer("num_expert_group", 1));
  r.groups_used = integer("topk_group", r.groups);
  const auto own_width = first_integer({"moe_intermediate_size"});
  const int width =
      own_width ? *own_width
                : (usual.expert_width != 0 ? usual.expert_width : in_.at("intermediate_size").integer());
  const int shared =
      first_integer({"n_shared_experts", "num_shared_experts", "num_shared_expert", "moe_num_shared_experts"})
          .value_or(usual.shared_experts);
  const auto shared_width = first_integer({"shared_expert_intermediate_size", "shared_intermediate_size"});
  each_layer([&](int i, LayerDescription& layer) {
    if (!layers[static_cast<size_t>(i)]) return;
    layer.feed_forward.experts = count;
    layer.feed_forward.width = width;
    layer.feed_forward.shared_width = shared_width ? *shared_width : shared * width;
  });
}

}  // namespace ferrum
