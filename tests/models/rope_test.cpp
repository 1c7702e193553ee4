#include "models/rope.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace ferrum {
namespace {

RopeDescription base(int dim = 8) {
  RopeDescription rope;
  rope.theta = 10000;
  rope.rotary_dim = dim;
  return rope;
}

TEST(Rope, PlainFrequenciesFallGeometrically) {
  const RopeFrequencies f = rope_frequencies(base(), 100);
  ASSERT_EQ(f.radians.size(), 4u);
  EXPECT_FLOAT_EQ(f.radians[0], 1);
  EXPECT_FLOAT_EQ(f.radians[1], 0.1f);
  EXPECT_FLOAT_EQ(f.radians[3], 0.001f);
  EXPECT_EQ(f.magnitude, 1);
}

TEST(Rope, TableHoldsCosinesThenSines) {
  const std::vector<float> table = rope_table({{0.5f, 0.25f}, 2.0f}, 3);
  ASSERT_EQ(table.size(), 12u);
  EXPECT_FLOAT_EQ(table[0], 2);                    // position 0: cos 0
  EXPECT_FLOAT_EQ(table[2], 0);                    // sin 0
  EXPECT_FLOAT_EQ(table[8], 2 * std::cos(1.0f));   // position 2, first pair
  EXPECT_FLOAT_EQ(table[11], 2 * std::sin(0.5f));  // position 2, second pair
}

TEST(Rope, LinearDividesAll) {
  RopeDescription rope = base();
  rope.scaling = {.kind = RopeScaling::Kind::kLinear, .factor = 4};
  EXPECT_FLOAT_EQ(rope_frequencies(rope, 100).radians[1], 0.025f);
}

TEST(Rope, DynamicStaysPlainWithinTheTrainedContext) {
  RopeDescription rope = base();
  rope.scaling = {.kind = RopeScaling::Kind::kDynamic, .factor = 2, .original_context = 100};
  EXPECT_EQ(rope_frequencies(rope, 100).radians, rope_frequencies(base(), 100).radians);
  // Twice as long: base × (2 · 2 − 1)^(8 / 6)
  const float theta = 10000 * std::pow(3.0f, 8.0f / 6);
  EXPECT_NEAR(rope_frequencies(rope, 200).radians[2], std::pow(theta, -0.5f), 1e-7);
}

TEST(Rope, Llama3KeepsShortWavesAndStretchesLongOnes) {
  RopeDescription rope = base(64);
  rope.theta = 500000;
  rope.scaling = {.kind = RopeScaling::Kind::kLlama3,
                  .factor = 8,
                  .original_context = 8192,
                  .low_frequency_factor = 1,
                  .high_frequency_factor = 4};
  const auto plain =
      rope_frequencies({.theta = 500000, .rotary_dim = 64, .scaling = {}, .frequency_divisors = {}}, 1)
          .radians;
  const auto scaled = rope_frequencies(rope, 1).radians;
  EXPECT_FLOAT_EQ(scaled.front(), plain.front());
  EXPECT_FLOAT_EQ(scaled.back(), plain.back() / 8);
  for (size_t i = 1; i < scaled.size(); ++i) EXPECT_LT(scaled[i], scaled[i - 1]);
}

// As Llama 4 Scout has it.
TEST(Rope, Llama3WithOneLimitBlendsNothing) {
  RopeDescription rope = base(64);
  rope.theta = 500000;
  rope.scaling = {.kind = RopeScaling::Kind::kLlama3,
                  .factor = 16,
                  .original_context = 8192,
                  .low_frequency_factor = 1,
                  .high_frequency_factor = 1};
  const auto plain =
      rope_frequencies({.theta = 500000, .rotary_dim = 64, .scaling = {}, .frequency_divisors = {}}, 1)
          .radians;
  const auto scaled = rope_frequencies(rope, 1).radians;
  const float limit = 2 * std::numbers::pi_v<float> / 8192;  // radians of a wave of 8192 positions
  for (size_t i = 0; i < scaled.size(); ++i)
    EXPECT_FLOAT_EQ(scaled[i], plain[i] < limit ? plain[i] / 16 : plain[i]) << i;
}

TEST(Rope, YarnMagnitudeGrowsWithTheFactor) {
  RopeDescription rope = base(64);
  rope.scaling = {.kind = RopeScaling::Kind::kYarn, .factor = 4, .original_context = 64};
  const RopeFrequencies f = rope_frequencies(rope, 1);
  EXPECT_FLOAT_EQ(f.magnitude, 0.1f * std::log(4.0f) + 1);
  EXPECT_FLOAT_EQ(f.radians.front(), 1);
  EXPECT_FLOAT_EQ(f.radians.back(), rope_frequencies(base(64), 1).radians.back() / 4);
  rope.scaling.mscale = 0.7f;
  rope.scaling.mscale_all_dim = 0.0f;  // as if it was not said
  EXPECT_FLOAT_EQ(rope_frequencies(rope, 1).magnitude, f.magnitude);
  rope.scaling.mscale_all_dim = 2.0f;
  EXPECT_FLOAT_EQ(rope_frequencies(rope, 1).magnitude,
                  (0.07f * std::log(4.0f) + 1) / (0.2f * std::log(4.0f) + 1));
  rope.scaling.attention_factor = 1.5f;
  EXPECT_EQ(rope_frequencies(rope, 1).magnitude, 1.5f);
}

TEST(Rope, LongRopeChoosesByTheCapacity) {
  RopeDescription rope = base(4);
  rope.scaling = {.kind = RopeScaling::Kind::kLongRope,
                  .factor = 4,
                  .original_context = 100,
                  .short_factors = {1, 2},
                  .long_factors = {4, 8}};
  EXPECT_FLOAT_EQ(rope_frequencies(rope, 100).radians[1], 0.01f / 2);
  EXPECT_FLOAT_EQ(rope_frequencies(rope, 101).radians[1], 0.01f / 8);
}

TEST(Rope, DivisorsOfTheFileApplyLast) {
  RopeDescription rope = base(4);
  rope.frequency_divisors = {1, 10};
  EXPECT_FLOAT_EQ(rope_frequencies(rope, 1).radians[1], 0.001f);
}

}  // namespace
}  // namespace ferrum
