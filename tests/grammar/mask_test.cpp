// Masks against their definition: each token tried by itself, over random answers in vocabularies whose
// tokens split characters, escapes and strings, and span the structure of values.
#include <gtest/gtest.h>

#include "base/random.h"
#include "grammar/compiled.h"
#include "grammar/structure.h"
#include "grammar/token_matcher.h"

namespace ferrum::grammar {
namespace {

// Every byte, and texts put together from `pieces`.
std::shared_ptr<const Vocabulary> vocabulary_of(const std::vector<std::string>& pieces, uint64_t key) {
  std::vector<Vocabulary::Token> tokens = tokens_of_bytes();
  tokens.push_back({"", false});
  for (const std::string& piece : pieces) tokens.push_back({piece, false});
  for (uint64_t i = 0; i < 500; ++i) {
    std::string text;
    const uint64_t parts = 1 + random_bits(key, 10 * i) % 4;
    for (uint64_t p = 1; p <= parts; ++p) text += pieces[random_bits(key, 10 * i + p) % pieces.size()];
    if (random_bits(key, 10 * i + 8) % 4 == 0) text.resize(1 + random_bits(key, 10 * i + 9) % text.size());
    tokens.push_back({std::move(text), false});
  }
  tokens.push_back({"<call>", true});
  tokens.push_back({"<end>", true});
  return std::make_shared<const Vocabulary>(std::move(tokens));
}

const std::vector<std::string> kPieces = {"\"",
                                          "\",",
                                          "\":",
                                          "\": \"",
                                          "{\"",
                                          "}",
                                          "}}",
                                          "[",
                                          "]",
                                          ",",
                                          ", ",
                                          "\n",
                                          "  ",
                                          " ",
                                          "\\",
                                          "\\n",
                                          "\\u00",
                                          "\\u0061",
                                          "\\ud83d\\ude00",
                                          "\xC3\xA9",
                                          "\xC3",
                                          "\xA9",
                                          "\xF0\x9F",
                                          "\x98\x80",
                                          "a",
                                          "b",
                                          "ab",
                                          "abc",
                                          "name",
                                          "x",
                                          "1",
                                          "12",
                                          "-",
                                          ".5",
                                          "0",
                                          "e5",
                                          "true",
                                          "null",
                                          "false",
                                          "t",
                                          "rue",
                                          ":",
                                          "id",
                                          "tag",
                                          "\",\"",
                                          "\":1,\"",
                                          "\"]",
                                          "<",
                                          "<call>",
                                          "</call>",
                                          "call>"};

void compare(const std::shared_ptr<const Grammar>& grammar,
             const std::shared_ptr<const Vocabulary>& vocabulary, uint64_t key, const std::string& name) {
  const auto tokens = std::make_shared<const TokenGrammar>(grammar, vocabulary);
  std::vector<uint32_t> words(vocabulary->words());
  for (uint64_t text = 0; text < 3; ++text) {
    TokenMatcher matcher(tokens);
    std::string written;
    for (uint64_t step = 0; step < 30; ++step) {
      if (!matcher.mask(words)) std::fill(words.begin(), words.end(), UINT32_MAX);
      std::vector<int32_t> allowed;
      for (size_t i = 0; i < vocabulary->size(); ++i) {
        const auto token = static_cast<int32_t>(i);
        const bool is_allowed = words[i / 32] >> (i % 32) & 1;
        ASSERT_EQ(is_allowed, matcher.may(token))
            << name << " behind " << written << ": token " << vocabulary->token(token).bytes;
        if (is_allowed) allowed.push_back(token);
      }
      if (allowed.empty()) {
        ASSERT_TRUE(matcher.is_complete()) << name << " behind " << written;
        break;
      }
      const int32_t token = allowed[random_bits(key + text, step) % allowed.size()];
      ASSERT_TRUE(matcher.accept(token));
      written += vocabulary->token(token).bytes;
    }
  }
}

TEST(Masks, AreThoseOfEachTokenTriedAlone) {
  const std::vector<std::string> schemas = {
      "true", R"({"type": "string"})", R"({"type": "string", "minLength": 2, "maxLength": 5})",
      R"({"type": "string", "maxLength": 40})", R"({"type": "string", "pattern": "^[a-c]+$"})",
      R"({"type": "string", "pattern": "b"})",
      R"({"type": "string", "pattern": "^(ab|[^a]*x)$", "maxLength": 9})",
      R"({"enum": ["a", "abc", "é\n", "name", 12, 1, null, {"a": ["b"]}, "\""]})",
      R"({"type": "string", "format": "date"})",
      R"({"type": ["integer", "string", "null"], "minimum": -12, "maximum": 120})",
      R"({"type": "number", "multipleOf": 0.5, "exclusiveMinimum": 0})",
      R"({"type": "object", "properties": {"a": true, "ab": {"type": "integer"}, "name": {"type": "string"}}})",
      R"({"type": "object", "properties": {"a": true, "ab": {"type": "integer"}}, "required": ["ab"]})",
      R"({"type": "object", "properties": {"a": {"type": "string"}, "abc": {"type": "integer"}},
          "additionalProperties": false})",
      R"({"type": "object", "patternProperties": {"^a": {"type": "integer"}, "b$": {"type": "string"}},
          "additionalProperties": false})",
      R"({"type": "object", "patternProperties": {"^a": {"type": "integer"}}})",
      R"({"type": "object", "patternProperties": {"^[a-z]+$": {"type": "integer"}}, "additionalProperties": false})",
      R"({"type": "object", "propertyNames": {"maxLength": 3}, "maxProperties": 2})",
      R"({"type": "object", "propertyNames": {"enum": ["a", "b"]}, "minProperties": 2})",
      R"({"type": "object", "minProperties": 1, "maxProperties": 3, "properties": {"a": {"type": "null"}}})",
      R"({"type": "array", "items": {"type": "string"}, "uniqueItems": true})",
      R"({"type": "array", "items": {"enum": ["a", "b", 1]}, "uniqueItems": true})",
      R"({"type": "array", "items": {"type": "string", "maxLength": 1}, "uniqueItems": true})",
      R"({"type": "array", "items": {"type": "array", "items": {"type": "string"}, "uniqueItems": true},
          "uniqueItems": true})",
      R"({"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}},
          "uniqueItems": true})",
      R"({"type": "array", "items": {"type": ["integer", "string"]}, "uniqueItems": true, "maxItems": 3})",
      R"({"type": "array", "prefixItems": [{"type": "integer"}, {"enum": ["a", "b"]}], "items": {"type": "string"},
          "minItems": 2})",
      R"({"type": "array", "items": {"type": "string", "pattern": "^(a|b.*)$"}, "uniqueItems": true})",
      R"({"type": "array", "items": {"type": "string", "maxLength": 2}, "uniqueItems": true})",
      R"({"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 4}, "uniqueItems": true})",
      R"({"type": "array", "items": {"type": "string", "pattern": "^a*$", "maxLength": 3}, "uniqueItems": true})",
      R"({"type": "array", "items": {"type": "string", "pattern": "^[a-c](-?[a-e])*$", "maxLength": 12},
          "uniqueItems": true})",
      R"({"type": "array", "items": {"type": "string", "pattern": "^(ab|c)+$", "minLength": 2, "maxLength": 5},
          "uniqueItems": true})",
      R"({"type": "array", "items": {"type": "string", "pattern": "^a+b?$", "maxLength": 4}, "uniqueItems": true})",
      R"({"type": "array", "items": {"type": "string", "pattern": "^[a-c]+$", "maxLength": 1}, "uniqueItems": true})",
      R"({"type": "array", "items": {"type": "string", "pattern": "^(ab|c)+$", "maxLength": 2}, "uniqueItems": true})",
      // Near the most length of strings that must differ, with a pattern that leaves out characters.
      R"({"type": "array", "items": {"type": "string", "pattern": "^[^\\\\/:*]+$", "minLength": 2, "maxLength": 6},
          "uniqueItems": true})",
      R"({"type": "array", "items": {"type": "string", "pattern": "^[^a]*$", "maxLength": 3}, "uniqueItems": true})",
      R"({"type": "array", "items": {"type": "string", "pattern": "^[^\\s<]+$", "maxLength": 9}, "uniqueItems": true})",
      // Few texts end with the next character, and a million characters lead to none.
      R"({"type": "array", "items": {"type": "string", "pattern": "^[^0-9]+[0-9]$", "minLength": 2, "maxLength": 2},
          "uniqueItems": true})",
      R"({"type": "array", "items": {"type": "string", "pattern": "^[^/]+$", "minLength": 8, "maxLength": 8},
          "uniqueItems": true})",
      // Few texts in all, without a most length.
      R"({"type": "array", "items": {"type": "string", "pattern": "^[ab]{1,2}$"}, "uniqueItems": true})",
      // An object that many alternatives read alike, and not quite.
      R"({"type": "object", "properties": {"a": {"enum": ["x", "b"]}, "b": {"type": "string"}}, "required": ["a"],
          "dependencies": {"a": {"oneOf": [{"properties": {"a": {"const": "x"}, "ab": {"type": "integer"},
              "name": {"type": "string"}}}, {"properties": {"a": {"const": "b"}, "abc": {"maxLength": 2},
              "name": {"const": "b"}}}]}}, "$schema": "http://json-schema.org/draft-07/schema#"})",
      R"({"type": "string", "anyOf": [{"not": {"pattern": "ab1"}}, {"pattern": "^[\\w]*$"}], "pattern": "[aA].*[bx]",
          "minLength": 3, "maxLength": 9})",
      R"({"type": "string", "pattern": "^[^.\\s]{1,6}([.][^.\\s]{1,6}){1,3}$", "maxLength": 14})",
      R"({"type": "string", "pattern": "^[a-z]{2,9}[0-9]?$", "minLength": 4, "maxLength": 7})",
      R"({"type": "array", "contains": {"type": "string"}, "maxContains": 2, "items": {"type": ["string", "integer"]}})",
      R"({"anyOf": [{"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
                    {"type": "object", "properties": {"a": {"type": "integer"}, "b": true}, "required": ["a", "b"]},
                    {"type": "array", "items": {"type": "string"}}]})",
      R"({"oneOf": [{"type": "string", "maxLength": 3}, {"type": "string", "minLength": 2}, {"type": "integer"}]})",
      R"({"$defs": {"n": {"type": "object", "properties": {"a": {"$ref": "#/$defs/n"}, "b": {"type": "array",
          "items": {"$ref": "#/$defs/n"}}}, "additionalProperties": false}}, "$ref": "#/$defs/n"})",
      R"({"type": "object", "properties": {"a": {"const": 1}, "b": {"type": "string"}}, "required": ["a"],
          "if": {"required": ["b"]}, "then": {"required": ["id"]}})"};
  for (uint64_t key = 0; key < 2; ++key) {
    const auto vocabulary = vocabulary_of(kPieces, key);
    for (const std::string& schema : schemas)
      compare(Grammar::compile(
                  {.source = schema, .space = key == 0 ? Spec::Space::kBounded : Spec::Space::kCompact}),
              vocabulary, 100 * key, schema);
  }
}

