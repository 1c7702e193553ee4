#include "server/api/sampling_fields.h"

#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/numbers.h"

namespace ferrum::server {
namespace {

constexpr size_t kMaxSalt = 1024;
constexpr double kMaxBias = 100;

template <class Value, class Given>
void set(Value& value, const std::optional<Given>& given) {
  if (given) value = static_cast<Value>(*given);
}

std::map<int32_t, float> logit_bias(Fields& fields) {
  std::map<int32_t, float> bias;
  const Json* object = fields.find("logit_bias");
  if (!object) return bias;
  if (!object->is_object()) refuse("logit_bias", "logit_bias must be an object of token ids and numbers");
  for (const auto& [key, value] : object->items()) {
    const std::optional<int32_t> id = whole_number<int32_t>(key);
    const double x = value.is_number() ? value.get<double>() : kMaxBias + 1;
    if (!id || *id < 0 || std::abs(x) > kMaxBias)
      refuse("logit_bias", "logit_bias: {} is no token id with a number from {} to {}", in_quotes(key),
             -kMaxBias, kMaxBias);
    bias[*id] = static_cast<float>(x);
  }
  return bias;
}

}  // namespace

void read_sampling(Fields& f, Request& r) {
  constexpr double kAny = std::numeric_limits<float>::max();
  SamplingOptions& s = r.sampling;
  set(s.temperature, f.number("temperature", 0, 100));
  set(s.top_p, f.number("top_p", 0, 1));
  set(s.presence_penalty, f.number("presence_penalty", -2, 2));
  set(s.frequency_penalty, f.number("frequency_penalty", -2, 2));
  s.logit_bias = logit_bias(f);
  if (const auto seed =
          f.integer("seed", std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()))
    s.seed = static_cast<uint64_t>(*seed);
  // Beside OpenAI's. The engine knows their ranges.
  set(s.top_k, f.integer("top_k", -1, kMaxTokens));
  if (s.top_k < 0) s.top_k = 0;  // as others say "off"
  set(s.min_p, f.number("min_p", -kAny, kAny));
  set(s.typical_p, f.number("typical_p", -kAny, kAny));
  set(s.repetition_penalty, f.number("repetition_penalty", -kAny, kAny));
  set(s.repetition_window, f.integer("repetition_window", -1, kMaxTokens));
  set(s.dry_multiplier, f.number("dry_multiplier", -kAny, kAny));
  set(s.dry_base, f.number("dry_base", -kAny, kAny));
  set(s.dry_allowed_length, f.integer("dry_allowed_length", 0, kMaxTokens));
  set(s.dry_window, f.integer("dry_window", -1, kMaxTokens));
  set(s.dry_breakers, f.texts("dry_breakers"));
  set(s.xtc_probability, f.number("xtc_probability", -kAny, kAny));
  set(s.xtc_threshold, f.number("xtc_threshold", -kAny, kAny));
  set(s.mirostat, f.integer("mirostat", 0, 2));
  set(s.mirostat_tau, f.number("mirostat_tau", -kAny, kAny));
  set(s.mirostat_eta, f.number("mirostat_eta", -kAny, kAny));

  set(r.stop, f.texts("stop"));
  set(r.stop_tokens, f.integers("stop_token_ids"));
  set(r.min_tokens, f.integer("min_tokens", 0, kMaxTokens));
  if (f.flag("ignore_eos").value_or(false)) r.end_of_text = Request::EndOfText::kIgnored;
  if (f.flag("context_shift").value_or(false)) r.context_end = Request::ContextEnd::kShifts;
  set(r.keep_tokens, f.integer("keep_tokens", 0, kMaxTokens));
  set(r.priority, f.integer("priority", -1000, 1000));
  set(r.cache_salt, f.text("cache_salt"));
  if (r.cache_salt.size() > kMaxSalt) refuse("cache_salt", "cache_salt must have {} bytes at most", kMaxSalt);
  set(r.choices, f.integer("n", 1, 128));
  set(r.best_of, f.integer("best_of", 1, 128));
  if (r.best_of != 0 && r.best_of < r.choices)
    refuse("best_of", "best_of must be at least n, which is {}, not {}", r.choices, r.best_of);
}

}  // namespace ferrum::server
