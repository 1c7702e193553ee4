#include "server/api/sampling_fields.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/numbers.h"
#include "server/api/sampler_list.h"

namespace ferrum::server {
namespace {

constexpr size_t kMaxSalt = 1024;
constexpr double kMaxBias = 100;
constexpr int64_t kRandomSeed = -1;  // vLLM's and llama-server's word for no seed

template <class Value, class Given>
void set(Value& value, const std::optional<Given>& given) {
  if (given) value = static_cast<Value>(*given);
}

// Pairs of token id and bias: OpenAI's object, or llama-server's array of pairs, in which false means
// "never".
std::map<int32_t, float> logit_bias(Fields& fields) {
  std::map<int32_t, float> bias;
  const Json* given = fields.find("logit_bias");
  if (!given) return bias;
  const auto add = [&](std::optional<int32_t> id, const Json& value) {
    double x = value.is_number() ? value.get<double>() : kMaxBias + 1;
    if (value == false) x = -kMaxBias;
    if (!id || *id < 0 || std::abs(x) > kMaxBias) return false;
    bias[*id] = static_cast<float>(x);
    return true;
  };
  const auto complain = [&](const std::string& what) {
    fields.refuse_value("logit_bias",
                        fmt::format("logit_bias: {} is not a token id with a number from {} to {}",
                                    in_quotes(what), -kMaxBias, kMaxBias));
  };
  if (given->is_object()) {
    for (const auto& [key, value] : given->items())
      if (!add(whole_number<int32_t>(key), value)) complain(key);
  } else if (given->is_array()) {
    for (const Json& pair : *given) {
      const bool is_pair = pair.is_array() && pair.size() == 2 && pair[0].is_number_integer();
      if (!is_pair || !add(whole_number<int32_t>(to_text(pair[0])), pair[1])) complain(to_text(pair));
    }
  } else {
    fields.refuse_value("logit_bias", "logit_bias must be an object of token ids and numbers");
  }
  return bias;
}

// Reads a field that has different names in two engines.
template <class Read>
auto either(Fields& fields, const char* name, const char* alias, Read read) {
  const auto first = read(name);
  const auto second = read(alias);
  if (first && second && *first != *second)
    fields.refuse_value(alias, fmt::format("{} and {} contradict each other", alias, name));
  return first ? first : second;
}

}  // namespace

void read_sampling(Fields& f, Request& r) {
  constexpr double kAboveNone = std::numeric_limits<float>::min();  // where 0 is no value
  SamplingOptions& s = r.sampling;
  set(s.temperature, f.number("temperature", 0, 100));
  set(s.top_p, f.number("top_p", 0, 1));
  s.top_p = std::max(s.top_p, static_cast<float>(kAboveNone));  // 0: only the most likely token
  set(s.presence_penalty, f.number("presence_penalty", -2, 2));
  set(s.frequency_penalty, f.number("frequency_penalty", -2, 2));
  s.logit_bias = logit_bias(f);
  const auto seed = either(f, "seed", "random_seed", [&](const char* name) {  // the second is Mistral's
    return f.integer(name, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max());
  });
  if (seed && *seed != kRandomSeed) s.seed = static_cast<uint64_t>(*seed);
  // Fields that OpenAI does not have. The ranges are those of SamplingOptions. Second names are
  // llama-server's.
  const auto share = [&](const char* name) { return f.number(name, kAboveNone, 1); };
  const auto penalty = [&](const char* name) { return f.number(name, 0.01, 100); };
  const auto count = [&](const char* name) { return f.clamped_integer(name, -1, kMaxTokens); };
  const auto texts = [&](const char* name) { return f.texts(name); };
  set(s.top_k, f.clamped_integer("top_k", -1, kMaxTokens));
  if (s.top_k < 0) s.top_k = 0;  // other engines write -1 for "off"
  set(s.min_p, f.number("min_p", 0, 1));
  set(s.typical_p, either(f, "typical_p", "typ_p", share));
  set(s.repetition_penalty, either(f, "repetition_penalty", "repeat_penalty", penalty));
  set(s.repetition_window, either(f, "repetition_window", "repeat_last_n", count));
  set(s.dry_multiplier, f.number("dry_multiplier", 0, 100));
  set(s.dry_base, f.number("dry_base", 1, 10));
  set(s.dry_allowed_length, f.clamped_integer("dry_allowed_length", 0, kMaxTokens));
  set(s.dry_window, either(f, "dry_window", "dry_penalty_last_n", count));
  set(s.dry_breakers, either(f, "dry_breakers", "dry_sequence_breakers", texts));
  set(s.xtc_probability, f.number("xtc_probability", 0, 1));
  set(s.xtc_threshold, f.number("xtc_threshold", 0, 1));
  set(s.mirostat, f.integer("mirostat", 0, 2));
  set(s.mirostat_tau, f.number("mirostat_tau", 0, 100));
  set(s.mirostat_eta, f.number("mirostat_eta", 0, 1));
  read_samplers(f, s);

  set(r.stop, f.texts("stop"));
  std::erase(r.stop, "");  // an empty string asks for nothing
  set(r.stop_tokens, f.integers("stop_token_ids"));
  set(r.min_tokens, f.clamped_integer("min_tokens", 0, kMaxTokens));
  if (f.flag("ignore_eos").value_or(false)) r.end_of_text = Request::EndOfText::kIgnored;
  if (f.flag("context_shift").value_or(false)) r.context_end = Request::ContextEnd::kShifts;
  set(r.keep_tokens, f.clamped_integer("keep_tokens", 0, kMaxTokens));
  if (const auto keep = f.clamped_integer("n_keep", -1, kMaxTokens);
      keep && *keep != 0)  // -1: all of the prompt
    r.keep_tokens = *keep < 0 ? kMaxTokens : static_cast<int>(*keep);
  set(r.priority, f.integer("priority", -1000, 1000));
  set(r.cache_salt, f.text("cache_salt"));
  if (r.cache_salt.size() > kMaxSalt)
    f.refuse_value("cache_salt", fmt::format("cache_salt must have at most {} bytes", kMaxSalt));
  // Read for the whole body, with the model's name (server/adapters.h).
  for (const char* name : {"adapter", "adapter_scale", "lora"}) f.find(name);
  set(r.choices, f.integer("n", 1, 128));
  set(r.best_of, f.integer("best_of", 1, 128));
  if (r.best_of != 0 && r.best_of < r.choices)
    f.refuse_value("best_of",
                   fmt::format("best_of must be at least n, which is {}, not {}", r.choices, r.best_of));
}

}  // namespace ferrum::server
