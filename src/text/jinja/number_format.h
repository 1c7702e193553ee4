// Formats numbers and texts by Python's format specifications.
#pragma once
#include <optional>
#include <string>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace ferrum::jinja {

struct FormatSpec {
  std::string fill = " ";  // one character
  char align = 0;          // '<', '>', '^', or '=' (padding between sign and digits); 0: the type's default
  char sign = '-';         // '-', '+' or ' '
  bool alternate = false;  // 0x before hexadecimals
  size_t width = 0;
  char grouping = 0;  // ',' or '_' between thousands; 0: none
  std::optional<size_t> precision;
  char type = 0;
};

// [[fill]align][sign][#][0][width][grouping][.precision][type]
FormatSpec parse_format_spec(std::string_view text);

// Throws Failure if the type does not suit the value.
void append_formatted(TextBuilder& out, int64_t value, const FormatSpec& spec);
void append_formatted(TextBuilder& out, double value, const FormatSpec& spec);
void append_formatted(TextBuilder& out, const Text& value, const FormatSpec& spec);

}  // namespace ferrum::jinja
