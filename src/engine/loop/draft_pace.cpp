#include "engine/loop/draft_pace.h"

#include <algorithm>

namespace ferrum {
namespace {

constexpr double kWeight = 0.125;
constexpr int64_t kLifetime = 100;  // in steps, since contexts grow and the load of other programs changes
constexpr int kAtFirst = 2;         // tokens, to measure the cost
// The gain must exceed the cost by this factor, since both are only estimates.
constexpr double kMargin = 1.3;

void blend(double& average, double value) {
  average = average == 0 ? value : average + kWeight * (value - average);
}

}  // namespace

void DraftPace::observe(const Step& step) {
  ++steps_;
  Plain& plain = plain_[static_cast<size_t>(step.sequences)];
  if (step.drafted == 0) {
    blend(plain.seconds, step.model.count());
    plain.step = steps_;
  } else if (plain.seconds > 0) {
    // A row is never free: if the measurement says so, an earlier step was slow.
    const double added = step.model.count() + step.drafting.count() - plain.seconds;
    blend(row_, std::max(added / step.drafted, 1e-3 * plain.seconds));
  }
}

bool DraftPace::knows(int sequences) const {
  const Plain& plain = plain_[static_cast<size_t>(sequences)];
  if (policy_ == Policy::kAlways) return true;
  return plain.seconds > 0 && steps_ - plain.step < kLifetime;
}

int DraftPace::tokens(float chance, int sequences, int most) const {
  if (policy_ == Policy::kAlways) return most;
  if (row_ == 0) return std::min(most, kAtFirst);
  const double token = plain_[static_cast<size_t>(sequences)].seconds / sequences;
  double won = chance * token;
  int count = 0;
  for (; count < most && won > kMargin * row_; ++count) won *= chance;
  return count;
}

}  // namespace ferrum
