// Quantiles by nearest rank: always one of the values, never interpolated.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

#include "base/check.h"

namespace ferrum {

// The smallest of `sorted` (ascending, not empty) that at least a `share` of the values do not exceed.
inline double quantile(std::span<const double> sorted, double share) {
  check(!sorted.empty(), "there are values");
  const double rank = std::ceil(share * static_cast<double>(sorted.size()));
  return sorted[static_cast<size_t>(std::clamp(rank, 1.0, static_cast<double>(sorted.size()))) - 1];
}

}  // namespace ferrum
