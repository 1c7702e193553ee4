// Masks of known grammars: the first byte chooses one, the others the tokens.
#include <array>

#include "grammar_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using ferrum::grammar::Spec;
  static const std::array<Spec, 10> kSpecs = {
      Spec{.source = "true"},
      Spec{.source =
               R"({"type": "object", "properties": {"a": {"type": "string"}, "ab": {"type": "integer"}}})"},
      Spec{
          .source =
              R"({"type": "object", "properties": {"a": {"maxLength": 3}}, "required": ["a"], "maxProperties": 3})"},
      Spec{.source = R"({"type": "array", "items": {"type": "string"}, "uniqueItems": true})"},
      Spec{
          .source =
              R"({"type": "array", "items": {"type": "array", "items": {"type": "string"}, "uniqueItems": true},
                         "uniqueItems": true})"},
      Spec{.source = R"({"patternProperties": {"^a": {"type": "integer"}, "[^a]+$": {"type": "string"}}})"},
      Spec{.source = R"x({"type": "string", "pattern": "^[^a]+(a|b)", "minLength": 3, "maxLength": 60})x"},
      Spec{.source =
               R"({"anyOf": [{"type": "string", "pattern": "a.b"}, {"type": "number", "multipleOf": 0.25},
                         {"items": {"enum": ["a", "ab", 1]}, "uniqueItems": true, "type": "array"}]})"},
      Spec{.kind = Spec::Kind::kGbnf,
           .source = "root ::= \"[\" ws (val (\",\" ws val)*)? \"]\"\nval ::= root | [a-z]+ | \"\\\"\" "
                     "[^\"]* \"\\\"\"\nws ::= [ \\n]*"},
      Spec{.kind = Spec::Kind::kRegex, .source = "(<a>[^<]*</a>|[a-c ]{1,40}|\xC3\xA9.)*"}};
  if (size == 0) return 0;
  ferrum::grammar::follow(kSpecs[data[0] % kSpecs.size()],
                          {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
