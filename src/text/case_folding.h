// Case folding (https://www.unicode.org/Public/UCD/latest/ucd/CaseFolding.txt): which characters differ in
// case only.
#pragma once
#include <map>
#include <string>
#include <vector>

namespace ferrum::unicode {

// The full folding of `c`: one character, or the two or three that U+00DF "ss" and the ligatures fold to.
std::u32string fold_case(char32_t c);

// The sequences of two and three characters that single characters fold to, with those characters.
const std::map<std::u32string, std::u32string>& folded_sequences();

// The sets of characters, at least two each, that are the same but for their case (simple folding).
const std::vector<std::u32string>& case_variants();

}  // namespace ferrum::unicode
