#include "engine/sampling/penalties.h"

#include <algorithm>
#include <cmath>

namespace ferrum {
namespace {

// Large enough for any logit, small enough that sums stay finite.
constexpr double kMostDry = 1e30;

// matches[i]: how many elements from i on equal those from the beginning on (the Z-function; Gusfield,
// "Algorithms on Strings, Trees, and Sequences", 1.4). `at(i)` returns element i of `size`.
template <class At>
void match_with_beginning(const At& at, int size, std::vector<int>& matches) {
  const auto count = static_cast<size_t>(size);
  // The next token of the sequence needs one element more.
  if (matches.capacity() < count) matches.reserve(2 * count);
  matches.assign(count, 0);
  int begin = 0, end = 0;  // of the match that ends last
  for (int i = 1; i < size; ++i) {
    int length = i < end ? std::min(end - i, matches[static_cast<size_t>(i - begin)]) : 0;
    while (i + length < size && at(length) == at(i + length)) ++length;
    matches[static_cast<size_t>(i)] = length;
    if (i + length > end) {
      begin = i;
      end = i + length;
    }
  }
}

}  // namespace

void apply_logit_bias(const std::map<int32_t, float>& bias, std::span<float> logits) {
  for (const auto& [id, value] : bias) logits[static_cast<size_t>(id)] += value;
}

void apply_repetition_penalty(float penalty, std::span<const TokenId> recent, TokenCounts& counts,
                              std::span<float> logits) {
  counts.clear(logits.size());
  for (const TokenId id : recent)
    if (id >= 0) counts.raise(id, 1);
  for (const TokenId id : counts.counted()) {
    float& logit = logits[static_cast<size_t>(id)];
    logit = logit > 0 ? logit / penalty : logit * penalty;
  }
}

void apply_occurrence_penalties(float presence, float frequency, std::span<const TokenId> answer,
                                TokenCounts& counts, std::span<float> logits) {
  counts.clear(logits.size());
  for (const TokenId id : answer) counts.add(id);
  for (const TokenId id : counts.counted())
    logits[static_cast<size_t>(id)] -= presence + frequency * static_cast<float>(counts[id]);
}

void apply_dry(const DryPenalty& penalty, std::span<const TokenId> recent, const DryBreakers* breakers,
               TokenCounts& counts, std::vector<int>& matches, std::span<float> logits) {
  const auto breaks = [breakers](TokenId id) { return id < 0 || (breakers && breakers->contains(id)); };
  // Reversed, so that a repetition of the last tokens is a match with the beginning.
  const auto at = [recent](int i) { return recent[recent.size() - 1 - static_cast<size_t>(i)]; };
  const auto size = static_cast<int>(recent.size());
  int longest = 0;  // maximum length of a repetition
  while (longest < size && !breaks(at(longest))) ++longest;
  if (longest < penalty.allowed_length) return;

  match_with_beginning(at, size, matches);
  counts.clear(logits.size());
  for (int i = 1; i < size; ++i) {
    const int length = std::min(matches[static_cast<size_t>(i)], longest);
    if (length >= penalty.allowed_length && !breaks(at(i - 1))) counts.raise(at(i - 1), length);
  }
  for (const TokenId id : counts.counted()) {
    const double exponent = counts[id] - penalty.allowed_length;
    const double loss = penalty.multiplier * std::pow(static_cast<double>(penalty.base), exponent);
    logits[static_cast<size_t>(id)] -= static_cast<float>(std::min(loss, kMostDry));
  }
}

}  // namespace ferrum
