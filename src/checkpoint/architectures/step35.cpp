// Step 3.5 and 3.7 (text): windows on three of four layers, which have more heads and rotate whole, a gate of
// each head, experts chosen by the logistic function with a bias, and in some layers limits of the
// activation. Norms are stored as the factor − 1.
#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <utility>

#include "base/error.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace step35 {

using Role = TensorRole;
using Score = RoutingDescription::Score;

constexpr int kDenseLayers = 3;

// Lists of published configurations go on with entries of the layers that predict further tokens.
void cut_lists(Json& config) {
  const auto depth = config.find("num_hidden_layers");
  if (depth == config.end() || !depth->is_number_unsigned()) return;
  const auto count = depth->get<size_t>();
  for (const char* key : {"layer_types", "mlp_layer_types", "rope_theta", "partial_rotary_factors",
                          "swiglu_limits", "swiglu_limits_shared"}) {
    const auto list = config.find(key);
    if (list == config.end() || !list->is_array() || list->size() <= count) continue;
    list->erase(list->begin() + static_cast<std::ptrdiff_t>(count), list->end());
  }
}

// Of the first layer of the kind.
Json entry_of(const Json& config, const char* key, const Json& types, const char* kind) {
  const auto value = config.find(key);
  if (value == config.end() || !value->is_array()) return value == config.end() ? Json() : *value;
  for (size_t i = 0; i < types.size() && i < value->size(); ++i)
    if (types[i] == kind) return (*value)[i];
  return {};
}

// Bases and shares of the rotation by layer become those of each kind of layer; scaling is of layers without
// a window.
void respell_rotation(Json& config) {
  const auto types = config.find("layer_types");
  if (config.contains("rope_parameters") || types == config.end() || !types->is_array()) return;
  Json ropes = Json::object();
  for (const char* kind : {"full_attention", "sliding_attention"}) {
    Json rope = Json::object();
    if (Json theta = entry_of(config, "rope_theta", *types, kind); !theta.is_null())
      rope["rope_theta"] = theta;
    if (Json share = entry_of(config, "partial_rotary_factors", *types, kind); !share.is_null())
      rope["partial_rotary_factor"] = share;
    if (const auto scaling = config.find("rope_scaling");
        scaling != config.end() && scaling->is_object() && kind == std::string_view("full_attention"))
      rope.update(*scaling);
    ropes[kind] = rope;
  }
  for (const char* key : {"rope_theta", "partial_rotary_factors", "rope_scaling"}) config.erase(key);
  config["rope_parameters"] = ropes;
}

void respell(Json& document) {
  const auto text = document.find("text_config");
  Json& config = text != document.end() && text->is_object() ? *text : document;
  constexpr std::pair<const char*, const char*> kWords[] = {
      {"num_attention_groups", "num_key_value_heads"},
      {"moe_top_k", "num_experts_per_tok"},
      {"moe_router_scaling_factor", "routed_scaling_factor"},
      {"share_expert_dim", "shared_expert_intermediate_size"},
      {"share_expert_dims", "shared_expert_intermediate_size"}};
  for (const auto& [own, usual] : kWords)
    if (config.contains(own) && !config[own].is_null()) config[usual] = config[own];
  if (config.contains("n_routed_experts"))
    config.erase("num_local_experts");  // which its class writes beside it
  cut_lists(config);
  respell_rotation(config);
}

int window_heads(const HfReader& in, int usual) {
  if (const auto own = in.first_integer({"num_sliding_attention_heads"})) return *own;
  const auto other = in.config().find("attention_other_setting");
  if (!other || !other->is_object()) return usual;
  return other->find_integer("num_attention_heads").value_or(usual);
}

// A list of indices, or a text with commas between them.
std::set<int> listed_layers(const JsonView& field) {
  std::set<int> layers;
  if (!field.is_string()) {
    for (size_t i = 0; i < field.size(); ++i) layers.insert(field.element(i).integer());
    return layers;
  }
  int value = -1;
  for (const char c : field.string() + ",") {
    if (c >= '0' && c <= '9' && value < 100000)
      value = std::max(value, 0) * 10 + (c - '0');
    else if (c == ',' && value >= 0)
      layers.insert(std::exchange(value, -1));
    else if (c != ' ' && c != ',')
      field.refuse("must be numbers of layers with commas between them");
  }
  return layers;
}

std::vector<bool> sparse_layers(const HfReader& in) {
  const auto field = in.config().find("moe_layers_enum");
  if (!field) return in.sparse_layers([](int i) { return i >= kDenseLayers; });
  const std::set<int> layers = listed_layers(*field);
  return in.sparse_layers([&layers](int i) { return layers.contains(i); });
}

