// JSON Schema to programs.
#pragma once
#include <string_view>

#include "grammar/program.h"

namespace ferrum::grammar {

// Refusal naming keyword and path.
void compile_schema(std::string_view schema, const Limits& limits, Program& program);

}  // namespace ferrum::grammar
