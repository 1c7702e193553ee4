// Grammars of whole answers: fixed text, free text, and other grammars within them.
#include "grammar/structure.h"

#include <gtest/gtest.h>

#include "grammar/compiled.h"
#include "grammar/threads.h"

namespace ferrum::grammar {
namespace {

using Kind = StructureNode::Kind;

struct Builder {
  Structure structure;

  int literal(std::string text) { return structure.add({.kind = Kind::kLiteral, .text = std::move(text)}); }
  int mark(std::string text) { return structure.add({.kind = Kind::kMark, .text = std::move(text)}); }
  int space(uint32_t most) { return structure.add({.kind = Kind::kSpace, .most = most}); }
  int sequence(std::vector<int> parts) {
    return structure.add({.kind = Kind::kSequence, .children = std::move(parts)});
  }
  int choice(std::vector<int> parts) {
    return structure.add({.kind = Kind::kChoice, .children = std::move(parts)});
  }
  int repeat(int part, uint32_t least, uint32_t most) {
    return structure.add({.kind = Kind::kRepeat, .children = {part}, .least = least, .most = most});
  }
  int spec(Spec spec, std::string subject = "") {
    return structure.add({.kind = Kind::kSpec,
                          .spec = std::make_shared<const Spec>(std::move(spec)),
                          .subject = std::move(subject)});
  }
  int schema(std::string source) {
    return spec({.kind = Spec::Kind::kJsonSchema, .source = std::move(source)});
  }
  int text(std::vector<TextPattern> ends) {
    return structure.add({.kind = Kind::kText, .ends = std::move(ends)});
  }
  int free(std::vector<int> children, std::vector<TextPattern> ends, std::vector<int> last = {},
           bool must_end = false) {
    return structure.add({.kind = Kind::kFree,
                          .children = std::move(children),
                          .ends = std::move(ends),
                          .last = std::move(last),
                          .must_end = must_end});
  }
  std::shared_ptr<const Grammar> compile(int root, Spec::Space space = Spec::Space::kBounded) {
    structure.root = root;
    return from_structure(structure, space);
  }
};

TEST(Structure, ValuesEndWhereFixedTextBegins) {
  Builder b;
  const auto grammar = b.compile(b.sequence({b.literal("a="), b.schema(R"({"type": "integer"})"),
                                             b.literal("0;b="), b.schema(R"({"type": "number"})")}));
  EXPECT_TRUE(takes(grammar, "a=10;b=2.5"));
  EXPECT_TRUE(takes(grammar, "a=1000;b=-0.5"));
  EXPECT_FALSE(takes(grammar, "a=5;b=2"));
  EXPECT_FALSE(takes(grammar, "a=0;b=2"));
  EXPECT_TRUE(takes(grammar, "a=00;b=2"));
}

TEST(Structure, NumbersMayEndTheAnswer) {
  Builder b;
  const auto grammar =
      b.compile(b.sequence({b.literal("<"), b.schema(R"({"type": "integer"})"), b.space(1)}));
  Matcher matcher(grammar);
  EXPECT_TRUE(matcher.accept("<1"));
  EXPECT_TRUE(matcher.is_complete());
  EXPECT_FALSE(matcher.is_at_end());
  EXPECT_TRUE(matcher.accept("2 "));
  EXPECT_TRUE(matcher.is_complete());
  EXPECT_TRUE(matcher.is_at_end());
}

TEST(Structure, ChoicesThatBeginAlike) {
  Builder b;
  std::vector<int> ways;
  for (const char* name : {"get", "get_all", "put", "get"})
    ways.push_back(b.sequence({b.literal(name), b.literal("("), b.schema("true"), b.literal(")")}));
  const auto grammar = b.compile(b.choice(ways));
  EXPECT_TRUE(takes(grammar, R"(get({"a": [1, 2]}))"));
  EXPECT_TRUE(takes(grammar, "get_all(3)"));
  EXPECT_TRUE(takes(grammar, "put(null)"));
  EXPECT_FALSE(takes(grammar, "ge(3)"));
  EXPECT_FALSE(takes(grammar, "put_all(3)"));
}

TEST(Structure, RepetitionsAndRules) {
  Builder b;
  const int word = b.spec({.kind = Spec::Kind::kRegex, .source = "[a-z]+|\u00e9"});
  const int sum = b.spec({.kind = Spec::Kind::kGbnf, .source = "root ::= \"(\" root* \")\""});
  const auto grammar =
      b.compile(b.sequence({word, b.repeat(b.sequence({b.literal(", "), word}), 1, 2), sum}));
  EXPECT_TRUE(takes(grammar, "a, bc()"));
  EXPECT_TRUE(takes(grammar, "\u00e9, \u00e9, x(()(()))"));
  EXPECT_FALSE(takes(grammar, "a()"));
  EXPECT_FALSE(takes(grammar, "a, b, c, d()"));
  EXPECT_FALSE(takes(grammar, "a, b(()"));
}

TEST(Structure, TextGoesToItsFirstEnd) {
  Builder b;
  const auto grammar = b.compile(
      b.sequence({b.literal("<v>"), b.text({{"</v>", "<"}}), b.mark("</v>"), b.space(9), b.mark("<end>")}));
  EXPECT_TRUE(takes(grammar, "<v>text</v><end>"));
  EXPECT_TRUE(takes(grammar, "<v></v> \n<end>"));
  EXPECT_TRUE(takes(grammar, "<v>a </v> b </v>c</v><end>"));
  EXPECT_FALSE(takes(grammar, "<v>a</v>\n<other></v><end>"));
  EXPECT_TRUE(takes(grammar, "<v>\xff\xc3(\x80</v><end>"));  // any bytes
  EXPECT_FALSE(takes(grammar, "<v>a</v>"));
}

TEST(Structure, FreeTextIsHeldFromItsTriggersOn) {
  Builder b;
  const int call = b.sequence({b.mark("<call>"), b.schema(R"({"enum": [1, 2]})"), b.mark("</call>")});
  const auto grammar = b.compile(b.free({call}, {{"<call>"}}));
  EXPECT_TRUE(takes(grammar, ""));
  EXPECT_TRUE(takes(grammar, "any text <cal l> <call"));
  EXPECT_TRUE(takes(grammar, "x<call>1</call>y<call>2</call>"));
  EXPECT_FALSE(takes(grammar, "x<call>1</call>y<call>3</call>"));
  EXPECT_FALSE(takes(grammar, "x<call>1"));
  EXPECT_FALSE(takes(grammar, "the mark <call> opens"));
  EXPECT_TRUE(takes(grammar, "<<call>1</call>"));
}

TEST(Structure, FreeTextMayHaveToEnd) {
  Builder b;
  const int close = b.mark("</think>");
  const int call = b.sequence({b.mark("<call>"), b.literal("f()")});
  const auto grammar = b.compile(b.sequence(
      {b.free({close, call}, {{"</think>"}, {"<call>", "f("}}, {close, call}, true), b.literal("!")}));
  EXPECT_TRUE(takes(grammar, "hm <call> is a mark</think>!"));
  EXPECT_TRUE(takes(grammar, "hm <call>f()!"));
  EXPECT_FALSE(takes(grammar, "hm <call> f()!"));
  EXPECT_FALSE(takes(grammar, "hm"));
  EXPECT_FALSE(takes(grammar, "hm</think>?"));
}

TEST(Structure, MarksMayBeControlTokens) {
  Builder b;
  const int call = b.sequence(
      {b.mark("<call>name<sep>"), b.schema(R"({"type": "integer"})"), b.mark("</call>"), b.literal("<pad>")});
  const auto grammar = b.compile(b.free({call}, {{"<call>"}}));
  Matcher matcher(grammar);
  EXPECT_TRUE(matcher.accept("Well"));
  EXPECT_TRUE(matcher.accept_mark("<other>"));  // in free text any may come
  EXPECT_TRUE(matcher.accept_mark("<call>"));
  EXPECT_FALSE(matcher.accept_mark("<call>"));
  EXPECT_FALSE(matcher.accept_mark("<sep>"));
  EXPECT_TRUE(matcher.accept("name"));
  EXPECT_TRUE(matcher.accept_mark("<sep>"));
  EXPECT_FALSE(matcher.accept_mark("</call>"));  // no number yet
  EXPECT_TRUE(matcher.accept("12"));
  Matcher spelled = matcher;
  EXPECT_TRUE(matcher.accept_mark("</call>"));
  EXPECT_FALSE(matcher.accept_mark("<pad>"));  // fixed text is no mark
  EXPECT_TRUE(matcher.accept("<pad>"));
  EXPECT_TRUE(matcher.is_complete());
  matcher.rollback(2);
  EXPECT_TRUE(matcher.accept("3</call><pad> done"));
  EXPECT_TRUE(spelled.accept("</call><pad>"));
  EXPECT_TRUE(spelled.is_complete());
}

TEST(Structure, ControlTokensAreNoPartOfTextsAndStrings) {
  Builder b;
  const auto text = b.compile(b.sequence({b.text({{"</v>"}}), b.mark("</v>")}));
  Matcher in_text(text);
  EXPECT_TRUE(in_text.accept("a"));
  EXPECT_FALSE(in_text.accept_mark("<x>"));
  EXPECT_TRUE(in_text.accept_mark("</v>"));
  Builder c;
  Matcher in_string(
      c.compile(c.free({c.sequence({c.mark("<x>"), c.schema(R"({"type": "string"})")})}, {{"<x>"}})));
  EXPECT_TRUE(in_string.accept("<x>\"a"));
  EXPECT_FALSE(in_string.accept_mark("<x>"));
  EXPECT_TRUE(in_string.accept("\""));
  EXPECT_TRUE(in_string.accept_mark("<x>"));
}

TEST(Structure, MembersMayComeInAnyOrder) {
  const char* schema =
      R"({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"},
    "c": {"type": "string"}}, "required": ["b"], "additionalProperties": false, "maxProperties": 2})";
  Builder b;
  const auto grammar = b.compile(
      b.spec({.kind = Spec::Kind::kJsonSchema, .source = schema, .writing = Spec::Writing::kAnyOrder}));
  EXPECT_TRUE(takes(grammar, R"({"b": 1, "a": 2})"));
  EXPECT_TRUE(takes(grammar, R"({"c": "x", "b": 1})"));
  EXPECT_FALSE(takes(grammar, R"({"b": 1, "b": 2})"));
  EXPECT_FALSE(takes(grammar, R"({"a": 1.0, "b": 2})"));
  Matcher matcher(grammar);
  EXPECT_TRUE(matcher.accept(R"({"a": 1, ")"));
  EXPECT_FALSE(matcher.accept("c"));  // only b completes it
}

