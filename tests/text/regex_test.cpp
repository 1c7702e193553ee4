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
  EXPECT_EQ(matches(R"([\w]+|[[:word:]]+)", "a½b"), (Strings{"a", "b"}));
  EXPECT_EQ(matches(R"(\p{Word}+)", "a½b"), (Strings{"a½b"}));
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
  EXPECT_EQ(matches(R"([[:punct:]]+)", "a$!^▁b"), (Strings{"$!^▁"}));
  EXPECT_EQ(matches(R"([[:^punct:]]+)", "a$!^▁b"), (Strings{"a", "b"}));
  EXPECT_EQ(matches(R"(\p{Punct}+)", "a$!^b"), (Strings{"!"}));
  EXPECT_EQ(matches(R"([[:graph:]]+)", "a! \u00ad\u3000\x01\U000F0000"),
            (Strings{"a!", "\u00ad", "\U000F0000"}));
  EXPECT_EQ(matches(R"(\P{Graph}+)", "a! \u3000\x01"), (Strings{" \u3000\x01"}));
  EXPECT_EQ(matches(R"(\p{Print}+)", "a !\u3000\t\u2028"), (Strings{"a !\u3000"}));
  EXPECT_EQ(matches(R"(\p{Assigned}+)", "a\u0378b"), (Strings{"a", "b"}));
  EXPECT_EQ(matches(R"(\p{Cased_Letter}+)", "aBǅ中"), (Strings{"aBǅ"}));
  EXPECT_EQ(matches(R"(\p{Han}+)", "中、文"), (Strings{"中", "文"}));
  EXPECT_EQ(matches(R"((?i:'s|'ll))", "X'S y'Ll z'\u017F"), (Strings{"'S", "'Ll", "'\u017F"}));
  EXPECT_EQ(matches(R"([^a]?+b)", "xb ab"), (Strings{"xb"}));
  EXPECT_EQ(matches(R"(\v)", "\n\x0b"), (Strings{"\x0b"}));
  EXPECT_EQ(matches(R"(\u00e9)", "é"), (Strings{"é"}));
  EXPECT_EQ(matches(R"(]})", "]}"), (Strings{"]}"}));
}

// What tokenizers 0.22 finds, which runs Oniguruma 6.9.
TEST(Regex, RubysEscapes) {
  EXPECT_EQ(matches(R"(\N+)", "a\nNb"), (Strings{"a", "Nb"}));
  EXPECT_EQ(matches(R"((?m)\N+)", "a\nb"), (Strings{"a", "b"}));
  EXPECT_EQ(matches(R"(\O\N)", "\na"), (Strings{"\na"}));
  EXPECT_EQ(matches(R"([\N\O\R]+)", "NOR\n"), (Strings{"NOR"}));
  EXPECT_EQ(matches(R"(\Qa\E)", "a QaE"), (Strings{"QaE"}));
  EXPECT_EQ(matches(R"(\g{1})", "g1"), (Strings{"g"}));
  EXPECT_EQ(matches(R"([\101\o{102}]+)", "AB1"), (Strings{"AB"}));
  EXPECT_EQ(matches(R"(\o{101}\cA\C-B)", "A\x01\x02"), (Strings{"A\x01\x02"}));
  EXPECT_EQ(matches(R"(\xe2\x96\x81|[\xc3\xa9])", "▁aé"), (Strings{"▁", "é"}));
  EXPECT_EQ(matches(R"((a)\k<1>|(b)\k<-1>|(c)\k'3')", "aa bb cc"), (Strings{"aa", "bb", "cc"}));
  EXPECT_EQ(matches(R"((?<x>a|b)\k<x>)", "ab bb"), (Strings{"bb"}));
  EXPECT_EQ(matches(R"((a)\g<1>)", "aa"), (Strings{"aa"}));
  EXPECT_EQ(matches(R"((a)(b)\12)", "ab\n"), (Strings{"ab\n"}));
}

TEST(Regex, RubysQuantifiers) {
  EXPECT_EQ(matches("a**|b+*", "aaab"), (Strings{"aaa", ""}));
  EXPECT_EQ(matches("a{2}?b", "b aab"), (Strings{"b", "aab"}));
  EXPECT_EQ(matches("a{2}+", "aaaaa"), (Strings{"aaaa"}));
  EXPECT_EQ(matches("a{3,2}", "aaaaaa"), (Strings{"aaa", "aaa"}));
  EXPECT_EQ(matches("a{3,2}a", "aaa"), Strings{}) << "possessive";
  EXPECT_EQ(matches("a+(?#c)*|(?i)ab(?#c)+c", "aabBC"), (Strings{"aa", "", "", ""}));
  EXPECT_EQ(matches("(?i)ab(?#c)+c", "aBbC"), (Strings{"aBbC"}));
  EXPECT_EQ(matches("a{1,2}?", "aa"), (Strings{"a", "a"}));
}

