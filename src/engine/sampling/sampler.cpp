#include "engine/sampling/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/random.h"
#include "engine/sampling/penalties.h"

namespace ferrum {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// More than weights are rounded by, as logarithm.
constexpr double kSlack = 1e-3;

// What a position's random numbers are for. Positions stay far below the upper bits.
enum class Purpose : uint64_t { kToken = 0, kXtc = 1 };

double random_at(uint64_t seed, uint64_t position, Purpose purpose) {
  return random_uniform(seed, position + (static_cast<uint64_t>(purpose) << 56));
}

std::span<const TokenId> last(std::span<const TokenId> history, int window) {
  return history.last(window < 0 ? history.size() : std::min(history.size(), static_cast<size_t>(window)));
}

}  // namespace

Sampler::Sampler(const SamplingOptions& options, uint64_t seed, SequenceFacts facts)
    : options_(options), seed_(options.seed.value_or(seed)), facts_(std::move(facts)) {
  if (options_.mirostat != 0)
    mirostat_.emplace(static_cast<Mirostat::Version>(options_.mirostat),
                      MirostatTarget{options_.mirostat_tau, options_.mirostat_eta});
}

TokenId Sampler::sample(std::span<const float> logits, std::span<const TokenId> history,
                        SamplerMemory& memory) {
  return sample(logits, history, memory, mirostat_);
}

TokenId Sampler::propose(std::span<const float> logits, std::span<const TokenId> history,
                         SamplerMemory& memory) const {
  std::optional<Mirostat> mirostat = mirostat_;
  return sample(logits, history, memory, mirostat);
}

TokenId Sampler::sample(std::span<const float> logits, std::span<const TokenId> history,
                        SamplerMemory& memory, std::optional<Mirostat>& mirostat) const {
  LogitRow& row = memory.row;
  const std::span<const TokenId> answer = history.subspan(std::min(facts_.prompt_tokens, history.size()));
  const ThoughtBudget::Rule thoughts =
      facts_.thoughts ? facts_.thoughts->next(answer) : ThoughtBudget::Rule{};
  const Ban ban = {answer, thoughts.forbidden};
  if (thoughts.forced) {
    row.read(logits);
    if (row.has_nan()) fail(ErrorCode::kNotFinite, "the model gave NaN after {} tokens", history.size());
    return *thoughts.forced;
  }
  if (penalizes() || forbids(ban)) {
    if (options_.temperature == 0 && !penalizes()) {
      // The likeliest of all, if it may be drawn, is the likeliest of those that may: no copy is needed.
      row.read(logits);
      if (!row.has_nan() && std::isfinite(row.largest()) && !is_forbidden(row.most_likely(), ban))
        return row.most_likely();
    }
    memory.logits.assign(logits.begin(), logits.end());
    adjust(memory.logits, history, ban, memory);
    row.read(memory.logits);
  } else {
    row.read(logits);
  }
  if (row.has_nan()) fail(ErrorCode::kNotFinite, "the model gave NaN after {} tokens", history.size());
  if (!std::isfinite(row.largest())) {
    if (row.largest() < 0 &&
        std::any_of(logits.begin(), logits.end(), [](float x) { return x > -kInfinity; }))
      fail(ErrorCode::kBadArgument, "logit_bias and min_tokens leave no token to draw after {} tokens",
           history.size());
    fail(ErrorCode::kNotFinite, "the model gave no finite largest logit after {} tokens", history.size());
  }
  if (options_.temperature == 0) return row.most_likely();

  row.set_temperature(options_.temperature);
  if (mirostat)
    return mirostat->draw(row, random_at(seed_, history.size(), Purpose::kToken), memory.candidates);
  return draw(history.size(), memory);
}

bool Sampler::penalizes() const {
  const SamplingOptions& o = options_;
  return !o.logit_bias.empty() || o.repetition_penalty != 1 || o.presence_penalty != 0 ||
         o.frequency_penalty != 0 || o.dry_multiplier != 0;
}

