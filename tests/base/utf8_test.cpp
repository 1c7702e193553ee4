#include "base/utf8.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace ferrum {
namespace {

TEST(Utf8, EveryCodePointSurvivesARoundTrip) {
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    std::string text;
    utf8::append(text, c);
    const utf8::Decoded d = utf8::decode(text);
    const bool surrogate = c >= 0xD800 && c <= 0xDFFF;
    ASSERT_EQ(d.valid, !surrogate) << static_cast<uint32_t>(c);
    if (surrogate) continue;
    ASSERT_EQ(d.code_point, c);
    ASSERT_EQ(d.size, text.size());
  }
}

TEST(Utf8, RefusesWhatTheStandardRefuses) {
  for (const std::string_view bad :
       {"\x80", "\xC0\xAF", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xE2\x82", "\xE2\x28\xA1", "\xFF"})
    EXPECT_FALSE(utf8::is_valid(bad)) << in_quotes(bad);
  EXPECT_TRUE(utf8::is_valid("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"));
}

TEST(Utf8, IncompleteTailCountsOnlyWhatMoreBytesCouldComplete) {
  const std::string smile = "\xF0\x9F\x98\x80";
  for (size_t n = 0; n < smile.size(); ++n) EXPECT_EQ(utf8::incomplete_tail("ab" + smile.substr(0, n)), n);
  EXPECT_EQ(utf8::incomplete_tail(smile), 0u);
  EXPECT_EQ(utf8::incomplete_tail("\xED\xA0"), 0u);  // would become a surrogate
  EXPECT_EQ(utf8::incomplete_tail("\x80"), 0u);
  EXPECT_EQ(utf8::incomplete_tail("\xC3"), 1u);
}

TEST(Utf8, SanitizedReplacesByteByByte) {
  EXPECT_EQ(utf8::sanitized("a\xFF\xC3z"), "a\xEF\xBF\xBD\xEF\xBF\xBDz");
}

TEST(InQuotes, EscapesWhatCouldFoolATerminal) {
  EXPECT_EQ(in_quotes("plain é"), "'plain é'");
  EXPECT_EQ(in_quotes("a\x1b[31m\n"), "'a\\x1b[31m\\x0a'");
  EXPECT_EQ(in_quotes("\xC2\x9B"), "'\\xc2\\x9b'");  // CSI as one character
  EXPECT_EQ(in_quotes("\xFF"), "'\\xff'");
  EXPECT_EQ(in_quotes(std::string(200, 'x'), 5), "'xxxxx…'");
}

}  // namespace
}  // namespace ferrum
