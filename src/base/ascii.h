// Words of protocols and formats, which are ASCII: other bytes stay as they are, whatever the locale.
#pragma once
#include <string>
#include <string_view>

namespace ferrum {

constexpr char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
std::string to_lower(std::string_view text);

// Equal but for capitals.
bool is_same_word(std::string_view a, std::string_view b);

// A part of `text`: without what is `around` it, which is white space unless it is said.
std::string_view trimmed(std::string_view text, std::string_view around = " \t\n\v\f\r");

}  // namespace ferrum
