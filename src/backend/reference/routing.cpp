// Chooses the experts of tokens: RoutingRule, step by step.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "backend/reference/reference_backend.h"
#include "base/check.h"

namespace ferrum {
namespace {

using Numbers = std::vector<double>;

constexpr double kNever = -std::numeric_limits<double>::infinity();

Numbers softmax(const Numbers& logits) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  Numbers p;
  for (const double logit : logits) p.push_back(std::exp(logit - largest));
  const double sum = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& x : p) x /= sum;
  return p;
}

Numbers logistic(Numbers logits) {
  for (double& x : logits) x = 1 / (1 + std::exp(-x));
  return logits;
}

// The `count` largest, largest first, of equal ones the lower index first. NaNs come last.
std::vector<int> largest_of(const Numbers& ranks, int count) {
  std::vector<int> order(ranks.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    if (std::isnan(ranks[a]) || std::isnan(ranks[b])) return !std::isnan(ranks[a]) && std::isnan(ranks[b]);
    return ranks[a] > ranks[b];
  });
  order.resize(static_cast<size_t>(count));
  return order;
}

void leave_best_groups(Numbers& ranks, const RoutingRule& rule) {
  const auto size = static_cast<int>(ranks.size()) / rule.groups;
  Numbers of_groups;
  for (int g = 0; g < rule.groups; ++g) {
    const Numbers group(ranks.begin() + g * size, ranks.begin() + (g + 1) * size);
    double rank = 0;
    for (const int e : largest_of(group, rule.group_by_largest ? 1 : std::min(2, size))) rank += group[e];
    of_groups.push_back(rank);
  }
  const std::vector<int> used = largest_of(of_groups, rule.groups_used);
  for (int g = 0; g < rule.groups; ++g)
    if (std::find(used.begin(), used.end(), g) == used.end())
      std::fill_n(ranks.begin() + g * size, size, kNever);
}

// kOneByOne, with the logits as p.
Numbers shares_one_by_one(const std::vector<int>& chosen, const Numbers& logits, double jitter) {
  Numbers shares;
  std::vector<bool> taken(logits.size());
  for (const int e : chosen) {
    const double best = logits[e];
    double sum = 0;
    for (size_t i = 0; i < logits.size(); ++i) {
      const double below = (best - logits[i]) / std::max(std::abs(logits[i]), best);
      if (!taken[i] && !(below > 2 * jitter)) sum += std::exp(logits[i] - best);
    }
    shares.push_back(1 / sum);
    taken[static_cast<size_t>(e)] = true;
  }
  return shares;
}

// A NaN among the logits makes all weights NaN, so that the failure is visible.
Numbers weights_of(const std::vector<int>& chosen, const Numbers& p, const RoutingRule& rule) {
  Numbers weights;
  for (const int e : chosen) weights.push_back(p[e]);
  if (rule.score == RoutingRule::Score::kSoftmaxOfChosen) weights = softmax(weights);
  if (rule.score == RoutingRule::Score::kOneByOne) weights = shares_one_by_one(chosen, p, rule.jitter);
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  const double divisor = rule.renormalize ? std::max<double>(sum, rule.floor) : 1;
  const bool any_nan = std::any_of(p.begin(), p.end(), [](double x) { return std::isnan(x); });
  for (double& w : weights) w = any_nan ? std::nan("") : w / divisor * rule.scale;
  if (!rule.expert_scales.empty())
    for (size_t i = 0; i < weights.size(); ++i) weights[i] *= *rule.expert_scales.at<float>(0, chosen[i]);
  return weights;
}

}  // namespace

void ReferenceBackend::route(Routing out, Tensor router_logits, const RoutingRule& rule) {
  const int experts = router_logits.cols;
  check_equal(experts % rule.groups, 0, "experts left over after dividing by the groups");
  check(rule.top_k <= experts / rule.groups * rule.groups_used, "as many experts as are chosen");
  check(rule.score != RoutingRule::Score::kOneByOne ||
            (rule.groups == 1 && rule.selection_bias.empty() && !rule.renormalize),
        "experts that are chosen one by one have ranks and weights of their own");
  for (int t = 0; t < router_logits.rows; ++t) {
    const float* row = router_logits.at<float>(t);
    const Numbers logits(row, row + experts);
    const Numbers p = rule.score == RoutingRule::Score::kSoftmax   ? softmax(logits)
                      : rule.score == RoutingRule::Score::kSigmoid ? logistic(logits)
                                                                   : logits;
    // The logits have the same order as p, without its rounding.
    const bool is_biased = !rule.selection_bias.empty();
    Numbers ranks = is_biased || rule.groups > 1 ? p : logits;
    if (is_biased)
      for (int e = 0; e < experts; ++e) ranks[e] += *rule.selection_bias.at<float>(0, e);
    if (rule.groups > 1) leave_best_groups(ranks, rule);

    const std::vector<int> chosen = largest_of(ranks, rule.top_k);
    const Numbers weights = weights_of(chosen, p, rule);
    for (int i = 0; i < rule.top_k; ++i) {
      *out.expert_ids.at<int32_t>(t, i) = chosen[i];
      *out.weights.at<float>(t, i) = static_cast<float>(weights[i]);
    }
  }
}

}  // namespace ferrum
