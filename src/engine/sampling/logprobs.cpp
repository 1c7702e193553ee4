#include "engine/sampling/logprobs.h"

#include <cmath>

namespace ferrum {

void read_logprobs(std::span<const float> logits, TokenId drawn, int top, SamplerMemory& memory,
                   Logprobs& out) {
  memory.row.read(logits);
  memory.row.set_temperature(1);
  const double log_total = memory.row.largest() + std::log(memory.row.total());
  const auto of = [log_total](TokenId id, float logit) {
    return TokenLogprob{id, static_cast<float>(logit - log_total)};
  };
  out.drawn = of(drawn, logits[static_cast<size_t>(drawn)]);
  out.top.clear();
  if (top == 0) return;
  memory.candidates.clear();
  memory.row.gather_most_likely(static_cast<size_t>(top), memory.candidates);
  memory.candidates.sort();
  for (const Candidate& c : memory.candidates.all()) out.top.push_back(of(c.id, c.logit));
}

}  // namespace ferrum
