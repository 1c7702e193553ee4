#include "base/ascii.h"

#include <gtest/gtest.h>

namespace ferrum {
namespace {

TEST(Ascii, LettersBecomeSmallAndNothingElse) {
  EXPECT_EQ(to_lower("AZ az @[`{ 09 \xC3\x84\xC4"), "az az @[`{ 09 \xC3\x84\xC4");
  EXPECT_EQ(to_lower(std::string_view("A\0B", 3)), std::string_view("a\0b", 3));
  EXPECT_EQ(to_lower(""), "");
}

TEST(Ascii, AWordIsTheSameInCapitals) {
  EXPECT_TRUE(is_same_word("Content-Type", "content-TYPE"));
  EXPECT_TRUE(is_same_word("", ""));
  EXPECT_FALSE(is_same_word("Host", "Hos"));
  EXPECT_FALSE(is_same_word("Hos", "Host"));
  EXPECT_FALSE(is_same_word("[", "{"));  // as far from each other as 'A' and 'a'
  EXPECT_FALSE(is_same_word("\xC3\x84", "\xC3\xA4"));
}

TEST(Ascii, WhatIsAroundATextIsTakenOff) {
  EXPECT_EQ(trimmed(" \t\r\n\v\fa b\n "), "a b");
  EXPECT_EQ(trimmed("a b"), "a b");
  EXPECT_EQ(trimmed(" \n"), "");
  EXPECT_EQ(trimmed(""), "");
  EXPECT_EQ(trimmed("\"'a' \n", "\"'"), "a' \n");
}

}  // namespace
}  // namespace ferrum