// One for each layer, 0 or null where there is none.
std::vector<float> limits(const HfReader& in, std::string_view key) {
  std::vector<float> limits(static_cast<size_t>(in.depth()));
  const auto list = in.config().find(key);
  if (!list) return limits;
  in.require_each_layer(key, list->size());
  for (size_t i = 0; i < limits.size(); ++i)
    if (const JsonView entry = list->element(i); !entry.value().is_null())
      limits[i] = static_cast<float>(entry.number());
  return limits;
}

void refuse_false(const HfReader& in, std::string_view key, std::string_view what) {
  if (!in.boolean(key, true))
    fail(ErrorCode::kUnsupported, "{} is false; Ferrum runs Step with {}", in.config().place(key), what);
}

// What published models have in common, where a configuration says it.
void check_switches(const HfReader& in) {
  refuse_false(in, "use_head_wise_attn_gate", "a gate of each head");
  refuse_false(in, "use_qk_norm", "norms of query and key heads");
  refuse_false(in, "use_moe_router_bias", "a bias that selects experts");
  if (const auto score = in.config().find_string("moe_router_activation"); score && *score != "sigmoid")
    fail(ErrorCode::kUnsupported, "{} is {}; Ferrum runs sigmoid", in.config().place("moe_router_activation"),
         in_quotes(*score));
}

void read_hf(HfReader& in) {
  ModelDescription& model = in.model();
  check_switches(in);
  model.activation = ActivationFunction::kSilu;  // whatever hidden_act says, as in the class
  model.wiring.norm_plus_one = in.boolean("zero_centered", true);
  in.placeholders({{"image_token_id", 151679}}, 0);
  in.refuse_true("use_bidirectional_attention", "runs models of text that see what is before");
  in.head_norms(HeadNorm::kHead);
  in.biases("attention_bias", false, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut});
  in.biases("mlp_bias", false,
            {Role::kGate, Role::kUp, Role::kDown, Role::kSharedGate, Role::kSharedUp, Role::kSharedDown});
  in.windows(0, [](int) { return false; });
  const int heads = window_heads(in, model.layers.front().attention.q_heads);
  const float scale = in.number("query_pre_attn_scalar", 0);
  in.experts(sparse_layers(in), in.boolean("norm_expert_weight", true));
  const std::vector<float> of_experts = limits(in, "swiglu_limits"),
                           of_shared = limits(in, "swiglu_limits_shared");
  in.each_layer([&](int i, LayerDescription& layer) {
    AttentionDescription& a = layer.attention;
    a.gate = OutputGate::kSigmoid;
    a.gate_per_head = true;
    if (a.window > 0) a.q_heads = heads;
    if (scale > 0) a.scale = 1 / std::sqrt(scale);
    FeedForwardDescription& f = layer.feed_forward;
    const auto at = static_cast<size_t>(i);
    f.limit = f.experts > 0 ? of_experts[at] : of_shared[at];
    f.shared_limit = of_shared[at];
  });
  model.routing.score = Score::kSigmoid;
  model.routing.selection_bias = true;
}

constexpr HfName kNames[] = {{"step3p5", "Step3p5ForCausalLM"},
                             {"step3p7", "Step3p7ForConditionalGeneration"}};
constexpr TensorNames kTensors[] = {
    {Role::kOutputGate, ExpertCount::kNone, "layers.#.self_attn.g_proj", ""},
    {Role::kRouter, ExpertCount::kNone, "layers.#.moe.gate", ""},
    {Role::kSelectionBias, ExpertCount::kNone, "layers.#.moe.router_bias!", ""},
    {Role::kExpertGate, ExpertCount::kAll, "layers.#.moe.gate_proj", ""},
    {Role::kExpertUp, ExpertCount::kAll, "layers.#.moe.up_proj", ""},
    {Role::kExpertDown, ExpertCount::kAll, "layers.#.moe.down_proj", ""},
    {Role::kSharedGate, ExpertCount::kNone, "layers.#.share_expert.gate_proj", ""},
    {Role::kSharedUp, ExpertCount::kNone, "layers.#.share_expert.up_proj", ""},
    {Role::kSharedDown, ExpertCount::kNone, "layers.#.share_expert.down_proj", ""},
};
// Of Step 3.7's images.
constexpr std::string_view kIgnored[] = {"vit_large_projector."};

}  // namespace step35

extern const Architecture kStep35 = {.name = "step35",
                                     .hf = step35::kNames,
                                     .gguf = "-",
                                     .hf_defaults = {.head_dim = 128,
                                                     .context = 128000,
                                                     .eps = 1e-5,
                                                     .kv_heads = 8,
                                                     .experts = 288,
                                                     .top_k = 8,
                                                     .expert_width = 1280},
                                     .names = step35::kTensors,
                                     .has_mtp = false,
                                     .read_hf = step35::read_hf,
                                     .respell_hf = step35::respell,
                                     .ignored = step35::kIgnored};

}  // namespace ferrum
