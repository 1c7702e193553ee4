// JSON Schema as grammars: what is exact, and what is refused by name.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "grammar/compiled.h"
#include "grammar/threads.h"

namespace ferrum::grammar {
namespace {

constexpr auto kAny = Spec::Writing::kAny;

TEST(GrammarSchema, AnswersComeInTheOrderOfTheSchema) {
  const std::string schema = R"({"properties": {"b": {"type": "integer"}, "a": {}}, "required": ["a"],
                                 "type": "object", "additionalProperties": false})";
  const auto answers = from_schema(schema);
  EXPECT_TRUE(takes(answers, R"({"b": 1, "a": null})"));
  EXPECT_TRUE(takes(answers, R"({"a":[]})"));
  EXPECT_FALSE(takes(answers, R"({"a": null, "b": 1})"));
  EXPECT_FALSE(takes(answers, R"({"b": 1.0, "a": null})"));
  EXPECT_FALSE(takes(answers, R"({"b": 1})"));
  const auto any = from_schema(schema, kAny);
  EXPECT_TRUE(takes(any, R"({"a": null, "b": 1.0})"));
  EXPECT_TRUE(takes(any, R"({"a": null, "b": 10e-1})"));
  EXPECT_FALSE(takes(any, R"({"a": null, "b": 1.5})"));
}

// A keyword for objects says nothing of arrays: their items stay unevaluated.
TEST(GrammarSchema, DependentSchemasEvaluateOnlyWhereTheirMemberIs) {
  const auto grammar = from_schema(R"({"dependentSchemas": {"a": {"items": true, "properties": {"b": true}}},
                                       "unevaluatedItems": false,
                                       "properties": {"a": true}, "unevaluatedProperties": false})",
                                   kAny);
  EXPECT_FALSE(takes(grammar, "[1]"));
  EXPECT_TRUE(takes(grammar, "[]"));
  EXPECT_TRUE(takes(grammar, R"({"a": 1, "b": 2})"));
  EXPECT_FALSE(takes(grammar, R"({"b": 2})"));
}

TEST(GrammarSchema, WhiteSpaceIsBounded) {
  const auto bounded = from_schema(R"({"type": "array"})");
  EXPECT_TRUE(takes(bounded, "[" + std::string(32, ' ') + "1]"));
  EXPECT_FALSE(takes(bounded, "[" + std::string(33, ' ') + "1]"));
  EXPECT_FALSE(takes(bounded, " [1]"));
  EXPECT_FALSE(takes(bounded, "[1] "));
  const auto compact = Grammar::compile({.source = R"({"type": "array"})", .space = Spec::Space::kCompact});
  EXPECT_TRUE(takes(compact, "[1,2]"));
  EXPECT_FALSE(takes(compact, "[1, 2]"));
}

TEST(GrammarSchema, NamesAreUniqueAfterUnescaping) {
  const auto grammar = from_schema(R"({"type": "object", "properties": {"ab": {"type": "null"}}})");
  EXPECT_TRUE(takes(grammar, R"({"\u0061b": null, "x": 1})"));
  EXPECT_FALSE(takes(grammar, R"({"ab": null, "a\u0062": null})"));
  EXPECT_FALSE(takes(grammar, R"({"ab": null, "x": 1, "\u0078": 2})"));
  EXPECT_FALSE(takes(grammar, R"({"\u0061b": 1})"));
}

// Each member may be the one that the schema asks for, and none must double the ways to go on.
TEST(GrammarSchema, WhatSomeMemberMustMeetDoesNotMultiplyThreads) {
  const auto grammar = from_schema(R"({"type": "object", "additionalProperties": {"type": "string"},
                                       "not": {"additionalProperties": {"maxLength": 3}}})");
  Matcher matcher(grammar);
  ASSERT_TRUE(matcher.accept("{"));
  for (int i = 0; i < 24; ++i)
    for (const char c : (i == 0 ? "" : ",") + fmt::format(R"("{}":"abcdef")", i)) {
      ASSERT_TRUE(matcher.accept({&c, 1}));
      ASSERT_LE(matcher.threads().size(), 4U);
    }
  EXPECT_TRUE(matcher.accept("}"));
  EXPECT_TRUE(matcher.is_complete());
  EXPECT_FALSE(takes(grammar, R"({"a":"abc","b":"x"})"));
  EXPECT_TRUE(takes(grammar, R"({"a":"abc","b":"abcd","c":""})"));
}

