#include "engine/sampling/sampler.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "engine/sampling/penalties.h"

namespace ferrum {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

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

Draw& Sampler::begin(size_t history, int row, DrawList& list) const {
  Draw& draw = list.add(row);
  draw.seed = seed_;
  draw.position = history;
  draw.bound = bound_;
  draw.chain = chain_of(options_);
  if (facts_.script) draw.given = (*facts_.script)[answer_tokens(history) % facts_.script->size()];
  return draw;
}

bool Sampler::reads_history() const {
  const SamplingOptions& o = options_;
  if (facts_.script) return false;
  return facts_.thoughts || o.mirostat != 0 || o.repetition_penalty != 1 || o.presence_penalty != 0 ||
         o.frequency_penalty != 0 || o.dry_multiplier != 0;
}

Draw& Sampler::ask(size_t history, int row, DrawList& list) const {
  Draw& draw = begin(history, row, list);
  if (!facts_.script) add_edits(history, list);
  return draw;
}

Draw& Sampler::ask(std::span<const TokenId> history, int row, DrawList& list) const {
  Draw& draw = begin(history.size(), row, list);
  if (facts_.script) return draw;
  const ThoughtBudget::Rule thoughts =
      facts_.thoughts ? facts_.thoughts->next(history.last(answer_tokens(history.size())))
                      : ThoughtBudget::Rule{};
  if (thoughts.forced) {
    draw.given = *thoughts.forced;
    return draw;
  }
  add_edits(history.size(), list);
  for (const TokenId id : thoughts.forbidden) list.edit(id).add = kNever;
  add_penalties(history, list);
  return draw;
}

void Sampler::add_edits(size_t history, DrawList& list) const {
  for (const TokenId id : facts_.forbidden) list.edit(id).add = kNever;
  if (answer_tokens(history) < facts_.min_tokens)
    for (const TokenId id : facts_.ends) list.edit(id).add = kNever;
  add_logit_bias(options_.logit_bias, list);
}

void Sampler::add_penalties(std::span<const TokenId> history, DrawList& list) const {
  const SamplingOptions& o = options_;
  if (o.repetition_penalty != 1)
    add_repetition_penalty(o.repetition_penalty, last(history, o.repetition_window), list);
  if (o.presence_penalty != 0 || o.frequency_penalty != 0)
    add_occurrence_penalties(o.presence_penalty, o.frequency_penalty,
                             history.last(answer_tokens(history.size())), list);
  if (o.dry_multiplier != 0)
    add_dry({o.dry_multiplier, o.dry_base, o.dry_allowed_length}, last(history, o.dry_window),
            facts_.breakers.get(), list);
}

}  // namespace ferrum
