// Conversions of binary16 and bfloat16, all 65536 values each, against arithmetic on doubles.
#include "tensor/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace ferrum {
namespace {

double f16_by_arithmetic(uint16_t bits) {
  const double sign = bits & 0x8000 ? -1 : 1;
  const int exponent = (bits >> 10) & 31;
  const int mantissa = bits & 1023;
  if (exponent == 31) return mantissa ? std::nan("") : sign * std::numeric_limits<double>::infinity();
  return sign * (exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25));
}

double bf16_by_arithmetic(uint16_t bits) {
  const double sign = bits & 0x8000 ? -1 : 1;
  const int exponent = (bits >> 7) & 255;
  const int mantissa = bits & 127;
  if (exponent == 255) return mantissa ? std::nan("") : sign * std::numeric_limits<double>::infinity();
  return sign * (exponent == 0 ? std::ldexp(mantissa, -133) : std::ldexp(128 + mantissa, exponent - 134));
}

template <class Read, class Write, class Oracle>
void expect_every_value(Read read, Write write, Oracle oracle) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float value = read(half);
    const double expected = oracle(half);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(value)) << bits;
      ASSERT_TRUE(std::isnan(read(write(value)))) << bits;
    } else {
      ASSERT_EQ(value, expected) << bits;
      ASSERT_EQ(std::signbit(value), std::signbit(expected)) << bits;
      ASSERT_EQ(write(value), half) << bits;
    }
  }
}

// Between each two neighbours: the middle goes to the even one, its float neighbours to the nearer one.
template <class Write, class Oracle>
void expect_nearest_even(Write write, Oracle oracle, uint16_t largest) {
  for (uint32_t bits = 0; bits < largest; ++bits) {
    const auto below = static_cast<uint16_t>(bits);
    const auto above = static_cast<uint16_t>(bits + 1);
    const auto middle = static_cast<float>((oracle(below) + oracle(above)) / 2);  // exact
    for (const int sign : {0, 0x8000}) {
      const float signed_middle = sign ? -middle : middle;
      const auto even = static_cast<uint16_t>((bits & 1 ? above : below) | sign);
      ASSERT_EQ(write(signed_middle), even) << bits;
      ASSERT_EQ(write(std::nextafter(signed_middle, 0.0f)), below | sign) << bits;
      ASSERT_EQ(write(std::nextafter(signed_middle, sign ? -INFINITY : INFINITY)), above | sign) << bits;
    }
  }
}

TEST(Half, EveryF16Value) { expect_every_value(float_from_f16, f16_from_float, f16_by_arithmetic); }
TEST(Half, EveryBf16Value) { expect_every_value(float_from_bf16, bf16_from_float, bf16_by_arithmetic); }
TEST(Half, F16RoundsToNearestEven) { expect_nearest_even(f16_from_float, f16_by_arithmetic, 0x7BFF); }
TEST(Half, Bf16RoundsToNearestEven) { expect_nearest_even(bf16_from_float, bf16_by_arithmetic, 0x7F7F); }

TEST(Half, BeyondTheLargest) {
  EXPECT_EQ(f16_from_float(65519.996f), 0x7BFF);
  EXPECT_EQ(f16_from_float(65520.0f), 0x7C00);
  EXPECT_EQ(f16_from_float(-1e30f), 0xFC00);
  EXPECT_EQ(f16_from_float(-INFINITY), 0xFC00);
  EXPECT_EQ(bf16_from_float(std::numeric_limits<float>::max()), 0x7F80);
  EXPECT_EQ(bf16_from_float(std::bit_cast<float>(0x7F7F7FFF)), 0x7F7F);
  EXPECT_TRUE(std::isnan(float_from_bf16(bf16_from_float(std::bit_cast<float>(0x7F800001)))));
  EXPECT_TRUE(std::isnan(float_from_f16(f16_from_float(std::bit_cast<float>(0xFF800001)))));
}

#ifdef __FLT16_MANT_DIG__
TEST(Half, F16AsTheCompilerHasIt) {
  uint32_t state = 1;
  for (int i = 0; i < 1'000'000; ++i) {
    state = state * 1664525 + 1013904223;
    const auto value = std::bit_cast<float>(state);
    if (std::isnan(value)) continue;
    ASSERT_EQ(f16_from_float(value), std::bit_cast<uint16_t>(static_cast<_Float16>(value))) << value;
  }
}
#endif

}  // namespace
}  // namespace ferrum
