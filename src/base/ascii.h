// ASCII keywords of protocols and formats. Other bytes are unchanged, and the locale does not matter.
#pragma once
#include <string>
#include <string_view>

namespace ferrum {

constexpr char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
std::string to_lower(std::string_view text);

// Compares without regard to case.
bool is_same_word(std::string_view a, std::string_view b);

// `text` without the characters of `around` at both ends.
std::string_view trimmed(std::string_view text, std::string_view around = " \t\n\v\f\r");

}  // namespace ferrum
