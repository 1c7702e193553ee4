#include "base/utf8.h"

#include <algorithm>

namespace ferrum::utf8 {
namespace {

constexpr bool is_continuation(unsigned char c) { return (c & 0xC0) == 0x80; }

// The length in bytes of a sequence that begins with `c`; 0 if `c` cannot begin one.
constexpr size_t sequence_length(unsigned char c) {
  if (c < 0x80) return 1;
  if (c >= 0xC2 && c <= 0xDF) return 2;
  if (c >= 0xE0 && c <= 0xEF) return 3;
  if (c >= 0xF0 && c <= 0xF4) return 4;
  return 0;
}

// Whether `second` may follow `first` (rules out overlong forms, surrogates and values past U+10FFFF).
constexpr bool second_byte_fits(unsigned char first, unsigned char second) {
  if (!is_continuation(second)) return false;
  switch (first) {
    case 0xE0:
      return second >= 0xA0;
    case 0xED:
      return second <= 0x9F;
    case 0xF0:
      return second >= 0x90;
    case 0xF4:
      return second <= 0x8F;
    default:
      return true;
  }
}

}  // namespace

Decoded decode(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const size_t n = sequence_length(byte(0));
  if (n == 1) return {byte(0), 1, true};
  if (n == 0 || text.size() < n || !second_byte_fits(byte(0), byte(1))) return {};
  char32_t value = byte(0) & (0x7F >> n);
  for (size_t i = 1; i < n; ++i) {
    if (!is_continuation(byte(i))) return {};
    value = (value << 6) | (byte(i) & 0x3F);
  }
  return {value, n, true};
}

void append(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | (c >> 6));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | (c >> 12));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (c >> 18));
    out += static_cast<char>(0x80 | ((c >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

bool is_valid(std::string_view text) {
  while (!text.empty()) {
    const Decoded d = decode(text);
    if (!d.valid) return false;
    text.remove_prefix(d.size);
  }
  return true;
}

size_t incomplete_tail(std::string_view text) {
  for (size_t back = 1; back <= std::min<size_t>(3, text.size()); ++back) {
    const auto c = static_cast<unsigned char>(text[text.size() - back]);
    if (is_continuation(c)) continue;
    if (sequence_length(c) <= back) return 0;
    if (back > 1 && !second_byte_fits(c, static_cast<unsigned char>(text[text.size() - back + 1]))) return 0;
    return back;
  }
  return 0;
}

std::string sanitized(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Decoded d = decode(text);
    if (d.valid)
      out.append(text.substr(0, d.size));
    else
      append(out, kReplacement);
    text.remove_prefix(d.size);
  }
  return out;
}

}  // namespace ferrum::utf8
