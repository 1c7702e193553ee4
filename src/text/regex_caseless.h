// What (?i) of Oniguruma's regular expressions matches beyond PCRE2's: single characters for two or three
// ("ss" and U+00DF, "fi" and its ligature), and the other case of what a class names by a property.
#pragma once
#include <string>
#include <string_view>

#include "text/regex_classes.h"

namespace ferrum {

// PCRE2 patterns for use under (?i).
std::string caseless_literals(std::u32string_view characters);
enum class Sequences { kMatched, kNotMatched };  // for single characters; never in a look-behind
std::string caseless_class(const CharacterSet& set, Sequences sequences);

}  // namespace ferrum
