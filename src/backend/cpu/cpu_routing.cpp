// Chooses the experts of tokens: see RoutingRule.
#include <algorithm>
#include <cmath>
#include <limits>

#include "backend/cpu/cpu_backend.h"
#include "base/check.h"

namespace ferrum {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
// The maximum where ranks differ from the logits, since a step allocates nothing.
constexpr int kMostExperts = 2048;

using Score = RoutingRule::Score;

// Calls visit(id) for the `count` largest in descending order, ties by ascending id. Each round takes the
// largest after the one taken before. If only NaNs are left, the id is 0.
template <class Visit>
void each_largest(const float* ranks, int n, int count, const Visit& visit) {
  float last = kInfinity;
  int last_id = -1;
  for (int i = 0; i < count; ++i) {
    int best = -1;
    for (int e = 0; e < n; ++e) {
      const bool is_behind = ranks[e] < last || (ranks[e] == last && e > last_id);
      if (is_behind && (best < 0 || ranks[e] > ranks[best])) best = e;
    }
    if (best < 0) best = 0;
    visit(best);
    last = ranks[best];
    last_id = best;
  }
}

// The logits of one token, and the values that its experts are chosen and weighted by.
class TokenRouter {
 public:
  TokenRouter(const cpu::Kernels& kernels, const RoutingRule& rule, const float* logits, int experts)
      : kernels_(kernels), rule_(rule), logits_(logits), experts_(experts) {
    highest_ = *std::max_element(logits, logits + experts);
    total_ = kernels_.sum_of_exp(logits, experts, highest_);
  }

  void choose(int32_t* ids, float* weights) const {
    int i = 0;
    const auto take = [&](int id) { ids[i++] = id; };
    if (rule_.selection_bias.empty() && rule_.groups == 1) {
      each_largest(logits_, experts_, rule_.top_k, take);  // the order of the logits is that of p
    } else {
      float ranks[kMostExperts];
      rank(ranks);
      each_largest(ranks, experts_, rule_.top_k, take);
    }
    weigh(ids, weights);
  }

 private:
  void rank(float* ranks) const {
    if (rule_.score == Score::kSigmoid)
      kernels_.logistic(ranks, logits_, experts_);
    else if (rule_.score == Score::kSoftmax)
      for (int e = 0; e < experts_; ++e) ranks[e] = std::exp(logits_[e] - highest_) / total_;
    else
      std::copy_n(logits_, experts_, ranks);
    if (!rule_.selection_bias.empty())
      kernels_.add_scaled(ranks, rule_.selection_bias.at<float>(0), 1, experts_);
    if (rule_.groups > 1) leave_best_groups(ranks);
  }

  void leave_best_groups(float* ranks) const {
    const int size = experts_ / rule_.groups;
    float of_groups[kMostExperts];
    bool used[kMostExperts];
    for (int g = 0; g < rule_.groups; ++g) {
      const float* const group = ranks + g * size;
      of_groups[g] = 0;
      each_largest(group, size, rule_.group_by_largest ? 1 : std::min(2, size),
                   [&](int e) { of_groups[g] += group[e]; });
      used[g] = false;
    }
    each_largest(of_groups, rule_.groups, rule_.groups_used, [&](int g) { used[g] = true; });
    for (int g = 0; g < rule_.groups; ++g)
      if (!used[g]) std::fill_n(ranks + g * size, size, -kInfinity);
  }

  void weigh_one_by_one(const int32_t* ids, float* weights) const {
    for (int i = 0; i < rule_.top_k; ++i) {
      const float best = logits_[ids[i]];
      float sum = 0;
      for (int e = 0; e < experts_; ++e) {
        const float below = (best - logits_[e]) / std::max(std::abs(logits_[e]), best);
        if (below > 2 * rule_.jitter || std::find(ids, ids + i, e) != ids + i) continue;
        sum += std::exp(logits_[e] - best);
      }
      weights[i] = rule_.scale / (sum + 0 * total_);
      if (!rule_.expert_scales.empty()) weights[i] *= *rule_.expert_scales.at<float>(0, ids[i]);
    }
  }

  void weigh(const int32_t* ids, float* weights) const {
    if (rule_.score == Score::kOneByOne) return weigh_one_by_one(ids, weights);
    const bool is_sigmoid = rule_.score == Score::kSigmoid;
    float chosen = 0;
    for (int i = 0; i < rule_.top_k; ++i) {
      const float logit = logits_[ids[i]];
      weights[i] = is_sigmoid ? 1 / (1 + std::exp(-logit)) : std::exp(logit - highest_);
      chosen += weights[i];
    }
    // The remaining divisor of softmax weights.
    const float whole = is_sigmoid ? 1 : total_;
    const bool of_chosen = rule_.renormalize || rule_.score == Score::kSoftmaxOfChosen;
    const float least = rule_.renormalize ? rule_.floor * whole : 0;
    const float divisor = of_chosen ? std::max(chosen, least) : whole;
    // A NaN among the logits makes the weights NaN, whatever the divisor.
    for (int i = 0; i < rule_.top_k; ++i) weights[i] = weights[i] / (divisor + 0 * total_) * rule_.scale;
    if (!rule_.expert_scales.empty())
      for (int i = 0; i < rule_.top_k; ++i) weights[i] *= *rule_.expert_scales.at<float>(0, ids[i]);
  }

  const cpu::Kernels& kernels_;
  const RoutingRule& rule_;
  const float* logits_;
  int experts_;
  float highest_;
  float total_;  // Σ e^(logit − highest)
};

}  // namespace

void CpuBackend::route(Routing out, Tensor router_logits, const RoutingRule& rule) {
  const int experts = router_logits.cols;
  check_equal(experts % rule.groups, 0, "experts left over after dividing by the groups");
  check(rule.top_k >= 1 && rule.top_k <= experts / rule.groups * rule.groups_used,
        "as many experts as are chosen");
  check(rule.score != RoutingRule::Score::kOneByOne ||
            (rule.groups == 1 && rule.selection_bias.empty() && !rule.renormalize),
        "experts that are chosen one by one have ranks and weights of their own");
  check((rule.selection_bias.empty() && rule.groups == 1) || experts <= kMostExperts,
        "experts that the CPU backend ranks");
  pool_.parallel_for(router_logits.rows, [&](int64_t begin, int64_t end, int) noexcept {
    for (int t = static_cast<int>(begin); t < end; ++t) {
      const TokenRouter router(kernels_, rule, router_logits.at<float>(t), experts);
      router.choose(out.expert_ids.at<int32_t>(t), out.weights.at<float>(t));
    }
  });
}

}  // namespace ferrum
