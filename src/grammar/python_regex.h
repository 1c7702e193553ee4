// Regular expressions in Python's notation, as Lark's grammars have them.
#pragma once
#include <string>
#include <string_view>

#include "grammar/regex.h"

namespace ferrum::grammar {

// `flags`: of i (letters in ASCII), s, m and u. \d, \w and \s are those of ECMA-262. Refusal with `path`:
// other flags, m beside ^ or $, what is no regular expression or needs more than a finite automaton.
Regex parse_python_regex(std::string_view pattern, std::string_view flags, const std::string& path);

}  // namespace ferrum::grammar