TEST(GrammarSchema, WhatIsKnownIsWrittenInOneWay) {
  const std::string schema = R"({"type": "object", "properties": {"a\u00e9": {"enum": ["x\ny", "\"", "/"]}},
                                 "required": ["a\u00e9"], "additionalProperties": false})";
  const auto answers = from_schema(schema);
  EXPECT_TRUE(takes(answers, "{\"a\xC3\xA9\": \"x\\ny\"}"));
  EXPECT_TRUE(takes(answers, "{\"a\xC3\xA9\": \"x\\u000ay\"}"));
  EXPECT_TRUE(takes(answers, "{\"a\xC3\xA9\": \"\\\"\"}"));
  EXPECT_TRUE(takes(answers, "{\"a\xC3\xA9\": \"/\"}"));
  EXPECT_FALSE(takes(answers, R"({"a\u00e9": "/"})"));
  EXPECT_FALSE(takes(answers, "{\"a\xC3\xA9\": \"\\/\"}"));
  EXPECT_FALSE(takes(answers, "{\"a\xC3\xA9\": \"\\u0078\\ny\"}"));
  EXPECT_TRUE(takes(from_schema(schema, kAny), R"({"\u0061\u00e9": "\u0078\u000ay"})"));
  Matcher matcher(answers);
  ASSERT_TRUE(matcher.accept("{\""));
  EXPECT_EQ(matcher.forced_bytes(), "a\xC3\xA9\"");
  // Free texts are written in any way, and so are names beside others.
  EXPECT_TRUE(takes(from_schema(R"({"type": "string"})"), R"("\u0061")"));
  // What begins an escape can end it: "a" is used up where "\n" may come no more.
  const auto ordered = from_schema(
      R"({"type": "object", "properties": {"\n": true, "b": true}, "additionalProperties": false})");
  EXPECT_TRUE(takes(ordered, R"({"\n": 1, "b": 2})"));
  EXPECT_EQ(Matcher(ordered).accepted_prefix(R"({"b": 2, "\)"), 7U);
}

TEST(GrammarSchema, StringsHaveNoHalvesOfPairsAndCountCodePoints) {
  const auto grammar = from_schema(R"({"type": "string", "minLength": 1, "maxLength": 2})");
  EXPECT_TRUE(takes(grammar, R"("\ud83d\ude00x")"));
  EXPECT_TRUE(takes(grammar, "\"\xF0\x9F\x98\x80\xF0\x9F\x98\x80\""));
  EXPECT_FALSE(takes(grammar, R"("\ud83dx")"));
  EXPECT_FALSE(takes(grammar, R"("\ude00")"));
  EXPECT_FALSE(takes(grammar, R"("abc")"));
  EXPECT_FALSE(takes(grammar, R"("")"));
  EXPECT_FALSE(takes(grammar, "\"\n\""));
}

TEST(GrammarSchema, LargeUpperBoundsHold) {
  const auto grammar = from_schema(R"({"type": "string", "maxLength": 1000002})");
  EXPECT_TRUE(takes(grammar, '"' + std::string(1000002, 'a') + '"'));
  EXPECT_FALSE(takes(grammar, '"' + std::string(1000003, 'a') + '"'));
}

