// Python's str on Texts: code points, white space, case, searching. Positions are in bytes unless named
// otherwise.
#pragma once
#include <cstddef>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "text/jinja/text.h"

namespace ferrum::jinja {

size_t count_code_points(std::string_view text);
// The byte where code point number `index` begins; text.size() if there are fewer.
size_t byte_of_code_point(std::string_view text, size_t index);
// The byte where the last `count` code points begin; nullopt if there are fewer.
std::optional<size_t> byte_of_last_code_points(std::string_view text, size_t count);
// The size in bytes of the first code point of `text`, which is not empty. A malformed byte counts as one.
size_t code_point_size(std::string_view text);

bool is_space(char32_t c);         // Python's str.isspace
bool is_printable(char32_t c);     // Python's str.isprintable
bool is_alphanumeric(char32_t c);  // Python's str.isalnum

enum class Side { kLeft, kRight, kBoth };
// Strips `characters`, or white space if it is nullopt.
Text strip(Budget& budget, const Text& text, Side side,
           std::optional<std::string_view> characters = std::nullopt);

// `f` gets each code point and whether a letter precedes it, and appends the replacement.
using MapCodePoint = std::function<void(char32_t c, bool after_letter, std::string& out)>;
Text map_code_points(Budget& budget, const Text& text, const MapCodePoint& f);

Text to_upper(Budget& budget, const Text& text);
Text to_lower(Budget& budget, const Text& text);
Text to_title(Budget& budget, const Text& text);
Text capitalize(Budget& budget, const Text& text);
Text swap_case(Budget& budget, const Text& text);
Text case_fold(Budget& budget, const Text& text);

// At most `most` replacements; nullopt: all.
Text replace(Budget& budget, const Text& text, const Text& from, const Text& to, std::optional<size_t> most);
Text html_escape(Budget& budget, const Text& text);

}  // namespace ferrum::jinja
