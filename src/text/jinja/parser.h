// Parses tokens into a Program: the grammar of Jinja 3.1.
#pragma once
#include "text/jinja/ast.h"
#include "text/jinja/limits.h"

namespace ferrum::jinja {

// Throws kBadTemplate with line and column.
Program parse(std::string_view source, const Limits& limits);

}  // namespace ferrum::jinja
