#include "loadgen/arrivals.h"

#include <cmath>

#include "base/random.h"

namespace ferrum::loadgen {

double Arrivals::next() {
  const uint64_t i = count_++;
  if (i == 0) return 0;
  // Multiplied rather than summed, so that rounding errors do not accumulate.
  if (spacing_ == Spacing::kUniform) return time_ = static_cast<double>(i) / per_second_;
  time_ += -std::log1p(-random_uniform(seed_, i)) / per_second_;
  return time_;
}

}  // namespace ferrum::loadgen
