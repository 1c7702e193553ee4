#include "text/regex.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "support/errors.h"

namespace ferrum {
namespace {

std::vector<std::string> matches(std::string_view pattern, std::string_view text) {
  std::vector<std::string> found;
  Regex(pattern, "test").for_each_match(text, [&](size_t begin, size_t end) {
    found.emplace_back(text.substr(begin, end - begin));
  });
  return found;
}

using Strings = std::vector<std::string>;

TEST(Regex, MatchesFromLeftToRight) {
  EXPECT_EQ(matches("a+", "aa b aaa"), (Strings{"aa", "aaa"}));
  EXPECT_EQ(matches("x", "abc"), Strings{});
  EXPECT_EQ(matches("x", ""), Strings{});
}

TEST(Regex, EmptyMatchesOnlyWhereTheLastDidNotEnd) {
  std::vector<size_t> at;
  Regex(R"((?=(\d{3})+(?!\d)))", "test").for_each_match("1234567", [&](size_t begin, size_t end) {
    EXPECT_EQ(begin, end);
    at.push_back(begin);
  });
  EXPECT_EQ(at, (std::vector<size_t>{1, 4}));
  EXPECT_EQ(matches("a*", "baac"), (Strings{"", "aa", ""}));
}

TEST(Regex, BrokenUtf8IsMatchedByNothing) {
  EXPECT_EQ(matches(".+",
                    "ab\xff"
                    "cd\xe4\xbd"),
            (Strings{"ab", "cd"}));
  EXPECT_EQ(matches("[^a]", "\xff\xfe"), Strings{});
}

// Where Ruby's syntax means another thing than PCRE2's; each expectation is what Oniguruma 6.9.8 finds.
TEST(Regex, RubySyntax) {
  EXPECT_EQ(matches(R"(\s)", "a\u180E\u0085 b"), (Strings{"\u0085", " "}));
  EXPECT_EQ(matches(R"(\w+)", "naïve e\u0301 ½ _x"), (Strings{"naïve", "e\u0301", "½", "_x"}));
  EXPECT_EQ(matches(R"([\w]+)", "a½b"), (Strings{"a", "b"}));
  EXPECT_EQ(matches(R"(\h+)", "xyz 12ab G"), (Strings{"12ab"}));
  EXPECT_EQ(matches(R"((?m).+)", "a\nb"), (Strings{"a\nb"}));
  EXPECT_EQ(matches(R"(^b$)", "a\nb\nc"), (Strings{"b"}));
  EXPECT_EQ(matches(R"(x{,2})", "xxxx{"), (Strings{"xx", "xx", ""}));
  EXPECT_EQ(matches(R"(\p{N}{1,3}+)", "12345678"), (Strings{"12345678"}));
  EXPECT_EQ(matches(R"(a{,b)", "a{,b"), (Strings{"a{,b"}));
  EXPECT_EQ(matches(R"([a-z&&[^aeiou]]+)", "hello"), (Strings{"h", "ll"}));
  EXPECT_EQ(matches(R"([^a-z&&[^aeiou]]+)", "hello!"), (Strings{"e", "o!"}));
  EXPECT_EQ(matches(R"([\p{Lo}&&[^\p{Han}]]+)", "日本カナ中"), (Strings{"カナ"}));
  EXPECT_EQ(matches(R"([^\S\n]+)", "a \t\n b"), (Strings{" \t", " "}));
  EXPECT_EQ(matches(R"([ab[cd]]+)", "abcde"), (Strings{"abcd"}));
  EXPECT_EQ(matches(R"(\p{^L}+)", "a12b"), (Strings{"12"}));
  EXPECT_EQ(matches(R"([[:punct:]])", "$!^"), (Strings{"!"}));
  EXPECT_EQ(matches(R"(\p{Han}+)", "中、文"), (Strings{"中", "文"}));
  EXPECT_EQ(matches(R"((?i:'s|'ll))", "X'S y'Ll z'\u017F"), (Strings{"'S", "'Ll", "'\u017F"}));
  EXPECT_EQ(matches(R"([^a]?+b)", "xb ab"), (Strings{"xb"}));
  EXPECT_EQ(matches(R"(\v)", "\n\x0b"), (Strings{"\x0b"}));
  EXPECT_EQ(matches(R"(\u00e9)", "é"), (Strings{"é"}));
  EXPECT_EQ(matches(R"(]})", "]}"), (Strings{"]}"}));
}

TEST(Regex, APatternThatDoesNotCompileIsNamed) {
  for (const char* bad : {"(", "a)", "[a", "*a", "(*UTF)a", R"(\p{Nonsense})", R"(\p)", "\\", "(?<a",
                          "[[:nope:]]", "a{2}{", "(?C)", "\xff"}) {
    try {
      const Regex regex(bad, "file.json: field");
      (void)regex;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kUnsupported);
      EXPECT_NE(std::string_view(e.what()).find("file.json: field"), std::string_view::npos) << e.what();
    }
  }
  test::expect_error(ErrorCode::kUnsupported, {"where", "'(a'", "does not compile"},
                     [] { Regex("(a", "where"); });
}

TEST(Regex, GivesUpOnEndlessSearches) {
  const Regex regex(R"((a+)+\d)", "test");
  const std::string text(60, 'a');
  test::expect_error(ErrorCode::kBadArgument, {"(a+)+", "too much work"},
                     [&] { regex.for_each_match(text, [](size_t, size_t) {}); });
}

// A pattern that keeps a place to go back to for each character needs more memory than a search may have:
// then the match ends early, and the rest is matched on.
TEST(Regex, VeryLongMatchesAreCut) {
  const Regex regex("(?:(?=a)[ab])*b?", "test");
  const std::string text(8'000'000, 'a');
  size_t end_of_last = 0;
  regex.for_each_match(text, [&](size_t begin, size_t end) {
    EXPECT_EQ(begin, end_of_last);
    end_of_last = end;
  });
  EXPECT_EQ(end_of_last, text.size());
}

TEST(Regex, TranslationIsOnlyWhereNeeded) {
  EXPECT_EQ(translate_regex(R"(\p{L}+| ?[^\r\n\p{L}]{1,3}?)", "test"), R"(\p{L}+| ?[^\r\n\p{L}]{1,3}?)");
}

}  // namespace
}  // namespace ferrum
