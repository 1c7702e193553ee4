// Sets of characters in Oniguruma's regular expressions, as PCRE2 patterns.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "text/regex_reader.h"

namespace ferrum {

// Items of a PCRE2 class, and patterns that each match one character but cannot be part of a class.
struct CharacterSet {
  std::string items = {};
  std::vector<std::string> others = {};
  bool is_negated = false;
  bool has_classes = false;  // more than characters and ranges

  // A pattern that matches one character.
  std::string pattern() const;
};

inline constexpr std::string_view kWordAlone = R"([\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\xb2\xb3\xb9\xbc-\xbe])";
inline constexpr std::string_view kNotWordAlone =
    R"([^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\xb2\xb3\xb9\xbc-\xbe])";

// \s, \W, \p{…} and the like, read from the letter on; nothing is read if the letter denotes no set. What \w
// and \W denote differs outside of classes (kWordAlone).
std::optional<CharacterSet> read_escaped_set(PatternReader& in);

// [a-z], read after the first bracket.
CharacterSet read_class(PatternReader& in);

}  // namespace ferrum
