#include "engine/sampling/sampler.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "engine/sampling/penalties.h"

namespace ferrum {
namespace {

std::span<const TokenId> last(std::span<const TokenId> history, int window) {
  return history.last(window < 0 ? history.size() : std::min(history.size(), static_cast<size_t>(window)));
}

Chain chain_of(const SamplingOptions& o) {
  return {.temperature = o.temperature,
          .top_k = o.top_k,
          .typical_p = o.typical_p,
          .top_p = o.top_p,
          .min_p = o.min_p,
          .xtc_probability = o.xtc_probability,
          .xtc_threshold = o.xtc_threshold,
          .mirostat = o.mirostat,
          .mirostat_tau = o.mirostat_tau,
          .mirostat_eta = o.mirostat_eta};
}

}  // namespace

Sampler::Sampler(const SamplingOptions& options, uint64_t seed, SequenceFacts facts)
    : options_(options),
      seed_(options.seed.value_or(seed)),
      facts_(std::move(facts)),
      bound_(2 * static_cast<double>(options.mirostat_tau)) {}

Draw& Sampler::ask(std::span<const TokenId> history, int row, DrawList& list) const {
  const std::span<const TokenId> answer = history.subspan(std::min(facts_.prompt_tokens, history.size()));
  Draw& draw = list.add(row);
  draw.seed = seed_;
  draw.position = history.size();
  draw.bound = bound_;
  draw.chain = chain_of(options_);
  if (facts_.script) {
    draw.given = (*facts_.script)[answer.size() % facts_.script->size()];
    return draw;
  }
  const ThoughtBudget::Rule thoughts =
      facts_.thoughts ? facts_.thoughts->next(answer) : ThoughtBudget::Rule{};
  if (thoughts.forced)
    draw.given = *thoughts.forced;
  else
    add_edits(history, thoughts.forbidden, list);
  return draw;
}

void Sampler::add_edits(std::span<const TokenId> history, std::span<const TokenId> forbidden_thoughts,
                        DrawList& list) const {
  constexpr float kNever = -std::numeric_limits<float>::infinity();
  const SamplingOptions& o = options_;
  const std::span<const TokenId> answer = history.subspan(std::min(facts_.prompt_tokens, history.size()));
  for (const TokenId id : facts_.forbidden) list.edit(id).add = kNever;
  for (const TokenId id : forbidden_thoughts) list.edit(id).add = kNever;
  if (answer.size() < facts_.min_tokens)
    for (const TokenId id : facts_.ends) list.edit(id).add = kNever;
  add_logit_bias(o.logit_bias, list);
  if (o.repetition_penalty != 1)
    add_repetition_penalty(o.repetition_penalty, last(history, o.repetition_window), list);
  if (o.presence_penalty != 0 || o.frequency_penalty != 0)
    add_occurrence_penalties(o.presence_penalty, o.frequency_penalty, answer, list);
  if (o.dry_multiplier != 0)
    add_dry({o.dry_multiplier, o.dry_base, o.dry_allowed_length}, last(history, o.dry_window),
            facts_.breakers.get(), list);
}

}  // namespace ferrum