TEST(Regex, RubysOptions) {
  EXPECT_EQ(matches("a(?i)b|c", "aB aC C c ab"), (Strings{"aB", "aC", "ab"})) << "a(?i:b|c)";
  EXPECT_EQ(matches("(a(?i)b|c)d", "aBd Cd aCd"), (Strings{"aBd", "aCd"}));
  EXPECT_EQ(matches("(?i)a(?-i)b|c", "Ab aB C"), (Strings{"Ab"}));
  EXPECT_EQ(matches("(?x)a + # [x(", "aaa"), (Strings{"aaa"}));
  EXPECT_EQ(matches("(?x: a\\ b|[c d]+)", "a b c"), (Strings{"a b", " c"}));
  EXPECT_EQ(matches("(?#a\\)b)c+", "cc"), (Strings{"cc"}));
}

TEST(Regex, CharactersThatFoldToSeveral) {
  EXPECT_EQ(matches("(?i:fi)", "ﬁ FI fı"), (Strings{"ﬁ", "FI"}));
  EXPECT_EQ(matches("(?i)ß", "ss SS ß ẞ ſs"), (Strings{"ss", "SS", "ß", "ẞ", "ſs"}));
  EXPECT_EQ(matches("(?i:first)", "ﬁrst ﬁrﬆ firﬅ"), (Strings{"ﬁrst", "ﬁrﬆ", "firﬅ"}));
  EXPECT_EQ(matches("(?i)ffi", "ffi ﬃ fﬁ ﬀi"), (Strings{"ffi", "ﬃ"})) << "the longest one only";
  EXPECT_EQ(matches("(?i)sst", "sst ßt sﬆ"), (Strings{"sst", "ßt"})) << "from left to right";
  EXPECT_EQ(matches("(?i)s+t|fi?", "ﬆ ﬁ"), Strings{}) << "what is repeated stands alone";
  EXPECT_EQ(matches("(?i)ŉ|ἀι", "ŉ ʼN ᾀ ᾈ ἈΙ"), (Strings{"ŉ", "ʼN", "ᾀ", "ᾈ", "ἈΙ"}));
  EXPECT_EQ(matches("(?i)[ßx]", "ss SS ß s"), (Strings{"ss", "SS", "ß"}));
  EXPECT_EQ(matches("(?i)[^ß]+", "ssß"), (Strings{"ss"}));
  EXPECT_EQ(matches("(?i)(?<=ß)x", "ßx ssx"), (Strings{"x"})) << "never looking behind";
  EXPECT_EQ(matches("fi", "ﬁ fi"), (Strings{"fi"}));
}

TEST(Regex, ClassesWithoutRegardToCase) {
  EXPECT_EQ(matches(R"((?i)[\p{Lu}]+)", "abCĸ"), (Strings{"abC"}));
  EXPECT_EQ(matches(R"((?i)\p{Lu}+)", "abCĸ"), (Strings{"C"}));
  EXPECT_EQ(matches(R"((?i)[^\p{Ll}]+)", "abC1"), (Strings{"1"}));
  EXPECT_EQ(matches(R"((?i)[[a-z]&&[^aeiou]]+)", "aBcE"), (Strings{"Bc"}));
}

// Oniguruma has them; a pattern that would mean something else without them is refused.
TEST(Regex, WhatIsNotSupportedIsRefusedByName) {
  const auto refuses = [](const char* pattern, const char* word) {
    test::expect_error(ErrorCode::kUnsupported, {"where", pattern, word}, [&] { Regex(pattern, "where"); });
  };
  refuses(R"(\ya)", "\\y, a border of text segments");
  refuses(R"(a\Y)", "\\Y");
  refuses("(?~abc)", "groups with (?~");
  refuses("(?W)a", "groups with (?W");
  refuses("(?(1)a|b)", "groups with (?(");
  refuses(R"(\M-a)", "\\M-");
  refuses(R"([\x80-\xff])", "bytes");
  refuses(R"(\p{InNowhere})", "\\p{InNowhere}");
  refuses("^*a", "quantifier");
  refuses("(?=a)*", "quantifier");
  refuses("(?<=l+)o", "length");
  refuses(R"((a)\k<1+1>)", "reference");
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