TEST(Structure, CompactValuesHaveNoWhiteSpace) {
  Builder b;
  const auto grammar = b.compile(b.schema("true"), Spec::Space::kCompact);
  EXPECT_TRUE(takes(grammar, R"({"a":[1]})"));
  EXPECT_FALSE(takes(grammar, R"({"a": [1]})"));
}

TEST(Structure, RefusalsSayWhoseGrammarItIs) {
  Builder b;
  const int part =
      b.spec({.kind = Spec::Kind::kJsonSchema, .source = R"({"properties": {"a": {"$ref": "x.json"}}})"},
             "function f");
  try {
    b.compile(part);
    FAIL();
  } catch (const Refusal& refusal) {
    EXPECT_EQ(refusal.keyword(), "$ref");
    EXPECT_EQ(refusal.path().substr(0, 14), "#/properties/a");
    EXPECT_EQ(std::string(refusal.what()).substr(0, 12), "function f: ");
  }
}

TEST(Structure, TakesNoMoreMemoryForALongText) {
  Builder b;
  const int call = b.sequence({b.mark("<call>"), b.schema("true"), b.mark("</call>")});
  Matcher matcher(b.compile(b.free({call}, {{"<call>"}})));
  for (int i = 0; i < 2000; ++i) {
    ASSERT_TRUE(matcher.accept("a <ca <call>[1, {\"a\": \"</call>\"}]</call>"));
    ASSERT_LE(matcher.threads().size(), 2U);
  }
  EXPECT_TRUE(matcher.is_complete());
}

TEST(Structure, HasOneContentForEqualParts) {
  Builder a, b, c;
  a.structure.root = a.sequence({a.literal("x"), a.mark("y")});
  b.structure.root = b.sequence({b.literal("x"), b.mark("y")});
  c.structure.root = c.sequence({c.literal("x"), c.literal("y")});
  EXPECT_EQ(content_of(a.structure), content_of(b.structure));
  EXPECT_NE(content_of(a.structure), content_of(c.structure));
}

}  // namespace
}  // namespace ferrum::grammar
