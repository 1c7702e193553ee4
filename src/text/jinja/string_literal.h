// The escapes of string literals, as Python's unicode_escape reads them.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace ferrum::jinja {

// nullopt if an escape is incomplete or names no code point. Unknown escapes stay as they are.
std::optional<std::string> unescaped(std::string_view literal);

}  // namespace ferrum::jinja
