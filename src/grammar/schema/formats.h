// The formats of JSON Schema 2020-12 as regular expressions.
#pragma once
#include <cstdint>
#include <string_view>

#include "grammar/regex.h"

namespace ferrum::grammar {

struct FormatPattern {
  bool is_defined = false;        // by a draft; other names are annotations
  const char* pattern = nullptr;  // anchored; null: not a regular language, or not supported
  uint32_t most = kUnbounded;     // characters
};
FormatPattern format_pattern(std::string_view name);

}  // namespace ferrum::grammar