TEST(GrammarSchema, NoPrefixLeadsIntoADeadEnd) {
  // What is accepted as a prefix can be completed: names and values run out where they should.
  const auto names = from_schema(
      R"({"type": "object", "propertyNames": {"pattern": "^(a|b.)$", "maxLength": 2}, "patternProperties": {"^b": false}})");
  EXPECT_TRUE(takes(names, R"({"a": 1})"));
  EXPECT_EQ(Matcher(names).accepted_prefix(R"({"b)"), 2U);
  EXPECT_EQ(Matcher(names).accepted_prefix(R"({"a": 1,)"), 7U);
  const auto unique =
      from_schema(R"({"type": "array", "uniqueItems": true, "items": {"enum": ["x", "xy", 1, 10]}})");
  EXPECT_TRUE(takes(unique, R"(["x", 10, "xy", 1])"));
  EXPECT_EQ(Matcher(unique).accepted_prefix(R"(["xy", "x", ")"), 12U);
  EXPECT_EQ(Matcher(unique).accepted_prefix(R"([10, 1, 1)"), 8U);
  const auto pattern = from_schema(
      R"({"allOf": [{"type": "string", "pattern": "^ab"}, {"pattern": "c$"}, {"maxLength": 3}]})");
  EXPECT_EQ(Matcher(pattern).accepted_prefix(R"("abd)"), 3U);
  EXPECT_TRUE(takes(pattern, R"("abc")"));
}

TEST(GrammarSchema, NumbersAreExact) {
  const auto big = from_schema(
      R"({"type": "integer", "minimum": 9007199254740993, "exclusiveMaximum": 9007199254740995})");
  EXPECT_TRUE(takes(big, "9007199254740993"));
  EXPECT_TRUE(takes(big, "9007199254740994"));
  EXPECT_FALSE(takes(big, "9007199254740992"));
  EXPECT_FALSE(takes(big, "9007199254740995"));
  const auto cents = from_schema(R"({"type": "number", "multipleOf": 0.01, "minimum": -0.5, "maximum": 20})");
  for (const char* text : {"0.07", "-0.5", "20", "19.99", "0", "4.35"})
    EXPECT_TRUE(takes(cents, text)) << text;
  for (const char* text : {"0.071", "-0.51", "20.01", "21", "-1"}) EXPECT_FALSE(takes(cents, text)) << text;
  const auto steps = from_schema(R"({"type": "integer", "multipleOf": 1200, "minimum": 1})");
  for (const char* text : {"1200", "3600", "120000"}) EXPECT_TRUE(takes(steps, text)) << text;
  for (const char* text : {"0", "600", "12000001", "-1200"}) EXPECT_FALSE(takes(steps, text)) << text;
  const auto old = from_schema(R"({"$schema": "http://json-schema.org/draft-04/schema#", "type": "number",
                                   "minimum": 3, "exclusiveMinimum": true})",
                               kAny);
  EXPECT_FALSE(takes(old, "3"));
  EXPECT_FALSE(takes(old, "30e-1"));
  EXPECT_TRUE(takes(old, "3.0000000000000000000001"));
}

TEST(GrammarSchema, OneOfIsExactlyOne) {
  const auto grammar =
      from_schema(R"({"oneOf": [{"required": ["a"]}, {"required": ["b"]}], "type": "object"})", kAny);
  EXPECT_TRUE(takes(grammar, R"({"a": 1})"));
  EXPECT_TRUE(takes(grammar, R"({"b": 1, "c": 2})"));
  EXPECT_FALSE(takes(grammar, R"({"a": 1, "b": 2})"));
  EXPECT_FALSE(takes(grammar, R"({"c": 2})"));
}

TEST(GrammarSchema, AmbiguousRecursionDoesNotMultiply) {
  const auto grammar = from_schema(R"({"$defs": {"t": {"anyOf": [
      {"type": "object", "properties": {"c": {"$ref": "#/$defs/t"}}},
      {"type": "object", "properties": {"c": {"$ref": "#/$defs/t"}, "x": {}}},
      {"type": "object", "properties": {"c": {"$ref": "#/$defs/t"}, "y": {}}}]}}, "$ref": "#/$defs/t"})");
  std::string text = "{}";
  for (int i = 0; i < 60; ++i) text = R"({"c":)" + text + "}";
  EXPECT_TRUE(takes(grammar, text));
}

TEST(GrammarSchema, CopiesAndStepsTakenBack) {
  Matcher matcher(from_schema(R"({"type": "array", "uniqueItems": true, "items": {"type": "string"}})"));
  ASSERT_TRUE(matcher.accept(R"(["a",)"));
  Matcher copy = matcher;
  EXPECT_FALSE(copy.accept(R"("a"])"));
  ASSERT_TRUE(copy.accept(R"("b")"));
  ASSERT_TRUE(copy.accept("]"));
  EXPECT_TRUE(copy.is_complete());
  copy.rollback(2);
  EXPECT_TRUE(copy.accept(R"("c"])"));
  EXPECT_FALSE(matcher.is_complete());
}

TEST(GrammarSchema, DeepAnswersNeedNoDeepStack) {
  Matcher matcher(from_schema("{}"));
  for (int i = 0; i < 200'000; ++i) ASSERT_TRUE(matcher.accept("["));
  EXPECT_FALSE(matcher.is_complete());
}

TEST(GrammarSchema, BytesThatMustCome) {
  Matcher matcher(Grammar::compile({.source = R"({"type": "object", "properties": {"name": {"const": "x"}},
                                                  "required": ["name"], "additionalProperties": false})",
                                    .space = Spec::Space::kCompact}));
  EXPECT_EQ(matcher.forced_bytes(), R"({"name":"x"})");
}

