#include "models/alibi.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ferrum {
namespace {

TEST(Alibi, SlopesHalveHeadByHeadWhereThereAreEight) {
  const std::vector<float> slopes = alibi_slopes(8);
  ASSERT_EQ(slopes.size(), 8u);
  for (size_t i = 0; i < 8; ++i) EXPECT_FLOAT_EQ(slopes[i], std::ldexp(1.0f, -1 - static_cast<int>(i)));
}

// As jina-reranker-v1-turbo has them.
TEST(Alibi, TwelveHeadsTakeFourSlopesOfSixteen) {
  const std::vector<float> slopes = alibi_slopes(12);
  ASSERT_EQ(slopes.size(), 12u);
  EXPECT_FLOAT_EQ(slopes[7], 1 / 256.0f);
  for (size_t i = 0; i < 4; ++i)
    EXPECT_FLOAT_EQ(slopes[8 + i], std::exp2(-0.5f * static_cast<float>(2 * i + 1)));
}

TEST(Alibi, OneHead) { EXPECT_EQ(alibi_slopes(1), std::vector<float>{1 / 256.0f}); }

}  // namespace
}  // namespace ferrum
