#include "loadgen/arrivals.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace ferrum::loadgen {
namespace {

std::vector<double> times(double rate, Spacing spacing, uint64_t seed, int count) {
  Arrivals arrivals(rate, spacing, seed);
  std::vector<double> all;
  for (int i = 0; i < count; ++i) all.push_back(arrivals.next());
  return all;
}

TEST(Arrivals, UniformOnesHaveTheSameGap) {
  EXPECT_EQ(times(4, Spacing::kUniform, 1, 5), (std::vector<double>{0, 0.25, 0.5, 0.75, 1}));
}

TEST(Arrivals, PoissonGapsAreExponentialAndTheSeedDecides) {
  constexpr int kCount = 20'000;
  constexpr double kRate = 5;
  const std::vector<double> all = times(kRate, Spacing::kPoisson, 7, kCount);
  EXPECT_EQ(all, times(kRate, Spacing::kPoisson, 7, kCount));
  EXPECT_NE(all, times(kRate, Spacing::kPoisson, 8, kCount));
  EXPECT_EQ(all.front(), 0);
  EXPECT_NEAR(all.back() / (kCount - 1), 1 / kRate, 0.01 / kRate * 3);
  // Of an exponential distribution, e^-1 of all lie above the mean and e^-3 above three of it.
  int above = 0;
  int far_above = 0;
  for (size_t i = 1; i < all.size(); ++i) {
    const double gap = all[i] - all[i - 1];
    ASSERT_GE(gap, 0);
    above += gap > 1 / kRate;
    far_above += gap > 3 / kRate;
  }
  EXPECT_NEAR(static_cast<double>(above) / kCount, std::exp(-1), 0.015);
  EXPECT_NEAR(static_cast<double>(far_above) / kCount, std::exp(-3), 0.007);
}

}  // namespace
}  // namespace ferrum::loadgen
