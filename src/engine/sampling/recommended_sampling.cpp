#include "engine/sampling/recommended_sampling.h"

#include <cmath>
#include <limits>
#include <string_view>

#include "base/error.h"
#include "base/log.h"
#include "engine/sampling/sampling_options.h"

namespace ferrum {
namespace {

// Changes `options` to `changed` if that passes validation.
void take_if_valid(const SamplingOptions& changed, const std::string& source, SamplingOptions& options) {
  try {
    validate(changed);
    options = changed;
  } catch (const Error& e) {
    log::warn("{}: the recommended {}; it is ignored", source, e.what());
  }
}

void set_top_k(float top_k, const std::string& source, SamplingOptions& options) {
  if (!(top_k >= -1) || top_k != std::trunc(top_k)) {
    log::warn("{}: the recommended top_k must be a whole number from 0 (off), not {}; it is ignored", source,
              top_k);
    return;
  }
  const bool is_off = top_k < 0 || top_k >= static_cast<float>(std::numeric_limits<int>::max());
  options.top_k = is_off ? 0 : static_cast<int>(top_k);
}

}  // namespace

SamplingOptions recommended_sampling(const GenerationDefaults& recommended) {
  SamplingOptions options;
  const auto set = [&](std::optional<float> value, float SamplingOptions::*field) {
    if (!value) return;
    SamplingOptions changed = options;
    changed.*field = *value;
    take_if_valid(changed, recommended.source, options);
  };
  set(recommended.temperature, &SamplingOptions::temperature);
  set(recommended.top_p, &SamplingOptions::top_p);
  set(recommended.min_p, &SamplingOptions::min_p);
  set(recommended.repetition_penalty, &SamplingOptions::repetition_penalty);
  if (recommended.top_k) set_top_k(*recommended.top_k, recommended.source, options);
  return options;
}

}  // namespace ferrum
