#include "tensor/formats/encode.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace ferrum {
namespace {

std::vector<float> normal_values(size_t count, float deviation, uint32_t seed = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, deviation);
  std::vector<float> values(count);
  for (float& v : values) v = normal(random);
  return values;
}

std::vector<float> round_trip(Format format, std::span<const float> values) {
  std::vector<std::byte> blocks(row_bytes(format, values.size()));
  formats::encode(format, values, blocks.data());
  std::vector<float> decoded(values.size());
  traits(format).decode(blocks.data(), decoded.data(), decoded.size());
  return decoded;
}

// No value may be farther from its block's than half a step (and what rounding the scale to binary16 adds).
void expect_within_half_a_step(Format format, int steps_over_range) {
  const float rounding =
      static_cast<float>(steps_over_range) * 0x1p-25f;  // of a subnormal scale, times the steps
  for (const float deviation : {1e-3f, 0.02f, 1.0f, 300.0f}) {
    const auto values = normal_values(32 * 500, deviation);
    const auto decoded = round_trip(format, values);
    for (size_t block = 0; block < values.size(); block += 32) {
      const auto [low, high] = std::minmax_element(values.begin() + block, values.begin() + block + 32);
      const float largest = std::max(std::abs(*low), std::abs(*high));
      const bool symmetric = format == Format::kQ4_0 || format == Format::kQ5_0 || format == Format::kQ8_0;
      const float step = (symmetric ? 2 * largest : *high - *low) / static_cast<float>(steps_over_range);
      // a symmetric format with an even number of levels has one fewer on the side opposite to the extreme
      const float slack = format == Format::kQ4_0 || format == Format::kQ5_0 ? 1.0f : 0.5f;
      for (size_t i = block; i < block + 32; ++i)
        ASSERT_LE(std::abs(decoded[i] - values[i]), slack * step + largest * 0x1p-10f + rounding)
            << name_of(format) << " " << i;
    }
  }
}

TEST(Encode, Q8_0) { expect_within_half_a_step(Format::kQ8_0, 254); }
TEST(Encode, Q4_0) { expect_within_half_a_step(Format::kQ4_0, 16); }
TEST(Encode, Q5_0) { expect_within_half_a_step(Format::kQ5_0, 32); }
TEST(Encode, Q4_1) { expect_within_half_a_step(Format::kQ4_1, 15); }
TEST(Encode, Q5_1) { expect_within_half_a_step(Format::kQ5_1, 31); }

TEST(Encode, FloatsThatFitAreExact) {
  for (const Format format : {Format::kF32, Format::kF16, Format::kBF16}) {
    std::vector<float> values;
    for (int i = -128; i < 128; ++i) values.push_back(static_cast<float>(i) * 0.25f);
    EXPECT_EQ(round_trip(format, values), values) << name_of(format);
  }
}

TEST(Encode, Q8_0BytesByHand) {
  std::vector<float> values(32);
  values[0] = 127, values[1] = -127, values[2] = 2.5f, values[3] = -2.5f,
  values[4] = 0.49f;  // halves away from zero
  std::vector<std::byte> block(34);
  formats::encode(Format::kQ8_0, values, block.data());
  const auto byte = [&](int i) { return static_cast<int>(static_cast<int8_t>(block[i])); };
  EXPECT_EQ(byte(0), 0x00);
  EXPECT_EQ(byte(1), 0x3C);  // 1.0 in binary16
  EXPECT_EQ(byte(2), 127);
  EXPECT_EQ(byte(3), -127);
  EXPECT_EQ(byte(4), 3);
  EXPECT_EQ(byte(5), -3);
  EXPECT_EQ(byte(6), 0);
}

TEST(Encode, Q4_0PutsTheExtremeOnTheLowestStep) {
  std::vector<float> values(32, 0.0f);
  values[5] = 4, values[17] = -2;  // d = 4 / −8
  std::vector<std::byte> block(18);
  formats::encode(Format::kQ4_0, values, block.data());
  EXPECT_EQ(block[0], std::byte{0x00});
  EXPECT_EQ(block[1], std::byte{0xB8});      // −0.5
  EXPECT_EQ(block[2 + 5], std::byte{0x80});  // value 5: 0; value 21: zero is 8
  EXPECT_EQ(block[2 + 1], std::byte{0xC8});  // value 1: 8; value 17: −2 / −0.5 + 8 = 12
  const auto decoded = round_trip(Format::kQ4_0, values);
  EXPECT_EQ(decoded[5], 4);
  EXPECT_EQ(decoded[17], -2);
}

TEST(Encode, ZerosSubnormalsAndHugeValuesStayDefined) {
  for (int i = 0; i < kFormatCount; ++i) {
    const auto format = static_cast<Format>(i);
    if (!formats::can_encode(format)) continue;
    for (const float value : {0.0f, -0.0f, 1e-45f, -1e-40f, 1e-30f}) {
      const auto decoded = round_trip(format, std::vector<float>(32, value));
      for (const float d : decoded) EXPECT_LE(std::abs(d), 1e-7f) << name_of(format) << " of " << value;
    }
    round_trip(format, std::vector<float>(32, 3e38f));
  }
}

}  // namespace
}  // namespace ferrum
