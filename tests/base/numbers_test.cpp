#include "base/numbers.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace ferrum {
namespace {

TEST(Numbers, AWholeNumberIsAllOfTheText) {
  EXPECT_EQ(whole_number<int>("12"), 12);
  EXPECT_EQ(whole_number<int>("-12"), -12);
  EXPECT_EQ(whole_number<uint64_t>("007"), 7U);
  for (const char* text : {"", " 12", "12 ", "+12", "--1", "-", "1.5", "1e3", "0x10", "12a", "twelve"})
    EXPECT_EQ(whole_number<int>(text), std::nullopt) << text;
  EXPECT_EQ(whole_number<int>({"1\0", 2}), std::nullopt);
  EXPECT_EQ(whole_number<int>(std::string_view("123").substr(0, 2)), 12);
}

TEST(Numbers, WhatHasNoSignTakesNone) {
  EXPECT_EQ(whole_number<uint32_t>("-1"), std::nullopt);
  EXPECT_EQ(whole_number<uint32_t>("-0"), std::nullopt);
}

TEST(Numbers, WhatIsTooLargeIsNone) {
  EXPECT_EQ(whole_number<uint64_t>("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(whole_number<uint64_t>("18446744073709551616"), std::nullopt);
  EXPECT_EQ(whole_number<int64_t>("-9223372036854775808"), INT64_MIN);
  EXPECT_EQ(whole_number<int32_t>("2147483648"), std::nullopt);
}

TEST(Numbers, AFractionIsAllOfTheText) {
  EXPECT_EQ(number_from<double>("-2.5"), -2.5);
  EXPECT_EQ(number_from<double>("1e3"), 1000);
  for (const char* text : {"", " 1", "1 ", "+1", "1.5ms", "1e999"})
    EXPECT_EQ(number_from<double>(text), std::nullopt) << text;
}

}  // namespace
}  // namespace ferrum
