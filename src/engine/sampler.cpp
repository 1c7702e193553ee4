#include "engine/sampler.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/error.h"
#include "base/random.h"

namespace ferrum {
namespace {

void require(bool holds, const char* name, const char* range, double value) {
  if (!holds) fail(ErrorCode::kBadArgument, "{} must be {}, not {}", name, range, value);
}

}  // namespace

void validate(const SamplingOptions& o) {
  require(o.temperature >= 0 && o.temperature <= 100, "temperature", "from 0 to 100", o.temperature);
  require(o.top_k >= 0, "top_k", "0 (off) or more", o.top_k);
  require(o.top_p > 0 && o.top_p <= 1, "top_p", "above 0 and at most 1", o.top_p);
  require(o.min_p >= 0 && o.min_p <= 1, "min_p", "from 0 to 1", o.min_p);
  require(o.repetition_penalty > 0 && o.repetition_penalty <= 100, "repetition_penalty",
          "above 0 and at most 100", o.repetition_penalty);
  require(o.repetition_window >= -1, "repetition_window", "-1 (all) or more", o.repetition_window);
}

Sampler::Sampler(const SamplingOptions& options, uint64_t seed)
    : options_(options), seed_(options.seed.value_or(seed)) {}

TokenId Sampler::sample(std::span<const float> logits, std::span<const TokenId> history) {
  logits_.assign(logits.begin(), logits.end());
  penalize(history);
  // max_element alone would not see every NaN.
  if (std::any_of(logits_.begin(), logits_.end(), [](float x) { return std::isnan(x); }))
    fail(ErrorCode::kNotFinite, "the model gave NaN after {} tokens", history.size());
  const auto largest = std::max_element(logits_.begin(), logits_.end());
  if (!std::isfinite(*largest))
    fail(ErrorCode::kNotFinite, "the model gave no finite logit after {} tokens", history.size());
  if (options_.temperature == 0) return static_cast<TokenId>(largest - logits_.begin());

  candidates_.clear();
  for (size_t i = 0; i < logits_.size(); ++i) {
    const double weight = std::exp((static_cast<double>(logits_[i]) - *largest) / options_.temperature);
    candidates_.push_back({static_cast<TokenId>(i), logits_[i], weight});
  }
  return draw(history.size());
}

// A seen token's logit is divided by the penalty if positive, else multiplied (CTRL, arXiv 1909.05858).
void Sampler::penalize(std::span<const TokenId> history) {
  if (options_.repetition_penalty == 1) return;
  const size_t window = options_.repetition_window < 0
                            ? history.size()
                            : std::min(history.size(), static_cast<size_t>(options_.repetition_window));
  const std::span<const TokenId> recent = history.last(window);
  seen_.assign(recent.begin(), recent.end());
  std::sort(seen_.begin(), seen_.end());
  seen_.erase(std::unique(seen_.begin(), seen_.end()), seen_.end());
  for (const TokenId id : seen_) {
    float& logit = logits_[static_cast<size_t>(id)];
    logit = logit > 0 ? logit / options_.repetition_penalty : logit * options_.repetition_penalty;
  }
}

TokenId Sampler::draw(uint64_t position) {
  keep_top_k();
  size_t kept = sorted_nucleus();
  const double least = options_.min_p * candidates_.front().weight;
  while (kept > 1 && candidates_[kept - 1].weight < least) --kept;

  double total = 0;
  for (size_t i = 0; i < kept; ++i) total += candidates_[i].weight;
  double rest = random_uniform(seed_, position) * total;
  for (size_t i = 0; i < kept; ++i) {
    rest -= candidates_[i].weight;
    if (rest < 0) return candidates_[i].id;
  }
  return candidates_[kept - 1].id;  // rounding left a sliver
}

void Sampler::keep_top_k() {
  const auto k = static_cast<size_t>(options_.top_k);
  if (k == 0 || k >= candidates_.size()) return;
  std::nth_element(candidates_.begin(), candidates_.begin() + static_cast<ptrdiff_t>(k) - 1,
                   candidates_.end(), [](const Candidate& a, const Candidate& b) {
                     return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
                   });
  candidates_.resize(k);
}

size_t Sampler::sorted_nucleus() {
  if (options_.top_p == 1 && options_.min_p == 0)
    return candidates_.size();  // all may be drawn, in any order
  // A heap gives the most likely ones one after the other: no sort of the whole vocabulary.
  const auto less_likely = [](const Candidate& a, const Candidate& b) {
    return a.logit != b.logit ? a.logit < b.logit : a.id > b.id;
  };
  double total = 0;
  for (const Candidate& c : candidates_) total += c.weight;
  const double wanted = options_.top_p < 1 ? options_.top_p * total : total;
  const double least =
      options_.min_p;  // of the largest weight, which is 1: what min-p drops need not be sorted

  std::vector<Candidate>& all = candidates_;
  std::make_heap(all.begin(), all.end(), less_likely);
  double sum = 0;
  size_t taken = 0;
  while (taken < all.size() && sum < wanted && (taken == 0 || all.front().weight >= least)) {
    std::pop_heap(all.begin(), all.end() - static_cast<ptrdiff_t>(taken), less_likely);
    ++taken;  // the popped ones gather at the end, the most likely last
    sum += all[all.size() - taken].weight;
    if (all[all.size() - taken].weight == 0) break;
  }
  std::reverse(all.begin(), all.end());
  return taken;
}

}  // namespace ferrum
