// The syntax of GBNF: https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md.
#pragma once
#include <string_view>

#include "grammar/rule_syntax.h"

namespace ferrum::grammar {

RuleSyntax parse_gbnf(std::string_view source);

}  // namespace ferrum::grammar
