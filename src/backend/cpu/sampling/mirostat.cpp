#include "backend/cpu/sampling/mirostat.h"

#include <algorithm>
#include <cmath>

namespace ferrum::cpu {

int32_t Mirostat::draw(LogitRow& row, double uniform, Candidates& candidates) {
  const double total = row.total();
  candidates.clear();
  if (version_ == Version::kTopK) {
    gather_top_k(row, candidates);
  } else {
    // Surprise is log2 total − log2 weight; it is within the bound if the weight is at least e^−depth.
    const double depth = std::max(0.0, bound_ * std::log(2.0) - std::log(total));
    row.gather(row.logit_at(depth), candidates);
  }
  const Candidate drawn = candidates.draw(uniform);
  const double surprise = std::log2(total / drawn.weight);
  bound_ -= target_.eta * (surprise - target_.tau);
  return drawn.id;
}

// Estimates the exponent s by least squares on the logarithms of rank and probability, then the k that fits
// the bound.
void Mirostat::gather_top_k(LogitRow& row, Candidates& candidates) const {
  constexpr size_t kEstimatedFrom = 100;
  row.gather_most_likely(kEstimatedFrom, candidates);
  candidates.sort();
  double products = 0, squares = 0;
  for (size_t i = 0; i + 1 < candidates.size(); ++i) {
    const double rank_step = std::log((static_cast<double>(i) + 2) / (static_cast<double>(i) + 1));
    const Candidate& here = candidates.all()[i];
    products += rank_step * std::log(here.weight / candidates.all()[i + 1].weight);
    squares += rank_step * rank_step;
  }
  const double s = squares > 0 ? products / squares : 1;
  const double epsilon = s - 1;
  const auto n = static_cast<double>(row.size());
  // (ε · 2^μ / (1 − N^−ε))^(1/s); near ε = 0, where this is 0 / 0, its limit.
  const double factor = std::abs(epsilon) > 1e-6 ? epsilon / (1 - std::pow(n, -epsilon)) : 1 / std::log(n);
  const double k = s > 0 ? std::pow(factor * std::exp2(bound_), 1 / s) : n;
  const auto kept = static_cast<size_t>(std::round(std::clamp(std::isnan(k) ? n : k, 1.0, n)));
  if (kept > candidates.size()) {
    candidates.clear();
    row.gather_most_likely(kept, candidates);
  } else {
    candidates.keep_most_likely(kept);
  }
}

}  // namespace ferrum::cpu
