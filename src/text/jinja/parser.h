// Tokens to a Program: Jinja's grammar, as its parser of version 3.1 has it.
#pragma once
#include "text/jinja/ast.h"
#include "text/jinja/limits.h"

namespace ferrum::jinja {

// Errors kBadTemplate with line and column.
Program parse(std::string_view source, const Limits& limits);

}  // namespace ferrum::jinja
