// What the tokenizers ask of Unicode: classes of characters, lower case, and normal forms in linear time.
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
// Of characters that Unicode got after version 9, these three know none: the tables of the tokenizers library
// are as old, and vocabularies were made with them.
bool is_punctuation(char32_t c);      // P*, and what is punctuation to ASCII: $+<=>^`|~
bool is_mark(char32_t c);             // M*
bool is_nonspacing_mark(char32_t c);  // Mn

bool is_control(char32_t c);  // Cc, Cf, Co
bool is_word(char32_t c);     // Alphabetic, M*, Nd, Pc, and the two joiners

inline bool is_joiner(char32_t c) { return c == 0x200C || c == 0x200D; }

void append_lowercase(std::string& out, char32_t c);

bool is_ascii(std::string_view text);

enum class Form { kNfc, kNfd, kNfkc, kNfkd };

// Cuts `text` into the smallest parts whose normal form depends on nothing around them, and hands each to
// `part` as (begin, end, its normal form). Bytes of broken UTF-8 are parts of their own and stay as they are.
// n log n in the longest run of marks, else linear.
void for_each_normalized(std::string_view text, Form form,
                         const std::function<void(size_t begin, size_t end, std::string_view normal)>& part);

// Whether a user would see a border between the characters: extended grapheme clusters of UAX #29. `state` is
// 0 at the text's beginning and carried from call to call.
bool is_grapheme_break(char32_t before, char32_t after, int& state);

}  // namespace ferrum::unicode
