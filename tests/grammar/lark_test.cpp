// Grammars in Lark's notation, by themselves and as what a string of JSON holds.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "grammar/compiled.h"
#include "grammar/token_matcher.h"
#include "support/contains.h"

namespace ferrum::grammar {
namespace {

std::shared_ptr<const Grammar> from_lark(std::string source) {
  return Grammar::compile({.kind = Spec::Kind::kLark, .source = std::move(source)});
}

std::string schema_of(const std::string& lark) {
  return nlohmann::json{{"type", "string"}, {"x-lark", lark}}.dump();
}

std::string in_json(const std::string& text) { return nlohmann::json(text).dump(); }

// By itself, and within a string.
bool derives(const std::string& lark, const std::string& text) {
  const bool taken = takes(from_lark(lark), text);
  EXPECT_EQ(takes(from_schema(schema_of(lark)), in_json(text)), taken) << lark << "\n" << text;
  return taken;
}

std::string refusal_of(const std::string& lark) {
  try {
    from_lark(lark);
  } catch (const Refusal& refusal) {
    return refusal.what();
  }
  return "";
}

// The grammar of patches that coding agents send.
const std::string kPatch = R"(start: begin_patch hunk+ end_patch
begin_patch: "*** Begin Patch" LF
end_patch: "*** End Patch" LF?

hunk: add_hunk | delete_hunk | update_hunk
add_hunk: "*** Add File: " filename LF add_line+
delete_hunk: "*** Delete File: " filename LF
update_hunk: "*** Update File: " filename LF change_move? change?

filename: /(.+)/
add_line: "+" /(.*)/ LF -> line

change_move: "*** Move to: " filename LF
change: (change_context | change_line)+ eof_line?
change_context: ("@@" | "@@ " /(.+)/) LF
change_line: ("+" | "-" | " ") /(.*)/ LF
eof_line: "*** End of File" LF

%import common.LF
)";

TEST(Lark, AGrammarOfPatches) {
  EXPECT_TRUE(derives(kPatch, "*** Begin Patch\n*** Add File: a.txt\n+one\n+\n*** End Patch"));
  EXPECT_TRUE(derives(kPatch,
                      "*** Begin Patch\n*** Update File: a b\n*** Move to: c\n@@ f\n-x\n+y\n z\n"
                      "*** End of File\n*** Delete File: d\n*** End Patch\n"));
  EXPECT_FALSE(derives(kPatch, "*** Begin Patch\n*** End Patch"));
  EXPECT_FALSE(derives(kPatch, "*** Begin Patch\n*** Add File: \n+one\n*** End Patch"));
  EXPECT_FALSE(derives(kPatch, "*** Begin Patch\n*** Add File: a\none\n*** End Patch"));
}

TEST(Lark, WhatItsNotationMeans) {
  EXPECT_TRUE(derives("start: \"a.\" \"b\"?", "a."));
  EXPECT_FALSE(derives("start: \"a.\"", "ax")) << "a string is no pattern";
  EXPECT_TRUE(derives("start: [\"a\"] \"b\"~2..3", "abbb"));
  EXPECT_FALSE(derives("start: [\"a\"] \"b\"~2..3", "abbbb"));
  EXPECT_TRUE(derives("start: \"a\"..\"f\"+", "face"));
  EXPECT_TRUE(derives("start: x (\",\" x)*\nx: INT\n%import common.INT", "1,22,333"));
  EXPECT_TRUE(
      derives("start: x\n?x: N -> number\n!y.-2: /[0-9]/\nN.2: /[0-9]/\n  | \"none\" // or not", "none"));
  EXPECT_TRUE(derives("%import common (DIGIT, LETTER -> L)\nstart: L DIGIT", "x5"));
  EXPECT_TRUE(derives("start: \"\\\"\" \"\\n\" \"\\\\\"", "\"\n\\"));
  EXPECT_TRUE(derives("start: |\"x\"", ""));
  EXPECT_TRUE(derives("start: \"select\"i \"\\u00e9\\x41\"",
                      "SeLecT\xC3\xA9"
                      "A"));
  EXPECT_FALSE(derives("start: \"select\"", "SELECT"));
  EXPECT_TRUE(derives("start: \"a\" \\\n  \"b\"", "ab"));
}

TEST(Lark, PatternsAreThoseOfPython) {
  EXPECT_TRUE(derives("start: /a.b/", "a\rb")) << "a dot leaves out the line end alone";
  EXPECT_FALSE(derives("start: /a.b/", "a\nb"));
  EXPECT_TRUE(derives("start: /a.b/s", "a\nb"));
  EXPECT_TRUE(derives("start: /[a-c]+x/i", "aBCX"));
  EXPECT_TRUE(derives("start: /(?i)ab/ /(?P<n>c)/", "ABc"));
  EXPECT_TRUE(derives("start: /[]a]+\\-{,2}\\@/", "]a--@"));
  EXPECT_TRUE(derives("start: /a{x}/", "a{x}"));
  EXPECT_TRUE(derives("start: /\\/\\*.*?\\*\\//", "/* x */"));
}

TEST(Lark, RulesMayContainThemselves) {
  const std::string sums =
      "?start: sum\n?sum: product | sum \"+\" product | sum \"-\" product\n?product: atom | product \"*\" "
      "atom\n"
      "?atom: NUMBER | \"-\" atom | \"(\" sum \")\"\n%import common.NUMBER\n%import common.WS_INLINE\n"
      "%ignore WS_INLINE\n";
  EXPECT_TRUE(derives(sums, "1+2*(3-4)"));
  EXPECT_TRUE(derives(sums, " ( 1 +2 )*-3 "));
  EXPECT_FALSE(derives(sums, "(1+2"));
  EXPECT_FALSE(derives(sums, "1 2"));
  EXPECT_FALSE(derives(sums, "1+\n2"));
  const std::string json =
      "start: value\nvalue: object | array | ESCAPED_STRING | SIGNED_NUMBER | \"true\" | \"null\"\n"
      "array: \"[\" [value (\",\" value)*] \"]\"\nobject: \"{\" [pair (\",\" pair)*] \"}\"\n"
      "pair: ESCAPED_STRING \":\" value\n%import common (ESCAPED_STRING, SIGNED_NUMBER, WS)\n%ignore WS";
  EXPECT_TRUE(derives(json, "{\"a\": [1, {\"b\\n\": null}],\n \"c\": \"\xC3\xA9\"}"));
  EXPECT_FALSE(derives(json, "{\"a\": [1, }"));
  // Indirectly on the left, and behind a choice.
  EXPECT_TRUE(derives("start: a\na: b \"x\" | \"y\"\nb: a \"z\" | \"w\" a", "wyxzx"));
  EXPECT_FALSE(derives("start: a\na: b \"x\" | \"y\"\nb: a \"z\" | \"w\" a", "xzx"));
  EXPECT_TRUE(derives("start: (start \"a\" | \"b\") \"c\"?", "bcaac"));
}

TEST(Lark, WhatIsIgnoredComesBetweenTerminals) {
  const std::string list =
      "start: ITEM (\",\" ITEM)*\nITEM: \"a\" \"b\"\n%ignore / +/\n%ignore /#[^\\n]*\\n/";
  EXPECT_TRUE(derives(list, "  ab , ab #x\n"));
  EXPECT_FALSE(derives(list, "a b")) << "not within one";
}

TEST(Lark, AStringHoldsItBesideOtherMembers) {
  const nlohmann::json nested = {{"type", "string"}, {"x-lark", "start: \"(\" start? \")\"\n"}};
  const nlohmann::json object = {{"type", "object"},
                                 {"properties", {{"input", nested}, {"n", {{"type", "integer"}}}}},
                                 {"required", {"input"}},
                                 {"additionalProperties", false}};
  const auto grammar = from_schema(object.dump());
  EXPECT_TRUE(takes(grammar, R"j({"input": "(())", "n": 1})j"));
  EXPECT_TRUE(takes(grammar, R"j({"input": "\u0028)"})j"));
  EXPECT_FALSE(takes(grammar, R"j({"input": "(()"})j"));
  EXPECT_FALSE(takes(grammar, R"j({"input": ""})j"));
  const auto refused = [](const nlohmann::json& schema) {
    return refused_keyword([&] { from_schema(schema.dump()); });
  };
  EXPECT_EQ(refused({{"type", "array"}, {"uniqueItems", true}, {"items", nested}}), "x-lark");
  nlohmann::json with_pattern = nested;
  with_pattern["pattern"] = "x";
  EXPECT_EQ(refused(with_pattern), "x-lark");
  // What is no grammar of its own is combined with other keywords.
  const auto both =
      from_schema(nlohmann::json{{"type", "string"}, {"maxLength", 3}, {"x-lark", "start: \"a\"+"}}.dump());
  EXPECT_TRUE(takes(both, "\"aaa\""));
  EXPECT_FALSE(takes(both, "\"aaaa\""));
}

TEST(Lark, MasksAreThoseOfEachTokenTriedAlone) {
  std::vector<Vocabulary::Token> tokens = tokens_of_bytes();
  for (const char* text :
       {"((", "))", "()", "\\u0028", "\\\\", ")\"", "\"}", ")\"}", "12", "+1", " +", "\\n", "a\\\"b"})
    tokens.push_back({text, false});
  const auto vocabulary = std::make_shared<const Vocabulary>(std::move(tokens));
  const auto grammar = std::make_shared<const TokenGrammar>(
      from_schema(schema_of("start: e\ne: e \"+\" t | t\nt: /[^+()]+/ | \"(\" e \")\"")), vocabulary);
  TokenMatcher matcher(grammar);
  std::vector<uint32_t> words(vocabulary->words());
  for (const char byte : std::string("\"(a\\u00e9\\\\+(1))+\\\"\"")) {
    ASSERT_TRUE(matcher.mask(words));
    for (size_t i = 0; i < vocabulary->size(); ++i)
      ASSERT_EQ(words[i / 32] >> (i % 32) & 1, matcher.may(static_cast<int32_t>(i)))
          << "before " << byte << ": " << vocabulary->token(static_cast<int32_t>(i)).bytes;
    ASSERT_TRUE(matcher.accept(static_cast<uint8_t>(byte))) << byte;
  }
  EXPECT_TRUE(matcher.is_at_end());
}

TEST(Lark, WhatCannotBeSaidIsNamed) {
  EXPECT_CONTAINS(refusal_of("start: a"), "a at line 1: no rule has this name");
  EXPECT_CONTAINS(refusal_of("x: \"a\""), "no rule start");
  EXPECT_CONTAINS(refusal_of("start: A\nA: \"x\" A"), "the terminal contains itself");
  EXPECT_CONTAINS(refusal_of("start: A\nA: b\nb: \"x\""), "a terminal cannot contain a rule");
  EXPECT_CONTAINS(refusal_of("start: \"a\"\n%declare X"), "%declare at line 2");
  EXPECT_CONTAINS(refusal_of("start: \"a\"\n%import python.NAME"), "%import at line 2: only `common`");
  EXPECT_CONTAINS(refusal_of("start: \"a\"\n%import common.NONE"), "%import at line 2: common has no");
  EXPECT_CONTAINS(refusal_of("start: s{\"a\"}\ns{x}: x"), "templates are not supported");
  EXPECT_CONTAINS(refusal_of("start: /a/x"), "flags");
  EXPECT_CONTAINS(refusal_of("start: /(a)\\1/"), "pattern");
  EXPECT_CONTAINS(refusal_of("start: /a/ start /(?=b)/ | \"x\""), "looks beyond itself");
  EXPECT_CONTAINS(refusal_of("start: x? start \"a\" | \"b\"\nx: \"c\""),
                  "behind something that may be empty");
  EXPECT_CONTAINS(refusal_of("start: \"a"), "is not closed");
  EXPECT_CONTAINS(refusal_of("start: \"a\" start"), "no text matches");
  // What would take forever to write out is followed by its rules.
  std::string doubling = "start: a30\na0: \"x\"\n";
  for (int i = 1; i <= 30; ++i)
    doubling += "a" + std::to_string(i) + ": a" + std::to_string(i - 1) + " a" + std::to_string(i - 1) + "\n";
  EXPECT_EQ(refusal_of(doubling), "");
  EXPECT_FALSE(takes(from_schema(schema_of(doubling)), "\"xx\""));
}

}  // namespace
}  // namespace ferrum::grammar