TEST(Masks, OfRulesAndPatterns) {
  const auto vocabulary = vocabulary_of(kPieces, 7);
  for (const char* pattern :
       {"[ab]*c?", "(name|id)=[^,<]{1,12}", ".*", "(?!abc)[a-c]*", "\xC3\xA9+|a", "[^a]*a[^b]{0,40}"})
    compare(from_regex(pattern), vocabulary, 1, pattern);
  for (const char* source :
       {"root ::= item (\",\" item)*\nitem ::= [a-c]+ | \"\\\"\" [^\"]* \"\\\"\" | \"[\" root \"]\"",
        "root ::= \"{\" ws (pair (\",\" ws pair)*)? \"}\"\npair ::= str \":\" ws val\nval ::= str | [0-9]+ | "
        "root\n"
        "str ::= \"\\\"\" ([^\"\\\\] | \"\\\\\" [n\\\"])* \"\\\"\"\nws ::= [ \\n]*",
        "root ::= ws ws ws \"x\"\nws ::= [ ]*", "root ::= [^<]* (\"<call>\" [a-z]+ \"</call>\" [^<]*)*"})
    compare(from_gbnf(source), vocabulary, 2, source);
}

TEST(Masks, OfStructures) {
  using Kind = StructureNode::Kind;
  Structure s;
  const auto schema = std::make_shared<const Spec>(Spec{
      .source = R"({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}})"});
  const int open = s.add({.kind = Kind::kMark, .text = "<call>"});
  const int value = s.add({.kind = Kind::kSpec, .spec = schema});
  const int space = s.add({.kind = Kind::kSpace, .most = 2});
  const int close = s.add({.kind = Kind::kMark, .text = "</call>"});
  const int call = s.add({.kind = Kind::kSequence, .children = {open, value, space, close}});
  s.root = s.add({.kind = Kind::kFree, .children = {call}, .ends = {{"<call>"}}});
  const int number = s.add(
      {.kind = Kind::kSpec, .spec = std::make_shared<const Spec>(Spec{.source = R"({"type": "integer"})"})});
  const int twelve = s.add({.kind = Kind::kLiteral, .text = "12<end>"});
  const int text = s.add({.kind = Kind::kText, .ends = {{"</call>"}}});
  Structure t = s;
  t.root = t.add({.kind = Kind::kSequence, .children = {text, close, number, twelve}});
  Structure m;
  const int head = m.add({.kind = Kind::kMark, .text = "<call>"});
  const int name_end = m.add({.kind = Kind::kLiteral, .text = ":"});
  const int value_end = m.add({.kind = Kind::kMark, .text = "\","});
  const int nothing = m.add({});
  const int end = m.add({.kind = Kind::kMark, .text = "</call>"});
  const auto object = std::make_shared<const Spec>(Spec{
      .source =
          R"({"type": "object", "properties": {"a": {"type": ["integer", "string"]}, "b": {"enum": ["a", "b<"]},
                    "c": {"type": "array", "items": {"type": "string"}}}, "required": ["a"], "maxProperties": 3})",
      .writing = Spec::Writing::kAnyOrder});
  const int members = m.add({.kind = Kind::kMembers,
                             .children = {nothing, name_end, value_end, nothing, end},
                             .spec = object,
                             .ends = {{"\",", "a"}, {"\",", "</call>"}},
                             .types = {{"a", 12}, {"b", 8}, {"c", 16}},
                             .name_end = ":"});
  m.root = m.add({.kind = Kind::kSequence, .children = {head, members}});
  const auto vocabulary = vocabulary_of(kPieces, 8);
  for (const Structure& structure : {s, t, m})
    for (uint64_t key = 0; key < 6; ++key)
      compare(from_structure(structure), vocabulary, 10 * key, "structure");
}

TEST(Masks, OfJudgesToo) {
  const auto vocabulary = vocabulary_of(kPieces, 9);
  for (const char* schema :
       {"true", R"({"type": "object", "properties": {"a": {"type": "number"}}, "required": ["a"]})",
        R"({"type": "array", "uniqueItems": true})"})
    compare(from_schema(schema, Spec::Writing::kAny), vocabulary, 3, schema);
}

}  // namespace
}  // namespace ferrum::grammar
