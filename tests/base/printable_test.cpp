#include "base/printable.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace ferrum {
namespace {

TEST(Printable, WhatATerminalWouldObeyIsEscaped) {
  EXPECT_EQ(printable("a\x1b[2Jé\n", 100), "a\\x1b[2Jé\\x0a");
  EXPECT_EQ(printable("\x7f\xc2\x9b\xff", 100), "\\x7f\\xc2\\x9b\\xff");
}

TEST(Printable, LongTextIsShortenedBehindAWholeCharacter) {
  EXPECT_EQ(printable("abcd", 4), "abcd");
  EXPECT_EQ(printable("abcde", 4), "abcd…");
  EXPECT_EQ(printable("abcéd", 4), "abcé…");
}

TEST(Printable, InQuotesItIsTheSame) {
  EXPECT_EQ(in_quotes("a\n"), "'a\\x0a'");
  EXPECT_EQ(in_quotes("abc", 2), "'ab…'");
}

}  // namespace
}  // namespace ferrum
