#include "engine/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "base/random.h"
#include "support/errors.h"

namespace ferrum {
namespace {

SamplingOptions plain() {
  SamplingOptions o;
  o.temperature = 1;
  o.top_k = 0;
  o.top_p = 1;
  o.min_p = 0;
  return o;
}

// How often each token is drawn, over `draws` positions of one seed.
std::map<TokenId, int> histogram(const SamplingOptions& options, const std::vector<float>& logits,
                                 int draws) {
  Sampler sampler(options, 7);
  std::map<TokenId, int> counts;
  std::vector<TokenId> history;
  for (int i = 0; i < draws; ++i) {
    ++counts[sampler.sample(logits, history)];
    history.push_back(0);
  }
  return counts;
}

std::set<TokenId> support(const SamplingOptions& options, const std::vector<float>& logits) {
  std::set<TokenId> ids;
  for (const auto& [id, count] : histogram(options, logits, 3000)) ids.insert(id);
  return ids;
}

const std::vector<float> kLogits = {std::log(0.1f), std::log(0.4f), std::log(0.05f), std::log(0.3f),
                                    std::log(0.15f)};

TEST(Sampler, GreedyTakesTheFirstOfTheMostLikely) {
  SamplingOptions o = plain();
  o.temperature = 0;
  Sampler sampler(o, 1);
  EXPECT_EQ(sampler.sample(kLogits, {}), 1);
  EXPECT_EQ(sampler.sample(std::vector<float>{2, 5, 5}, {}), 1);
}

TEST(Sampler, DrawsByTheDistribution) {
  const int draws = 40000;
  for (auto& [id, count] : histogram(plain(), kLogits, draws)) {
    const double p = std::exp(kLogits[static_cast<size_t>(id)]);
    const double sigma = std::sqrt(p * (1 - p) / draws);
    EXPECT_NEAR(static_cast<double>(count) / draws, p, 4.5 * sigma) << "token " << id;
  }
}

TEST(Sampler, TemperatureSharpens) {
  SamplingOptions o = plain();
  o.temperature = 0.5f;  // squares the odds
  const auto counts = histogram(o, kLogits, 40000);
  EXPECT_NEAR(static_cast<double>(counts.at(1)) / counts.at(3), 16.0 / 9, 0.08);
}

TEST(Sampler, TopKKeepsTheKMostLikely) {
  SamplingOptions o = plain();
  o.top_k = 2;
  EXPECT_EQ(support(o, kLogits), (std::set<TokenId>{1, 3}));
  o.top_k = 100;
  EXPECT_EQ(support(o, kLogits).size(), 5u);
  o.top_k = 1;
  EXPECT_EQ(support(o, std::vector<float>{1, 3, 3}), (std::set<TokenId>{1})) << "ties go to the lower id";
}

TEST(Sampler, TopPKeepsTheFewestThatReachIt) {
  SamplingOptions o = plain();
  o.top_p = 0.69f;
  EXPECT_EQ(support(o, kLogits), (std::set<TokenId>{1, 3}));
  o.top_p = 0.71f;
  EXPECT_EQ(support(o, kLogits), (std::set<TokenId>{1, 3, 4}));
  o.top_p = 1e-6f;
  EXPECT_EQ(support(o, kLogits), (std::set<TokenId>{1})) << "one always stays";
}

TEST(Sampler, TopPCountsWhatTopKLeft) {
  SamplingOptions o = plain();
  o.top_k = 2;
  o.top_p = 0.56f;  // of 0.7: 0.4 / 0.7 = 0.571
  EXPECT_EQ(support(o, kLogits), (std::set<TokenId>{1}));
}

TEST(Sampler, MinPComparesWithTheLikeliest) {
  SamplingOptions o = plain();
  o.min_p = 0.3f;  // 0.12
  EXPECT_EQ(support(o, kLogits), (std::set<TokenId>{1, 3, 4}));
  o.min_p = 1;
  EXPECT_EQ(support(o, kLogits), (std::set<TokenId>{1}));
}

TEST(Sampler, MinPAndTopPTogether) {
  SamplingOptions o = plain();
  o.top_p = 0.99f;
  o.min_p = 0.2f;  // 0.08
  EXPECT_EQ(support(o, kLogits), (std::set<TokenId>{0, 1, 3, 4}));
}

TEST(Sampler, RepetitionPenaltyLooksAtTheWindow) {
  SamplingOptions o = plain();
  o.temperature = 0;
  o.repetition_penalty = 2;
  o.repetition_window = 2;
  const std::vector<float> logits = {3, 4, -1};
  EXPECT_EQ(Sampler(o, 1).sample(logits, std::vector<TokenId>{1, 2, 2}), 1) << "1 is outside the window";
  EXPECT_EQ(Sampler(o, 1).sample(logits, std::vector<TokenId>{2, 1, 2}), 0) << "4 / 2 < 3";
  o.repetition_window = -1;
  EXPECT_EQ(Sampler(o, 1).sample(logits, std::vector<TokenId>{1, 2, 2, 2}), 0);
  // A negative logit gets smaller, not larger; a token seen twice is penalised once.
  EXPECT_EQ(Sampler(o, 1).sample(std::vector<float>{-1, -1.5f}, std::vector<TokenId>{0, 0}), 1);
}

TEST(Sampler, SameSeedSameDraws) {
  std::vector<float> logits(1000);
  for (size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>(random_uniform(3, i));
  SamplingOptions o = plain();
  o.seed = 42;
  Sampler a(o, 1), b(o, 2);
  std::vector<TokenId> history;
  std::vector<TokenId> drawn;
  for (int i = 0; i < 50; ++i) {
    drawn.push_back(a.sample(logits, history));
    EXPECT_EQ(drawn.back(), b.sample(logits, history));
    history.push_back(0);
  }
  // What was drawn before has no influence: position 17 gives the same again.
  EXPECT_EQ(a.sample(logits, std::span(history).first(17)), drawn[17]);
}

TEST(Sampler, B42_ParametersOutOfRange) {
  const auto refused = [](auto change, std::string_view name) {
    SamplingOptions o = plain();
    change(o);
    test::expect_error(ErrorCode::kBadArgument, {name}, [&] { validate(o); });
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  refused([&](SamplingOptions& o) { o.temperature = -1; }, "temperature");
  refused([&](SamplingOptions& o) { o.temperature = nan; }, "temperature");
  refused([&](SamplingOptions& o) { o.temperature = std::numeric_limits<float>::infinity(); }, "temperature");
  refused([&](SamplingOptions& o) { o.top_k = -1; }, "top_k");
  refused([&](SamplingOptions& o) { o.top_p = 0; }, "top_p");
  refused([&](SamplingOptions& o) { o.top_p = 1.5f; }, "top_p");
  refused([&](SamplingOptions& o) { o.min_p = -0.1f; }, "min_p");
  refused([&](SamplingOptions& o) { o.repetition_penalty = 0; }, "repetition_penalty");
  refused([&](SamplingOptions& o) { o.repetition_window = -2; }, "repetition_window");
  EXPECT_NO_THROW(validate(plain()));
}

TEST(Sampler, B58_LogitsThatAreNoNumbers) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  Sampler sampler(plain(), 1);
  test::expect_error(ErrorCode::kNotFinite, {"NaN"}, [&] {
    sampler.sample(std::vector<float>{1, nan, 2}, {});
  });
  test::expect_error(ErrorCode::kNotFinite, {"finite"}, [&] {
    sampler.sample(std::vector<float>{1, inf}, {});
  });
  test::expect_error(ErrorCode::kNotFinite, {"finite"}, [&] {
    sampler.sample(std::vector<float>{-inf, -inf}, {});
  });
  EXPECT_EQ(sampler.sample(std::vector<float>{-inf, 0, -inf}, {}), 1) << "forbidden tokens are no fault";
}

}  // namespace
}  // namespace ferrum
