// Grammars in Lark's notation, with which clients describe the text that a custom tool takes:
// https://lark-parser.readthedocs.io/en/latest/grammar.html.
//
// They are read character by character: a text is in the grammar if some way of cutting it into terminals
// derives it, as in Lark's Earley parser with the lexer "dynamic_complete". So priorities and aliases, which
// choose between ways, say nothing here.
#pragma once
#include <string_view>

#include "grammar/rule_syntax.h"

namespace ferrum::grammar {

// Rules, terminals, groups, repetitions, ranges, regular expressions with the flags i, s, m and u, %import of
// the module `common` and %ignore. The root is `start`. Refusal, naming construct and line: other directives,
// templates, other flags and modules; a terminal that contains itself; what is no grammar.
RuleSyntax parse_lark(std::string_view source, const Limits& limits);

}  // namespace ferrum::grammar
