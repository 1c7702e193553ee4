#include "loadgen/figures.h"

#include <gtest/gtest.h>

#include <numeric>

#include "base/quantile.h"
#include "support/errors.h"

namespace ferrum::loadgen {
namespace {

Sample answer(double start, double first, double last, double end, int64_t tokens) {
  return {.start = start,
          .first = first,
          .last = last,
          .end = end,
          .gaps = {last - first},
          .chunks = 2,
          .counted_by = Sample::CountedBy::kUsage,
          .prompt_tokens = 10,
          .cached_tokens = 5,
          .output_tokens = tokens};
}

TEST(Figures, QuantilesAreNearestRanks) {
  std::vector<double> hundred(100);
  std::iota(hundred.begin(), hundred.end(), 1);
  EXPECT_EQ(quantile(hundred, 0), 1);
  EXPECT_EQ(quantile(hundred, 0.5), 50);
  EXPECT_EQ(quantile(hundred, 0.99), 99);
  EXPECT_EQ(quantile(hundred, 1), 100);
  const Distribution d = distribution_of({4, 1, 3, 2});
  EXPECT_EQ(d.count, 4);
  EXPECT_EQ(d.mean, 2.5);
  EXPECT_EQ(d.p50, 2);
  EXPECT_EQ(d.p90, 4);
  EXPECT_EQ(distribution_of({7}).p99, 7);
  EXPECT_EQ(distribution_of({}).count, 0);
}

TEST(Figures, SumsTimesAndFailures) {
  std::vector<Sample> samples = {answer(1, 0.5, 2.5, 3, 5), answer(2, 1.5, 2.5, 4, 3)};
  Sample refused = {.start = 2, .end = 6};
  refused.failure = {"HTTP 429", "slow down"};
  samples.push_back(refused);
  refused.failure = {"timeout", "late"};
  refused.end = 1;
  samples.push_back(refused);
  refused.failure = {"timeout", "later"};
  samples.push_back(refused);

  const LoadFigures f = figures_of(samples, {.ttft = 1});
  EXPECT_EQ(f.requests, 5);
  EXPECT_EQ(f.succeeded, 2);
  EXPECT_EQ(f.good, 1);
  EXPECT_EQ(f.seconds, 7) << "from 1 to 8: the time of what failed counts";
  EXPECT_EQ(f.prompt_tokens, 20);
  EXPECT_EQ(f.cached_tokens, 10);
  EXPECT_EQ(f.output_tokens, 8);
  EXPECT_EQ(f.per_second(f.output_tokens), 8.0 / 7);
  EXPECT_EQ(f.ttft.mean, 1);
  EXPECT_EQ(f.itl.count, 2);
  EXPECT_EQ(f.tpot.p50, 0.5);
  EXPECT_EQ(f.e2e.p99, 4);
  ASSERT_EQ(f.failures.size(), 2U);
  EXPECT_EQ(f.failures[0].kind, "timeout");
  EXPECT_EQ(f.failures[0].count, 2);
  EXPECT_EQ(f.failures[0].example, "late");
  EXPECT_EQ(f.failures[1].kind, "HTTP 429");
  EXPECT_EQ(figures_of({}, {}).per_second(0), 0);
}

TEST(Figures, GoodIsWhatKeepsToEachTarget) {
  const Sample s = answer(0, 0.5, 2.5, 3, 5);  // one gap of 2 s, 0.5 s per token
  EXPECT_TRUE(is_good(s, {}));
  EXPECT_TRUE(is_good(s, {.ttft = 0.5, .itl = 2, .tpot = 0.5, .e2e = 3}));
  EXPECT_FALSE(is_good(s, {.ttft = 0.4}));
  EXPECT_FALSE(is_good(s, {.itl = 1.9}));
  EXPECT_FALSE(is_good(s, {.tpot = 0.4}));
  EXPECT_FALSE(is_good(s, {.e2e = 2.9}));
  Sample failed = s;
  failed.failure = {"timeout", ""};
  EXPECT_FALSE(is_good(failed, {}));
}

TEST(Figures, TargetsAreReadInMilliseconds) {
  const Targets targets = parse_targets("ttft:500,itl:50.5");
  EXPECT_EQ(targets.ttft, 0.5);
  EXPECT_DOUBLE_EQ(*targets.itl, 0.0505);
  EXPECT_FALSE(targets.tpot);
  EXPECT_TRUE(targets.any());
  EXPECT_FALSE(parse_targets("").any());
  for (const char* bad :
       {"x", "ttft", "ttft:", "ttft:-1", "ttft:0", "ttft:nan", "ttft:5ms", "a:5", "ttft:5,,"})
    test::expect_error(ErrorCode::kBadArgument, {"--slo"}, [&] { parse_targets(bad); });
}

}  // namespace
}  // namespace ferrum::loadgen
