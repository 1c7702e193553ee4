// UTF-8: decoding, encoding, validation.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace ferrum::utf8 {

inline constexpr char32_t kReplacement = 0xFFFD;

struct Decoded {
  char32_t code_point = kReplacement;
  size_t size = 1;     // bytes consumed; 1 for a byte that does not begin a valid sequence
  bool valid = false;  // false: overlong, surrogate, out of range, truncated, stray continuation
};

// The first code point of `text`, which must not be empty.
Decoded decode(std::string_view text);

void append(std::string& out, char32_t code_point);

bool is_valid(std::string_view text);

// The number of bytes at the end of `text` that begin an incomplete sequence (0 to 3).
size_t incomplete_tail(std::string_view text);

// `text` with each byte outside a valid sequence replaced by U+FFFD.
std::string sanitized(std::string_view text);

}  // namespace ferrum::utf8
