#include "checkpoint/safetensors/hf_rope.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace ferrum {
namespace {

using Kind = RopeScaling::Kind;

struct NamedKind {
  std::string_view name;
  Kind kind;
};
constexpr std::array kKinds = {
    NamedKind{"default", Kind::kNone},      NamedKind{"linear", Kind::kLinear},
    NamedKind{"dynamic", Kind::kDynamic},   NamedKind{"llama3", Kind::kLlama3},
    NamedKind{"yarn", Kind::kYarn},         NamedKind{"longrope", Kind::kLongRope},
    NamedKind{"su", Kind::kLongRope},        // longrope's former name
    NamedKind{"mrope", Kind::kNone},         // Qwen2-VL: the numbers of a text's positions are all the same
    NamedKind{"proportional", Kind::kNone},  // Gemma 4: which of its dimensions rotate is the architecture's
};

// "rope_type", or "type" in older files.
Kind read_kind(const JsonView& scaling) {
  const char* key = scaling.find("rope_type") ? "rope_type" : "type";
  const auto name = scaling.find_string(key);
  if (!name) return Kind::kNone;
  for (const NamedKind& k : kKinds)
    if (k.name == *name) return k.kind;
  fail(ErrorCode::kUnsupported, "{} is {}; Ferrum runs default, linear, dynamic, llama3, yarn and longrope",
       scaling.place(key), in_quotes(*name));
}

float required_number(const JsonView& fields, std::string_view key) {
  return static_cast<float>(fields.at(key).number());
}

void set_number(const JsonView& fields, std::string_view key, float& target) {
  if (const auto value = fields.find_number(key)) target = static_cast<float>(*value);
}

void set_number(const JsonView& fields, std::string_view key, std::optional<float>& target) {
  if (const auto value = fields.find_number(key)) target = static_cast<float>(*value);
}

void read_yarn(const JsonView& fields, RopeScaling& s) {
  const RopeScaling usual;
  set_number(fields, "beta_fast", s.beta_fast);
  set_number(fields, "beta_slow", s.beta_slow);
  if (s.beta_fast == 0) s.beta_fast = usual.beta_fast;
  if (s.beta_slow == 0) s.beta_slow = usual.beta_slow;
  set_number(fields, "mscale", s.mscale);
}

// A field of the whole, also where each kind of layer has a rotation of its own. Null counts as false.
bool truncates(const JsonView& fields) {
  return fields.find_boolean("truncate").value_or(!fields.contains("truncate"));
}

void read_longrope(const JsonView& fields, RopeScaling& s) {
  s.short_factors = fields.find_numbers("short_factor").value_or(std::vector<float>());
  s.long_factors = fields.find_numbers("long_factor").value_or(std::vector<float>());
}

// The context before scaling. The model's own field goes before that of the scaling, as in transformers, but
// not where kinds of layers have rotations of their own; nothing: the scaling's, or else the whole context.
constexpr std::string_view kOriginalContext = "original_max_position_embeddings";

std::optional<int> original_context_of(const JsonView& config, const HfDefaults& usual) {
  const auto own = config.find_integer(kOriginalContext);
  return own || usual.original_context == 0 ? own : std::optional(usual.original_context);
}

void read_scaling(const JsonView& fields, std::optional<int> original, int context, RopeDescription& rope) {
  RopeScaling& s = rope.scaling;
  s.kind = read_kind(fields);
  if (s.kind == Kind::kNone) return;
  if (!original) original = fields.find_integer(kOriginalContext);
  s.original_context = s.kind == Kind::kDynamic ? context : original.value_or(context);
  if (const auto alpha = s.kind == Kind::kDynamic ? fields.find_number("alpha") : std::nullopt;
      alpha && *alpha > 0) {  // a stretch of theta that does not depend on the context (Hunyuan)
    const double dim = rope.rotary_dim;
    rope.theta = static_cast<float>(rope.theta * std::pow(*alpha, dim / (dim - 2)));
    s = {};
    return;
  }
  const bool may_be_implied = s.kind == Kind::kYarn || s.kind == Kind::kLongRope;
  if (may_be_implied) set_number(fields, "attention_factor", s.attention_factor);
  if (may_be_implied && !fields.find("factor") && s.original_context > 0) {
    s.factor = static_cast<float>(context) / static_cast<float>(s.original_context);
  } else {
    s.factor = required_number(fields, "factor");
  }
  set_number(fields, "mscale_all_dim", s.mscale_all_dim);
  if (s.kind == Kind::kLlama3) {
    s.low_frequency_factor = required_number(fields, "low_freq_factor");
    s.high_frequency_factor = required_number(fields, "high_freq_factor");
  }
  if (s.kind == Kind::kYarn) read_yarn(fields, s);
  if (s.kind == Kind::kLongRope) read_longrope(fields, s);
}

// max_position_embeddings is the context before scaling for linear and dynamic scaling, and often for YaRN;
// the other kinds' is the one after it.
void stretch_context(ModelDescription& model) {
  const RopeScaling& s = model.rope.scaling;
  if (s.kind != Kind::kLinear && s.kind != Kind::kDynamic && s.kind != Kind::kYarn) return;
  const int before = s.kind == Kind::kYarn ? s.original_context : model.context;
  const double after = static_cast<double>(before) * s.factor;
  constexpr double kMost = 1 << 28;
  if (after > model.context && after <= kMost) model.context = static_cast<int>(after);
}

// The rotated part of a head: a share, or a number of dimensions.
void read_share(const JsonView& fields, int head_dim, RopeDescription& rope) {
  constexpr std::string_view kKey = "partial_rotary_factor";
  if (const auto share = fields.find_number(kKey)) {
    if (!(*share > 0) || *share > 1)
      fail(ErrorCode::kBadConfig, "{} is {}, out of the range 0 to 1", fields.place(kKey), *share);
    rope.rotary_dim = static_cast<int>(head_dim * *share);
  } else if (const auto dim = fields.find_integer("rotary_dim")) {
    rope.rotary_dim = *dim;
  }
}

void read_one(const JsonView& fields, std::optional<int> original, const ModelDescription& model,
              RopeDescription& rope) {
  set_number(fields, "rope_theta", rope.theta);
  read_share(fields, model.layers.front().attention.head_dim, rope);
  read_scaling(fields, original, model.context, rope);
}

}  // namespace

