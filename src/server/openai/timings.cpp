#include "server/openai/timings.h"

#include <algorithm>

namespace ferrum::server::openai {
namespace {

double ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

}  // namespace

bool read_timings(Fields& body) { return body.flag("timings_per_token").value_or(false); }

Json timings_json(const Usage& usage) {
  constexpr double kMilliseconds = 1000;  // per second
  const int computed = usage.prompt_tokens - usage.cached_tokens;
  const int decoded = std::max(0, usage.generated_tokens - 1);
  const double prompt_ms = std::max(0.0, usage.prompt_seconds - usage.queue_seconds) * kMilliseconds;
  const double decode_ms = usage.decode_seconds * kMilliseconds;
  Json json = {{"cache_n", usage.cached_tokens},
               {"prompt_n", computed},
               {"prompt_ms", prompt_ms},
               {"prompt_per_token_ms", ratio(prompt_ms, computed)},
               {"prompt_per_second", ratio(computed * kMilliseconds, prompt_ms)},
               {"predicted_n", usage.generated_tokens},
               {"predicted_ms", decode_ms},
               {"predicted_per_token_ms", ratio(decode_ms, decoded)},
               {"predicted_per_second", ratio(decoded * kMilliseconds, decode_ms)}};
  if (usage.drafted_tokens > 0) {
    json["draft_n"] = usage.drafted_tokens;
    json["draft_n_accepted"] = usage.accepted_tokens;
  }
  return json;
}

}  // namespace ferrum::server::openai
