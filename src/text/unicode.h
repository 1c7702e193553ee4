// Unicode for tokenizers: classes of characters, lower case, and normal forms in linear time.
#pragma once
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace ferrum::unicode {

bool is_white_space(char32_t c);    // the property White_Space
bool is_number(char32_t c);         // Nd, Nl, No
bool is_decimal_digit(char32_t c);  // Nd
// The next three know no characters that Unicode added after version 9: the tables of the tokenizers library
// are as old, and vocabularies were made with them.
bool is_punctuation(char32_t c);      // P*, and the ASCII symbols $+<=>^`|~
bool is_mark(char32_t c);             // M*
bool is_nonspacing_mark(char32_t c);  // Mn

bool is_control(char32_t c);  // Cc, Cf, Co
bool is_word(char32_t c);     // Alphabetic, M*, Nd, Pc, and the two joiners

inline bool is_joiner(char32_t c) { return c == 0x200C || c == 0x200D; }

void append_lowercase(std::string& out, char32_t c);

bool is_ascii(std::string_view text);

enum class Form { kNfc, kNfd, kNfkc, kNfkd };

// Splits `text` into the smallest parts whose normal form does not depend on their neighbours, and calls
// `part` with (begin, end, normal form) of each. Malformed bytes are parts of their own and stay as they are.
// n log n in the longest run of marks, otherwise linear.
void for_each_normalized(std::string_view text, Form form,
                         const std::function<void(size_t begin, size_t end, std::string_view normal)>& part);

// Whether there is a border of extended grapheme clusters (UAX #29) between the characters. `state` is 0 at
// the beginning of a text and carried from call to call.
bool is_grapheme_break(char32_t before, char32_t after, int& state);

}  // namespace ferrum::unicode