std::optional<JsonView> find_rope_fields(const JsonView& config) {
  auto fields = config.find("rope_parameters");
  return fields ? fields : config.find("rope_scaling");
}

void rotate_share(RopeDescription& rope, int head_dim, double share, double factor) {
  constexpr float kNotRotated = 1e30F;
  rope.rotary_dim = head_dim;
  const int pairs = head_dim / 2;
  const int rotated = std::clamp(static_cast<int>(share * head_dim) / 2, 0, pairs);
  if (rotated == pairs && factor == 1) return;
  rope.frequency_divisors.assign(static_cast<size_t>(pairs), kNotRotated);
  std::fill_n(rope.frequency_divisors.begin(), rotated, static_cast<float>(factor));
}

void read_hf_rope(const JsonView& config, const HfDefaults& usual, ModelDescription& model) {
  const int head_dim = model.layers.front().attention.head_dim;
  RopeDescription& rope = model.rope;
  rope.theta = static_cast<float>(usual.theta);
  set_number(config, "rope_theta", rope.theta);
  // null, unlike absent, is the whole head
  const double share = config.contains("partial_rotary_factor") ? 1 : usual.rotary_share;
  rope.rotary_dim = static_cast<int>(head_dim * share);
  read_share(config, head_dim, rope);
  model.window_rope = rope;
  set_number(config, "rope_local_base_freq", model.window_rope.theta);
  const Json by_class = usual.rope.empty() ? Json() : Json::parse(usual.rope);
  auto fields = find_rope_fields(config);
  if (!fields && !usual.rope.empty()) fields.emplace(by_class, config.source(), "rope_parameters");
  if (fields) {
    const auto full = fields->find("full_attention");
    const auto sliding = fields->find("sliding_attention");
    if (full || sliding) {
      if (full) read_one(*full, std::nullopt, model, rope);
      if (sliding) read_one(*sliding, std::nullopt, model, model.window_rope);
    } else {
      read_one(*fields, original_context_of(config, usual), model, rope);
      if (!config.find("rope_local_base_freq")) model.window_rope = rope;
    }
    for (RopeScaling* scaling : {&rope.scaling, &model.window_rope.scaling})
      if (scaling->kind == Kind::kYarn) scaling->truncate = truncates(*fields);
  }
  stretch_context(model);
}

}  // namespace ferrum
