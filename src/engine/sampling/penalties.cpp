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

void add_logit_bias(const std::map<int32_t, float>& bias, DrawList& list) {
  for (const auto& [id, value] : bias) list.edit(id).add += value;
}

void add_repetition_penalty(float penalty, std::span<const TokenId> recent, DrawList& list) {
  for (const TokenId id : recent)
    if (id >= 0) list.edit(id).repetition = penalty;
}

void add_occurrence_penalties(float presence, float frequency, std::span<const TokenId> answer,
                              DrawList& list) {
  TokenCounts& counts = list.counts();
  counts.clear(static_cast<size_t>(list.vocab()));
  for (const TokenId id : answer) counts.add(id);
  for (const TokenId id : counts.counted())
    list.edit(id).occurrence = presence + frequency * static_cast<float>(counts[id]);
}

void add_dry(const DryPenalty& penalty, std::span<const TokenId> recent, const DryBreakers* breakers,
             DrawList& list) {
  const auto breaks = [breakers](TokenId id) { return id < 0 || (breakers && breakers->contains(id)); };
  // Reversed, so that a repetition of the last tokens is a match with the beginning.
  const auto at = [recent](int i) { return recent[recent.size() - 1 - static_cast<size_t>(i)]; };
  const auto size = static_cast<int>(recent.size());
  int longest = 0;  // maximum length of a repetition
  while (longest < size && !breaks(at(longest))) ++longest;
  if (longest < penalty.allowed_length) return;

  std::vector<int>& matches = list.matches();
  match_with_beginning(at, size, matches);
  TokenCounts& counts = list.counts();
  counts.clear(static_cast<size_t>(list.vocab()));
  for (int i = 1; i < size; ++i) {
    const int length = std::min(matches[static_cast<size_t>(i)], longest);
    if (length >= penalty.allowed_length && !breaks(at(i - 1))) counts.raise(at(i - 1), length);
  }
  for (const TokenId id : counts.counted()) {
    const double exponent = counts[id] - penalty.allowed_length;
    const double loss = penalty.multiplier * std::pow(static_cast<double>(penalty.base), exponent);
    list.edit(id).dry = static_cast<float>(std::min(loss, kMostDry));
  }
}

}  // namespace ferrum
