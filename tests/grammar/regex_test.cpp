// Regular expressions of ECMA-262 as grammars: the whole text is one match.
#include <gtest/gtest.h>

#include "grammar/compiled.h"

namespace ferrum::grammar {
namespace {

struct Case {
  const char* pattern;
  std::vector<std::string> taken, refused;
};

TEST(GrammarRegex, MatchesWholeTexts) {
  const std::vector<Case> cases = {
      {"a|bc*", {"a", "b", "bcc"}, {"", "ac", "abc"}},
      {"(ab){2,3}", {"abab", "ababab"}, {"ab", "abababab", "aba"}},
      {"[a-f0-9]{4}", {"00ff"}, {"00fg", "00f", "00ff0"}},
      {"\\d+(\\.\\d+)?", {"1", "10.25"}, {"1.", ".5", "\xD9\xA3"}},
      {"^a$", {"a"}, {"a\n", "aa"}},
      {".", {"\xC3\xA9", "\xF0\x9F\x98\x80"}, {"\n", "", "ab"}},
      {"(?!foo)[a-z]+", {"bar", "fo", "fob"}, {"foo", "foobar"}},
      {"[a-z]+(?<!x)y", {"ay"}, {"xy", "axy"}},
      {"(?=.*\\d)[a-z\\d]{3}", {"ab1", "1ab"}, {"abc"}},
      {"\\bab\\b cd", {"ab cd"}, {"abcd"}},
      {"(a|b)*abb", {"abb", "aababb"}, {"ab", "abba"}},
      {"\\p{Lu}\\p{Ll}*", {"\xC3\x84rger", "A"}, {"\xC3\xA4", "1"}},
      {"\\u{1F600}", {"\xF0\x9F\x98\x80"}, {"\xF0\x9F\x98\x81"}},
      {"[\\w.-]+", {"a-b.c"}, {"a b"}},  // the flag u does not take it, Annex B does
      {"(|a)+", {"", "aaa"}, {"b"}},
      {"a{1,3000}", {"a", std::string(3000, 'a')}, {"", std::string(3001, 'a')}},
  };
  for (const Case& one : cases) {
    const auto grammar = from_regex(one.pattern);
    for (const std::string& text : one.taken)
      EXPECT_TRUE(takes(grammar, text)) << one.pattern << " and " << text;
    for (const std::string& text : one.refused)
      EXPECT_FALSE(takes(grammar, text)) << one.pattern << " and " << text;
  }
}

TEST(GrammarRegex, RefusesByName) {
  for (const char* pattern : {"(a)\\1", "(?<n>a)\\k<n>", "(", "a**", "[z-a]", "\\p{Script=Greek}",
                              "[^\\s\\S]", "(a{1000}){1000}", "((a{1,100}){1,100}){1,100}", "(.*a.{40}){2}"})
    EXPECT_EQ(refused_keyword([&] { from_regex(pattern); }), "pattern") << pattern;
}

TEST(GrammarRegex, ADeadEndIsNeverEntered) {
  // Every prefix that is taken can be completed: after "ab" only a digit is left.
  const auto grammar = from_regex("(?=ab\\d)..[x0-9]|zz");
  Matcher matcher(grammar);
  ASSERT_TRUE(matcher.accept("ab"));
  EXPECT_FALSE(matcher.accept("x"));
  EXPECT_TRUE(matcher.accept("7"));
  EXPECT_TRUE(matcher.is_at_end());
}

TEST(GrammarRegex, BytesOfBrokenCharactersAreRefused) {
  const auto grammar = from_regex("[^a]*");
  EXPECT_FALSE(takes(grammar, "\x80"));
  EXPECT_FALSE(takes(grammar, "\xC0\x80"));
  EXPECT_FALSE(takes(grammar, "\xED\xA0\x80"));
  EXPECT_FALSE(takes(grammar, "\xF4\x90\x80\x80"));
  EXPECT_FALSE(takes(grammar, "\xE2\x82"));
  EXPECT_TRUE(takes(grammar, "\xE2\x82\xAC"));
}

}  // namespace
}  // namespace ferrum::grammar
