// Cuts a template into tokens, with the white space rules that transformers sets: a block's own line leaves
// nothing behind (lstrip_blocks, trim_blocks), `-` strips, `+` keeps, and one newline at the template's end
// goes.
#pragma once
#include <string>
#include <vector>

#include "text/jinja/token.h"

namespace ferrum::jinja {

// `source`: its newlines must be normalised (see normalized). Errors kBadTemplate with line and column.
std::vector<Token> tokenize(std::string_view source);

// The source as Jinja sees it: every kind of newline is one \n, and the last of them is left out.
std::string normalized(std::string_view source);

// Error kBadTemplate that points at `place`.
[[noreturn]] void fail_at(const Place& place, const std::string& message);

}  // namespace ferrum::jinja
