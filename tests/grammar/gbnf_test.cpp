// GBNF, the dialect of llama.cpp.
#include <gtest/gtest.h>

#include "grammar/compiled.h"

namespace ferrum::grammar {
namespace {

TEST(Gbnf, RulesCallEachOther) {
  const auto grammar = from_gbnf(
      "# sums\n"
      "root ::= term (\"+\" term)*\n"
      "term ::= [0-9]+ | \"(\" root \")\"\n");
  EXPECT_TRUE(takes(grammar, "1+(2+3)+44"));
  EXPECT_TRUE(takes(grammar, "((((1))))"));
  EXPECT_FALSE(takes(grammar, "1+"));
  EXPECT_FALSE(takes(grammar, "(1"));
  EXPECT_FALSE(takes(grammar, "1)"));
}

TEST(Gbnf, RepetitionsAlternativesAndEscapes) {
  const auto grammar = from_gbnf("root ::= \"ab\"{2,3} ( \"x\" |\n  \"y\" )? [^\\x00-\\x1F\"]+ \"\\n\" .\n");
  EXPECT_TRUE(takes(grammar, "ababx\xC3\xA9\nz"));
  EXPECT_TRUE(takes(grammar, "abababq\n\n"));
  EXPECT_FALSE(takes(grammar, "abq\nz"));
}

TEST(Gbnf, RightRecursionTakesNoStack) {
  const auto grammar = from_gbnf("root ::= item root | item\nitem ::= [a-z] \";\"\n");
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += "a;";
  EXPECT_TRUE(takes(grammar, text));
}

TEST(Gbnf, AmbiguityDoesNotMultiply) {
  const auto grammar = from_gbnf("root ::= \"a\" root \"a\" | \"a\" root | \"a\" | \"\"\n");
  EXPECT_TRUE(takes(grammar, std::string(300, 'a')));
}

TEST(Gbnf, ARuleThatMatchesNothingMayBeCalledTwiceAtOnePlace) {
  const auto grammar = from_gbnf("root ::= e e \"x\" e\ne ::= \"\" | \"y\"\n");
  for (const char* text : {"x", "yx", "yyx", "yyxy"}) EXPECT_TRUE(takes(grammar, text)) << text;
  EXPECT_FALSE(takes(grammar, "yyyx"));
}

TEST(Gbnf, RulesMayBeginWithThemselves) {
  const auto lists = from_gbnf("root ::= root \"a\" | \"b\"\n");
  EXPECT_TRUE(takes(lists, "baaa"));
  EXPECT_FALSE(takes(lists, "ab"));
  const auto sums = from_gbnf("root ::= sum\nsum ::= (sum \"+\")? term\nterm ::= sum \"*\" [0-9] | [0-9]\n");
  EXPECT_TRUE(takes(sums, "1+2*3+4"));
  EXPECT_FALSE(takes(sums, "1+*3"));
}

TEST(Gbnf, B46_HiddenLeftRecursionAndEmptyLanguagesAreRefused) {
  EXPECT_EQ(refused_keyword([] { from_gbnf("root ::= x\nx ::= e x \"b\" | \"c\"\ne ::= \"\"\n"); }), "x");
  EXPECT_EQ(refused_keyword([] { from_gbnf("root ::= \"a\" root\n"); }), "root");
  EXPECT_EQ(refused_keyword([] { from_gbnf("start ::= \"a\"\n"); }), "root");
  EXPECT_EQ(refused_keyword([] { from_gbnf("root ::= missing\n"); }), "missing");
  EXPECT_EQ(refused_keyword([] { from_gbnf("root ::= (\"a\"\n"); }), "grammar");
  EXPECT_EQ(refused_keyword([] { from_gbnf("root ::= ((\"a\"{1,1000}){1,1000}){1,1000}\n"); }), "root");
}

}  // namespace
}  // namespace ferrum::grammar
