// Grammars followed token by token: masks against trying each token, and matchers that are copied and taken
// back.
#include "grammar/token_matcher.h"

#include <gtest/gtest.h>

#include "grammar/compiled.h"
#include "grammar/grammar_cache.h"
#include "grammar/structure.h"

namespace ferrum::grammar {
namespace {

std::shared_ptr<const Vocabulary> vocabulary_of(const std::vector<std::string>& texts) {
  return std::make_shared<const Vocabulary>(tokens_of(texts));
}

std::vector<std::string> allowed_by(const TokenMatcher& matcher, const Vocabulary& vocabulary) {
  std::vector<uint32_t> words(vocabulary.words(), 0xDEADBEEF);
  EXPECT_TRUE(matcher.mask(words));
  std::vector<std::string> out;
  for (size_t i = 0; i < vocabulary.size(); ++i)
    if (words[i / 32] >> (i % 32) & 1) out.push_back(vocabulary.token(static_cast<int32_t>(i)).bytes);
  return out;
}

TEST(TokenMatcher, MasksHoldTheTokensThatMayComeNext) {
  const auto vocabulary =
      vocabulary_of({"{", "{\"", "\"a", "\"", "a", "b", "\":", ":", "1", "12", "}", "1}", "x", "", " {"});
  const auto grammar = std::make_shared<const TokenGrammar>(
      from_schema(
          R"({"properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": false,
                      "type": "object"})"),
      vocabulary);
  TokenMatcher matcher(grammar);
  EXPECT_EQ(allowed_by(matcher, *vocabulary), (std::vector<std::string>{"{", "{\""}));
  ASSERT_TRUE(matcher.accept(1));
  EXPECT_EQ(allowed_by(matcher, *vocabulary), (std::vector<std::string>{"a"}));
  EXPECT_FALSE(matcher.accept(5));
  ASSERT_TRUE(matcher.accept(4));
  ASSERT_TRUE(matcher.accept(6));
  EXPECT_EQ(allowed_by(matcher, *vocabulary), (std::vector<std::string>{"1", "12", "1}"}));
  EXPECT_TRUE(matcher.may(11));
  EXPECT_FALSE(matcher.may(12));
  const TokenMatcher before = matcher;
  ASSERT_TRUE(matcher.accept(11));
  EXPECT_TRUE(matcher.is_at_end());
  EXPECT_TRUE(allowed_by(matcher, *vocabulary).empty());
  matcher.rollback(1);
  EXPECT_FALSE(matcher.is_complete());
  EXPECT_EQ(allowed_by(matcher, *vocabulary), allowed_by(before, *vocabulary));
}

TEST(TokenMatcher, TokensThatDoNotExistOrHaveNoTextMayNotCome) {
  const auto vocabulary = vocabulary_of({"a", ""});
  TokenMatcher matcher(std::make_shared<const TokenGrammar>(from_regex("a*"), vocabulary));
  for (const int32_t token : {-1, 1, 2, INT32_MAX}) {
    EXPECT_FALSE(matcher.may(token)) << token;
    EXPECT_FALSE(matcher.accept(token)) << token;
  }
  EXPECT_TRUE(matcher.accept(0));
}

TEST(TokenMatcher, ForcedBytesEndWhereTheTextIsFreeOrMayEnd) {
  const auto vocabulary = vocabulary_of({"a", "x"});
  const auto forced = [&](const char* pattern) {
    return TokenMatcher(std::make_shared<const TokenGrammar>(from_regex(pattern), vocabulary)).forced_bytes();
  };
  EXPECT_EQ(forced("abc[de]"), "abc");
  EXPECT_EQ(forced("abc(d|$)"), "abc");
  EXPECT_EQ(forced("(?:abc|abd)x"), "ab");
  EXPECT_EQ(forced("\xE2\x82\xAC|\xE2\x82\xAD"), "\xE2\x82");
  EXPECT_EQ(forced("a{300}").size(), 256U);
}

TEST(TokenMatcher, AVocabularyWithoutTokensAllowsNone) {
  const auto vocabulary = vocabulary_of({});
  TokenMatcher matcher(std::make_shared<const TokenGrammar>(from_regex("a"), vocabulary));
  EXPECT_TRUE(allowed_by(matcher, *vocabulary).empty());
}

TEST(TokenMatcher, ControlTokensComeWhereAMarkHasTheirSpelling) {
  const auto vocabulary = std::make_shared<const Vocabulary>(std::vector<Vocabulary::Token>{
      {"<call>", true}, {"<end>", true}, {"<call>", false}, {"<", false}, {"call>", false}, {"x", false}});
  Structure structure;
  const int mark = structure.add({.kind = StructureNode::Kind::kMark, .text = "<call>"});
  const int rest = structure.add({.kind = StructureNode::Kind::kLiteral, .text = "x"});
  structure.root = structure.add({.kind = StructureNode::Kind::kSequence, .children = {mark, rest}});
  TokenMatcher matcher(
      std::make_shared<const TokenGrammar>(from_structure(std::move(structure)), vocabulary));
  std::vector<uint32_t> words(1);
  ASSERT_TRUE(matcher.mask(words));
  EXPECT_EQ(words[0], 0b001101U);
  EXPECT_TRUE(matcher.may(0));
  EXPECT_FALSE(matcher.may(1));
  ASSERT_TRUE(matcher.accept(3));
  EXPECT_FALSE(matcher.accept(0));
  matcher.rollback(1);
  ASSERT_TRUE(matcher.accept(0));
  ASSERT_TRUE(matcher.mask(words));
  EXPECT_EQ(words[0], 0b100000U);
}

TEST(GrammarCache, CompilesASourceOnceForEachVocabularyAndWayOfWriting) {
  GrammarCache cache;
  const auto one = vocabulary_of({"a"});
  const auto other = vocabulary_of({"a"});
  const Spec spec = {.kind = Spec::Kind::kChoices, .choices = {"a", "b"}};
  const auto grammar = cache.get(spec, one);
  EXPECT_EQ(cache.get(spec, one), grammar);
  EXPECT_NE(cache.get(spec, other), grammar);
  EXPECT_NE(cache.get({.kind = Spec::Kind::kChoices, .choices = {"a 1:b"}}, one), grammar);
  EXPECT_NE(cache.get({.source = "true", .space = Spec::Space::kCompact}, one),
            cache.get({.source = "true"}, one));
  EXPECT_EQ(cache.size(), 5U);
}

TEST(GrammarCache, RemembersWhatWasRefused) {
  GrammarCache cache;
  const auto vocabulary = vocabulary_of({"a"});
  const auto refused = [&](const char* source) {
    return refused_keyword([&] { cache.get({.source = source}, vocabulary); });
  };
  EXPECT_EQ(refused("false"), "schema");
  EXPECT_EQ(cache.size(), 1U);
  EXPECT_EQ(refused("false"), "schema");
  EXPECT_EQ(cache.size(), 1U);
  EXPECT_EQ(refused(R"({"type": "nothing"})"), "type");
  EXPECT_EQ(cache.size(), 2U);
  GrammarCache small(4096);
  for (int i = 0; i < 100; ++i)
    EXPECT_THROW(small.get({.source = R"({"type": "x)" + std::to_string(i) + "\"}"}, vocabulary), Refusal);
  EXPECT_LE(small.size(), 8U);
}

TEST(GrammarCache, KeepsWhatWasUsedLastWithinItsBound) {
  const auto vocabulary = vocabulary_of({"a"});
  const auto spec = [](int i) {
    return Spec{.kind = Spec::Kind::kRegex, .source = "a{" + std::to_string(i) + "}"};
  };
  const size_t each = TokenGrammar(Grammar::compile(spec(1)), vocabulary).bytes();
  GrammarCache cache(5 * each);
  const auto first = cache.get(spec(1), vocabulary);
  for (int i = 2; i < 20; ++i) {
    cache.get(spec(i), vocabulary);
    EXPECT_EQ(cache.get(spec(1), vocabulary), first);
  }
  EXPECT_LE(cache.size(), 5U);
  GrammarCache none(0);  // the last one used is kept
  none.get(spec(1), vocabulary);
  none.get(spec(2), vocabulary);
  EXPECT_EQ(none.size(), 1U);
}

}  // namespace
}  // namespace ferrum::grammar