TEST(GrammarSchema, RefusesByName) {
  struct Case {
    const char *keyword, *schema;
  };
  const std::vector<Case> cases = {
      {"$ref", R"({"$ref": "http://example.com/other.json"})"},
      {"$ref", R"({"$ref": "#"})"},
      {"$schema", R"({"$schema": "http://json-schema.org/draft-03/schema#"})"},
      {"pattern", R"({"pattern": "(a)\\1"})"},
      {"pattern", R"({"pattern": "("})"},
      {"format", R"({"format": "idn-hostname"})"},
      {"minItems", R"({"minItems": 1000000000})"},
      {"schema", R"({"allOf": [{"type": "string"}, {"type": "null"}]})"},
      {"schema", R"({"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}})"},
      {"dependencies", R"({"dependencies": {"a": ["b"]}})"},
      {"uniqueItems", R"({"not": {"uniqueItems": true}})"},
      {"multipleOf", R"({"multipleOf": 0})"},
      {"type", R"({"type": "text"})"},
      {"JSON", R"({"type": )"},
      {"JSON", R"({"a": 1, "a": 2})"},
  };
  for (const Case& one : cases)
    EXPECT_EQ(refused_keyword([&] { from_schema(one.schema); }), one.keyword) << one.schema;
}

// In each place where a keyword holds a schema, for every kind of value that is none. It once ended the
// process.
TEST(GrammarSchema, WhatIsNoSchemaIsRefusedWhereItStands) {
  struct Place {
    const char* before;
    const char* behind;
    const char* path;
  };
  const Place places[] = {
      {"", "", "#"},
      {R"({"items":)", "}", "#/items"},
      {R"({"not":)", "}", "#/not"},
      {R"({"properties":{"a":)", "}}", "#/properties/a"},
      {R"({"patternProperties":{"a":)", "}}", "#/patternProperties/a"},
      {R"({"additionalProperties":)", "}", "#/additionalProperties"},
      {R"({"propertyNames":)", "}", "#/propertyNames"},
      {R"({"prefixItems":[)", "]}", "#/prefixItems/0"},
      {R"({"contains":)", "}", "#/contains"},
      {R"({"anyOf":[)", "]}", "#/anyOf/0"},
      {R"({"oneOf":[{},)", "]}", "#/oneOf/1"},
      {R"({"allOf":[{"properties":{"a":)", R"(}}],"unevaluatedProperties":false})", "#/allOf/0/properties/a"},
      {R"({"if":)", R"(,"then":{}})", "#/if"},
      {R"({"if":{},"then":)", "}", "#/then"},
      {R"({"dependentSchemas":{"a":)", "}}", "#/dependentSchemas/a"},
      {R"({"unevaluatedProperties":)", "}", "#/unevaluatedProperties"},
      {R"({"unevaluatedItems":)", "}", "#/unevaluatedItems"}};
  for (const Place& place : places)
    for (const char* value : {"3", "null", R"("x")", "1.5"}) {
      const std::string schema = place.before + std::string(value) + place.behind;
      try {
        from_schema(schema);
        ADD_FAILURE() << schema << " is taken";
      } catch (const Refusal& refusal) {
        EXPECT_EQ(refusal.keyword(), "schema") << schema;
        EXPECT_EQ(refusal.path(), place.path) << schema;
      }
    }
  EXPECT_EQ(refused_keyword([] { from_schema(R"({"$ref": 3})"); }), "$ref");
  EXPECT_EQ(refused_keyword([] { from_schema(R"({"$defs": {"a": 3}, "$ref": "#/$defs/a"})"); }), "$ref");
}

// Keywords whose value is of the wrong kind are refused in the drafts that have them, also where they do
// nothing; other drafts and annotations take any value. `{"if": 3}` and `{"format": 3}` were taken.
TEST(GrammarSchema, ValuesOfTheWrongKindAreRefused) {
  const std::vector<std::string> drafts = {
      "http://json-schema.org/draft-04/schema#", "http://json-schema.org/draft-06/schema#",
      "http://json-schema.org/draft-07/schema#", "https://json-schema.org/draft/2019-09/schema",
      "https://json-schema.org/draft/2020-12/schema"};
  constexpr size_t k4 = 0, k6 = 1, k7 = 2, k2019 = 3, k2020 = 4;
  struct Case {
    const char* keyword;
    size_t since, until;
    const char* value = "3";
  };
  const std::vector<Case> cases = {
      {"format", k4, k2020},
      {"pattern", k4, k2020},
      {"$ref", k4, k2020},
      {"type", k4, k2020},
      {"enum", k4, k2020},
      {"required", k4, k2020},
      {"required", k4, k2020, "[3]"},
      {"uniqueItems", k4, k2020},
      {"minLength", k4, k2020, R"("3")"},
      {"maxLength", k4, k2020, "1.5"},
      {"minItems", k4, k2020, "-1"},
      {"maxProperties", k4, k2020, "null"},
      {"minimum", k4, k2020, R"("3")"},
      {"multipleOf", k4, k2020, "true"},
      {"exclusiveMinimum", k4, k4, "3"},
      {"exclusiveMaximum", k6, k2020, "true"},
      {"minContains", k2019, k2020, R"("3")"},
      {"maxContains", k2019, k2020, "[]"},
      {"not", k4, k2020},
      {"items", k4, k2020},
      {"items", k4, k2019, "[3]"},
      {"items", k2020, k2020, "[{}]"},
      {"prefixItems", k2020, k2020, "{}"},
      {"prefixItems", k2020, k2020, "[3]"},
      {"additionalItems", k4, k2019},
      {"additionalProperties", k4, k2020},
      {"properties", k4, k2020},
      {"properties", k4, k2020, R"({"a": 3})"},
      {"patternProperties", k4, k2020, "[]"},
      {"allOf", k4, k2020, "{}"},
      {"anyOf", k4, k2020, "[3]"},
      {"oneOf", k4, k2020, "[]"},
      {"dependencies", k4, k7, "[]"},
      {"dependencies", k4, k7, R"({"a": 3})"},
      {"dependentRequired", k2019, k2020, R"({"a": 3})"},
      {"dependentSchemas", k2019, k2020, R"({"a": []})"},
      {"definitions", k4, k2020},
      {"$defs", k2019, k2020},
      {"contains", k6, k2020},
      {"propertyNames", k6, k2020},
      {"if", k7, k2020},
      {"then", k7, k2020, "null"},
      {"else", k7, k2020, R"("x")"},
      {"unevaluatedItems", k2019, k2020},
      {"unevaluatedProperties", k2019, k2020, R"("x")"},
      {"$id", k6, k2020},
      {"$anchor", k2019, k2020},
      {"$dynamicAnchor", k2020, k2020},
      {"$dynamicRef", k2020, k2020},
      {"$recursiveRef", k2019, k2019},
      {"$recursiveAnchor", k2019, k2019},
  };
  for (const Case& one : cases)
    for (size_t draft = 0; draft < drafts.size(); ++draft) {
      const std::string schema =
          fmt::format(R"({{"$schema": "{}", "{}": {}}})", drafts[draft], one.keyword, one.value);
      if (one.since <= draft && draft <= one.until) {
        EXPECT_NE(refused_keyword([&] { from_schema(schema); }), "") << schema;
      }
    }
  for (const std::string& draft : drafts)
    for (const char* keyword : {"title", "description", "$comment", "default", "examples", "id", "x"})
      EXPECT_NO_THROW(from_schema(fmt::format(R"({{"$schema": "{}", "{}": 3}})", draft, keyword)));
  EXPECT_NO_THROW(from_schema(fmt::format(R"({{"$schema": "{}", "if": 3, "contains": 3}})", drafts[k4])));
  // What stands beside a reference says nothing before 2019-09.
  EXPECT_NO_THROW(from_schema(
      fmt::format(R"({{"$schema": "{}", "properties": {{"a": {{"$ref": "#/definitions/b", "format": 3}}}},
                      "definitions": {{"b": {{}}}}}})",
                  drafts[k7])));
}

TEST(GrammarSchema, B45_RefusalsNameTheirPlace) {
  try {
    from_schema(R"({"properties": {"a/b": {"items": {"pattern": "(a)\\1"}}}})");
    FAIL();
  } catch (const Refusal& refusal) {
    EXPECT_EQ(refusal.path(), "#/properties/a~1b/items");
  }
}

TEST(GrammarSchema, AStringThatMustDifferIsNotBegunWhereItCouldNot) {
  const auto dead_ends = [](const char* schema, const char* text, const char* next) {
    Matcher matcher(from_schema(schema));
    return matcher.accept(text) && matcher.accept(next);
  };
  const char* of_two =
      R"({"type": "array", "items": {"type": "string", "maxLength": 2}, "uniqueItems": true})";
  EXPECT_FALSE(dead_ends(of_two, "[\"ab\",\"a", "b"));
  EXPECT_TRUE(dead_ends(of_two, "[\"ab\",\"a", "c"));
  EXPECT_TRUE(dead_ends(of_two, "[\"a\",\"", "a"));
  const char* of_names = R"({"type": "array", "items": {"enum": ["\u00e9", "a"]}, "uniqueItems": true})";
  EXPECT_FALSE(dead_ends(of_names, "[\"\xC3\xA9\",\"", "\xC3"));
  EXPECT_TRUE(dead_ends(of_names, "[\"a\",\"", "\xC3"));
}

}  // namespace
}  // namespace ferrum::grammar
