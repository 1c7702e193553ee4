// Grammars in llama.cpp's dialect of BNF, and regular expressions, as rules.
#pragma once
#include <string_view>
#include <vector>

#include "grammar/program.h"

namespace ferrum::grammar {

struct Spec;

// Refusal: no grammar, no rule `root`, a rule that begins with itself, nothing that it matches, a reference
// to a token.
void compile_gbnf(std::string_view source, const Limits& limits, Program& program);
// The whole text is one match of the pattern.
void compile_regex(std::string_view pattern, const Limits& limits, Program& program);
// The whole text is one of `choices`.
void compile_choices(const std::vector<std::string>& choices, Program& program);

// Whichever of these `spec` is.
void compile_rules(const Spec& spec, const Limits& limits, Program& program);

}  // namespace ferrum::grammar
