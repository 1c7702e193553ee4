// The choice of experts, and their products, in the oracle.
#include "reference_fixture.h"

#include <cmath>

namespace ferrum::test {
namespace {

TEST_F(Reference, RouteTakesTheLargestAndOfEqualOnesTheLowerId) {
  const Routing out = {bench_.tensor(DType::kI32, 1, 2), bench_.tensor(DType::kF32, 1, 2)};
  const float ln2 = std::log(2.0f);
  const Tensor logits = bench_.floats({0, ln2, 0, ln2}, 1);  // probabilities 1/6 1/3 1/6 1/3
  backend_.route(out, logits, {.top_k = 2});
  EXPECT_EQ(*out.expert_ids.at<int32_t>(0, 0), 1);
  EXPECT_EQ(*out.expert_ids.at<int32_t>(0, 1), 3);
  expect_near(out.weights, {1.0f / 3, 1.0f / 3});
  backend_.route(out, logits, {.top_k = 2, .renormalize = true});
  expect_near(out.weights, {0.5f, 0.5f});
}

class Router : public Reference {
 protected:
  // Logits are given as e^logit.
  void expect_route(std::vector<float> of_logits, const RoutingRule& rule, const std::vector<int32_t>& ids,
                    const std::vector<float>& weights) {
    for (float& x : of_logits) x = std::log(x);
    const Routing out = {bench_.tensor(DType::kI32, 1, rule.top_k),
                         bench_.tensor(DType::kF32, 1, rule.top_k)};
    backend_.route(out, bench_.floats(of_logits, 1), rule);
    for (int i = 0; i < rule.top_k; ++i) EXPECT_EQ(*out.expert_ids.at<int32_t>(0, i), ids[i]) << i;
    expect_near(out.weights, weights);
  }
};

TEST_F(Router, LogisticScoresAndABiasThatOnlySelects) {
  RoutingRule rule = {.top_k = 2, .score = RoutingRule::Score::kSigmoid};
  const std::vector<float> logits = {3, 1, 1.0f / 3};  // whose p are 3/4, 1/2, 1/4
  expect_route(logits, rule, {0, 1}, {0.75f, 0.5f});
  rule.selection_bias = bench_.floats({0, 0.5f, 0}, 1);
  expect_route(logits, rule, {1, 0}, {0.5f, 0.75f});
  rule.renormalize = true;
  expect_route(logits, rule, {1, 0}, {0.4f, 0.6f});
  rule.scale = 2;
  expect_route(logits, rule, {1, 0}, {0.8f, 1.2f});
  rule.floor = 2.5f;
  expect_route(logits, rule, {1, 0}, {0.4f, 0.6f});  // 2 · 0.5 / 2.5
}

TEST_F(Router, SoftmaxWithABiasAndAFloor) {
  RoutingRule rule = {.top_k = 1};
  rule.selection_bias = bench_.floats({0.5f, 0, 0}, 1);
  expect_route({1, 4, 3}, rule, {0}, {0.125f});  // 1/8 + 1/2 is more than 1/2
  rule.renormalize = true;
  expect_route({1, 4, 3}, rule, {0}, {1});
  rule.floor = 0.25f;
  expect_route({1, 4, 3}, rule, {0}, {0.5f});
}

TEST_F(Router, SoftmaxOfTheChosen) {
  RoutingRule rule = {.top_k = 2, .score = RoutingRule::Score::kSoftmaxOfChosen};
  expect_route({1, 9, 2, 3}, rule, {1, 3}, {0.75f, 0.25f});
  rule.scale = 4;
  expect_route({1, 9, 2, 3}, rule, {1, 3}, {3, 1});
}

TEST_F(Router, ExpertsOneByOne) {
  // The fixture takes the logarithms of these as logits: 2 ln 2, ln 2, ln 3, 0. The best one is 4.
  RoutingRule rule = {.top_k = 2, .score = RoutingRule::Score::kOneByOne, .jitter = 10};
  expect_route({4, 2, 3, 1}, rule, {0, 2}, {4.0f / 10, 3.0f / 6});
  // (ln 4 − ln 3) / ln 4 = 0.21 and (ln 3 − ln 2) / ln 3 = 0.37; ln 2 is 0.5 below ln 4.
  rule.jitter = 0.15f;
  expect_route({4, 2, 3, 1}, rule, {0, 2}, {4.0f / 7, 1});
  rule.jitter = 0.2f;
  expect_route({4, 2, 3, 1}, rule, {0, 2}, {4.0f / 7, 3.0f / 5});
  // Below 0 the size of the lower one counts: (ln 0.5 − ln 0.25) / |ln 0.25| = 0.5.
  rule.jitter = 0.26f;
  expect_route({0.5f, 0.25f, 0.01f}, rule, {0, 1}, {2.0f / 3, 1});
}

TEST_F(Router, ExpertsOfTheBestGroups) {
  // p of the groups, times 22: 6 1, 4 4, 6 1, whose sums are 7, 8, 7.
  const std::vector<float> logits = {6, 1, 4, 4, 6, 1};
  RoutingRule rule = {.top_k = 2, .groups = 3, .groups_used = 1};
  expect_route(logits, rule, {2, 3}, {4.0f / 22, 4.0f / 22});
  rule.group_by_largest = true;
  expect_route(logits, rule, {0, 1}, {6.0f / 22, 1.0f / 22});
  rule = {.top_k = 3, .groups = 3, .groups_used = 2};  // of equal groups the lower one
  expect_route(logits, rule, {0, 2, 3}, {6.0f / 22, 4.0f / 22, 4.0f / 22});
  rule.selection_bias = bench_.floats({0, 0, 0, 0, 0, 0.1f}, 1);
  expect_route(logits, rule, {4, 2, 3}, {6.0f / 22, 4.0f / 22, 4.0f / 22});
}

TEST_F(Router, ANotANumberMakesEveryWeightOne) {
  using Score = RoutingRule::Score;
  for (const Score score : {Score::kSoftmax, Score::kSigmoid, Score::kSoftmaxOfChosen, Score::kOneByOne}) {
    const Routing out = {bench_.tensor(DType::kI32, 1, 2), bench_.tensor(DType::kF32, 1, 2)};
    backend_.route(out, bench_.floats({1, std::nanf(""), 2, 0}, 1), {.top_k = 2, .score = score});
    for (int i = 0; i < 2; ++i) {
      EXPECT_GE(*out.expert_ids.at<int32_t>(0, i), 0);
      EXPECT_LT(*out.expert_ids.at<int32_t>(0, i), 4);
      EXPECT_TRUE(std::isnan(*out.weights.at<float>(0, i)));
    }
  }
}

TEST_F(Reference, ExpertsWithBiasesAndWithoutAGate) {
  // Width 1: expert e squares up x + bias where that is positive; then down, and a bias.
  const Weight& up = weight({2, 3}, 1, {1, -1}, 2);
  const Weight& down = weight({10, 100}, 1, {0.5f, 0.25f}, 2);
  const Routing routing = {bench_.integers({1, 0}, 1), bench_.floats({0.5f, 2}, 1)};
  const Tensor out = bench_.tensor(DType::kF32, 1, 1);
  backend_.experts(out, bench_.floats({1}, 1), routing, up, down,
                   {.kind = Activation::Kind::kReluSquared, .gated = false});
  EXPECT_NEAR(*out.at<float>(0), 0.5f * (100 * 4 + 0.25f) + 2 * (10 * 9 + 0.5f), 1e-4);
}

TEST_F(Reference, Experts) {
  // Width 1: expert e has gate g, up u, down d. silu(ln 3) = 3/4 ln 3.
  const float ln3 = std::log(3.0f);
  const Weight& gate_up = weight({ln3, 1, ln3, 2}, 2, {}, 2);
  const Weight& down = weight({10, 100}, 1, {}, 2);
  const Routing routing = {bench_.integers({1, 0}, 1), bench_.floats({0.5f, 2}, 1)};
  const Tensor out = bench_.tensor(DType::kF32, 1, 1);
  backend_.experts(out, bench_.floats({1}, 1), routing, gate_up, down, {});
  const float silu = 0.75f * ln3;
  ASSERT_EQ(out.rows, 1);
  EXPECT_NEAR(*out.at<float>(0), 0.5f * 100 * silu * 2 + 2 * 10 * silu * 1, 1e-4);
}

}  // namespace
}  // namespace ferrum::test
