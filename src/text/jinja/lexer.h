// Splits a template into tokens, with the white space rules that transformers sets: a line that holds only a
// block leaves nothing (lstrip_blocks, trim_blocks), `-` strips, `+` keeps, and one newline at the template's
// end is removed.
#pragma once
#include <string>
#include <vector>

#include "text/jinja/token.h"

namespace ferrum::jinja {

// `source` must have normalised newlines (see normalized). Throws kBadTemplate with line and column.
std::vector<Token> tokenize(std::string_view source);

// The source as Jinja sees it: every kind of newline becomes \n, and one at the end is removed.
std::string normalized(std::string_view source);

// Throws kBadTemplate with this place.
[[noreturn]] void fail_at(const Place& place, const std::string& message);

}  // namespace ferrum::jinja