bool Sampler::forbids(const Ban& ban) const {
  return !facts_.forbidden.empty() || ban.thought ||
         (ban.answer.size() < facts_.min_tokens && !facts_.ends.empty());
}

bool Sampler::is_forbidden(TokenId id, const Ban& ban) const {
  const auto has = [id](const std::vector<TokenId>& ids) {
    return std::find(ids.begin(), ids.end(), id) != ids.end();
  };
  return has(facts_.forbidden) || ban.thought == id ||
         (ban.answer.size() < facts_.min_tokens && has(facts_.ends));
}

void Sampler::adjust(std::span<float> logits, std::span<const TokenId> history, const Ban& ban,
                     SamplerMemory& memory) const {
  const SamplingOptions& o = options_;
  const std::span<const TokenId> answer = ban.answer;
  // Added, so that NaN stays NaN.
  for (const TokenId id : facts_.forbidden) logits[static_cast<size_t>(id)] += -kInfinity;
  if (ban.thought) logits[static_cast<size_t>(*ban.thought)] += -kInfinity;
  if (answer.size() < facts_.min_tokens)
    for (const TokenId id : facts_.ends) logits[static_cast<size_t>(id)] += -kInfinity;
  apply_logit_bias(o.logit_bias, logits);
  if (o.repetition_penalty != 1)
    apply_repetition_penalty(o.repetition_penalty, last(history, o.repetition_window), memory.counts, logits);
  if (o.presence_penalty != 0 || o.frequency_penalty != 0)
    apply_occurrence_penalties(o.presence_penalty, o.frequency_penalty, answer, memory.counts, logits);
  if (o.dry_multiplier != 0)
    apply_dry({o.dry_multiplier, o.dry_base, o.dry_allowed_length}, last(history, o.dry_window),
              facts_.breakers.get(), memory.counts, memory.matches, logits);
}

TokenId Sampler::draw(uint64_t position, SamplerMemory& memory) const {
  const SamplingOptions& o = options_;
  LogitRow& row = memory.row;
  Candidates& candidates = memory.candidates;
  const double uniform = random_at(seed_, position, Purpose::kToken);
  const bool excludes_top =
      o.xtc_probability > 0 && random_at(seed_, position, Purpose::kXtc) < o.xtc_probability;

  const bool typical = o.typical_p < 1;
  // What min-p will leave out in any case. (The typical tokens may not have the likeliest, which it compares
  // with.)
  const double floor = typical || o.min_p == 0 ? -kInfinity : row.logit_at(kSlack - std::log(o.min_p));
  double total = 0, mean_logit = 0;  // of what is there before typical and top-p
  candidates.clear();
  if (o.top_k > 0 && static_cast<size_t>(o.top_k) < row.size()) {
    row.gather_most_likely(static_cast<size_t>(o.top_k), candidates);
    total = candidates.total();
    if (typical) mean_logit = candidates.mean_logit(total);
  } else if (typical) {
    total = row.total();
    mean_logit = row.mean_logit(total);
    row.gather_mass(mean_logit, o.typical_p * total, floor, candidates);
  } else if (o.top_p < 1) {
    total = row.total();
    row.gather_mass(row.largest(), o.top_p * total, floor, candidates);
  } else if (o.min_p > 0 || excludes_top) {
    row.gather(floor, candidates);
  } else {
    return row.draw(uniform, row.total());
  }
  if (typical) {
    candidates.keep_typical(mean_logit, o.typical_p * total);
    total = candidates.total();
  }
  if (o.top_p < 1) candidates.keep_nucleus(o.top_p * total);
  if (o.min_p > 0) candidates.keep_min_p(o.min_p);
  if (excludes_top) candidates.exclude_top(o.xtc_threshold);
  return candidates.draw(uniform).id;
}

}  // namespace ferrum
