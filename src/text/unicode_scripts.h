// The scripts of characters, for pre-tokenizers that split between scripts
// (https://github.com/google/sentencepiece: unicode_script_map.h, which has Unicode 9.0).
#pragma once

namespace ferrum::unicode {

constexpr int kNoScript = 0;

// A number for the script of `c`. Han, Hiragana and Katakana count as one script; a space and characters that
// Unicode 9.0 lacks have none.
int splitting_script(char32_t c);

}  // namespace ferrum::unicode
