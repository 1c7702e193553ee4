#include "engine/sampling/sampling_options.h"

#include <cmath>
#include <limits>

#include "backend/draw.h"
#include "base/error.h"

namespace ferrum {
namespace {

constexpr size_t kMostBreakers = 128;
constexpr size_t kMostBreakerBytes = 1024;  // of one string
constexpr int kMostTokens = 1 << 30;
constexpr int kMostAlternatives = kMostTop;

template <class Number>
void in_range(const char* name, Number value, Number least, Number most, const char* remark = "") {
  if (!(value >= least && value <= most))  // false for NaN
    fail(ErrorCode::kBadArgument, "{} must be from {} to {}{}, not {}", name, least, most, remark, value);
}

// (0, 1]
void share(const char* name, float value) {
  if (!(value > 0 && value <= 1))
    fail(ErrorCode::kBadArgument, "{} must be above 0 and at most 1 (off), not {}", name, value);
}

template <class Number>
void at_least(const char* name, Number value, Number least, const char* meaning) {
  if (value < least)
    fail(ErrorCode::kBadArgument, "{} must be {} ({}) or more, not {}", name, least, meaning, value);
}

void validate_bias(const std::map<int32_t, float>& bias) {
  for (const auto& [id, value] : bias)
    if (!(value >= -100 && value <= 100) && value != -std::numeric_limits<float>::infinity())
      fail(ErrorCode::kBadArgument,
           "logit_bias of token {} must be from -100 to 100, or -infinity (never drawn), not {}", id, value);
}

void validate_breakers(const std::vector<std::string>& breakers) {
  if (breakers.size() > kMostBreakers)
    fail(ErrorCode::kBadArgument, "dry_breakers: {} strings, at most {} are allowed", breakers.size(),
         kMostBreakers);
  for (const std::string& s : breakers)
    if (s.empty() || s.size() > kMostBreakerBytes)
      fail(ErrorCode::kBadArgument, "dry_breakers: a string of {} bytes, 1 to {} are allowed", s.size(),
           kMostBreakerBytes);
}

void in_vocabulary(const char* name, int32_t id, int vocab) {
  if (id < 0 || id >= vocab)
    fail(ErrorCode::kBadArgument, "{}: no token has the id {}, the vocabulary of {} has 0 to {}", name, id,
         vocab, vocab - 1);
}

}  // namespace

void validate(const SamplingOptions& o) {
  validate_bias(o.logit_bias);
  in_range("repetition_penalty", o.repetition_penalty, 0.01f, 100.0f, " (1: off)");
  at_least("repetition_window", o.repetition_window, -1, "all");
  in_range("presence_penalty", o.presence_penalty, -2.0f, 2.0f);
  in_range("frequency_penalty", o.frequency_penalty, -2.0f, 2.0f);
  in_range("dry_multiplier", o.dry_multiplier, 0.0f, 100.0f);
  in_range("dry_base", o.dry_base, 1.0f, 10.0f);
  in_range("dry_allowed_length", o.dry_allowed_length, 1, kMostTokens);
  at_least("dry_window", o.dry_window, -1, "all");
  validate_breakers(o.dry_breakers);
  in_range("temperature", o.temperature, 0.0f, 100.0f);
  at_least("top_k", o.top_k, 0, "off");
  share("typical_p", o.typical_p);
  in_range("top_p", o.top_p, 0.0f, 1.0f, " (1: off)");
  in_range("min_p", o.min_p, 0.0f, 1.0f);
  in_range("xtc_probability", o.xtc_probability, 0.0f, 1.0f);
  in_range("xtc_threshold", o.xtc_threshold, 0.0f, 1.0f);
  in_range("mirostat", o.mirostat, 0, 2);
  in_range("mirostat_tau", o.mirostat_tau, 0.0f, 100.0f);
  in_range("mirostat_eta", o.mirostat_eta, 0.0f, 1.0f);
}

void validate(const Request& request, int vocab) {
  validate(request.sampling);
  for (const auto& [id, value] : request.sampling.logit_bias) in_vocabulary("logit_bias", id, vocab);
  for (const int32_t id : request.stop_tokens) in_vocabulary("stop_tokens", id, vocab);
  in_range("max_tokens", request.max_tokens, -1, kMostTokens, " (-1: as many as fit)");
  in_range("min_tokens", request.min_tokens, 0, kMostTokens);
  if (request.max_tokens >= 0 && request.min_tokens > request.max_tokens)
    fail(ErrorCode::kBadArgument, "min_tokens is {}, more than max_tokens, which is {}", request.min_tokens,
         request.max_tokens);
  if (request.logprobs) in_range("logprobs", *request.logprobs, 0, kMostAlternatives);
  if (request.prompt_logprobs) in_range("prompt_logprobs", *request.prompt_logprobs, 0, kMostAlternatives);
}

}  // namespace ferrum
