// Grammars in llama.cpp's dialect of BNF or in Lark's notation, and regular expressions, as rules.
#pragma once
#include <string_view>
#include <vector>

#include "grammar/program.h"
#include "grammar/rule_syntax.h"

namespace ferrum::grammar {

struct Spec;

// Adds the rules to those of `program`; returns the number of the root, which is the first of them.
// Refusal: nothing that it matches, a rule that begins with itself in a way that cannot be rewritten.
uint32_t add_rules(RuleSyntax syntax, const Limits& limits, Program& program);

// Refusal: no grammar, no rule `root`, a reference to a token, and as add_rules.
void compile_gbnf(std::string_view source, const Limits& limits, Program& program);
// Refusal: as parse_lark and add_rules.
void compile_lark(std::string_view source, const Limits& limits, Program& program);
// The whole text is one match of the pattern.
void compile_regex(std::string_view pattern, const Limits& limits, Program& program);
// The whole text is one of `choices`.
void compile_choices(const std::vector<std::string>& choices, Program& program);

// Whichever of these `spec` is.
void compile_rules(const Spec& spec, const Limits& limits, Program& program);

}  // namespace ferrum::grammar
