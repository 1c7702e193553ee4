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
  set_number(fields, "beta_fast", s.beta_fast);
  set_number(fields, "beta_slow", s.beta_slow);
  set_number(fields, "mscale", s.mscale);
  set_number(fields, "mscale_all_dim", s.mscale_all_dim);
  s.truncate = fields.find_boolean("truncate").value_or(true);
}

void read_longrope(const JsonView& fields, RopeScaling& s) {
  s.short_factors = fields.find_numbers("short_factor").value_or(std::vector<float>());
  s.long_factors = fields.find_numbers("long_factor").value_or(std::vector<float>());
}

// The context before scaling: a field of the scaling or of the model (as in Phi-3), or else the whole
// context.
int original_context(const JsonView& config, const JsonView& fields, int context) {
  constexpr std::string_view kKey = "original_max_position_embeddings";
  const auto own = fields.find_integer(kKey);
  return own ? *own : config.find_integer(kKey).value_or(context);
}

void read_scaling(const JsonView& config, const JsonView& fields, int context, RopeDescription& rope) {
  RopeScaling& s = rope.scaling;
  s.kind = read_kind(fields);
  if (s.kind == Kind::kNone) return;
  s.original_context = s.kind == Kind::kDynamic ? context : original_context(config, fields, context);
  if (const auto alpha = s.kind == Kind::kDynamic ? fields.find_number("alpha") : std::nullopt;
      alpha && *alpha > 0) {  // a stretch of theta that does not depend on the context (Hunyuan)
    const double dim = rope.rotary_dim;
    rope.theta = static_cast<float>(rope.theta * std::pow(*alpha, dim / (dim - 2)));
    s = {};
    return;
  }
  set_number(fields, "attention_factor", s.attention_factor);
  const bool may_be_implied = s.kind == Kind::kYarn || s.kind == Kind::kLongRope;
  if (may_be_implied && !fields.find("factor") && s.original_context > 0) {
    s.factor = static_cast<float>(context) / static_cast<float>(s.original_context);
  } else {
    s.factor = required_number(fields, "factor");
  }
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
  for (const std::string_view key : {"partial_rotary_factor", "rotary_pct"}) {
    const auto share = fields.find_number(key);
    if (!share) continue;
    if (!(*share > 0) || *share > 1)
      fail(ErrorCode::kBadConfig, "{} is {}, out of the range 0 to 1", fields.place(key), *share);
    rope.rotary_dim = static_cast<int>(head_dim * *share);
    return;
  }
  if (const auto dim = fields.find_integer("rotary_dim")) rope.rotary_dim = *dim;
}

void read_one(const JsonView& config, const JsonView& fields, const ModelDescription& model,
              RopeDescription& rope) {
  set_number(fields, "rope_theta", rope.theta);
  read_share(fields, model.layers.front().attention.head_dim, rope);
  read_scaling(config, fields, model.context, rope);
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

void read_hf_rope(const JsonView& config, std::string_view usual, ModelDescription& model) {
  RopeDescription& rope = model.rope;
  set_number(config, "rope_theta", rope.theta);
  rope.rotary_dim = model.layers.front().attention.head_dim;
  read_share(config, rope.rotary_dim, rope);
  model.window_rope = rope;
  set_number(config, "rope_local_base_freq", model.window_rope.theta);
  const Json by_class = usual.empty() ? Json() : Json::parse(usual);
  auto fields = find_rope_fields(config);
  const bool is_usual = !fields && !usual.empty();
  if (is_usual) fields.emplace(by_class, config.source(), "rope_parameters");
  if (fields) {
    const auto full = fields->find("full_attention");
    const auto sliding = fields->find("sliding_attention");
    if (full || sliding) {
      if (full) read_one(config, *full, model, rope);
      if (sliding) read_one(config, *sliding, model, model.window_rope);
    } else {
      read_one(config, *fields, model, rope);
      if (!config.find("rope_local_base_freq")) model.window_rope = rope;
    }
  }
  if (is_usual) set_number(config, "rope_theta", rope.theta);
  stretch_context(model);
}

}  // namespace ferrum
