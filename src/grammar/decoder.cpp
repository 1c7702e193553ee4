#include "grammar/decoder.h"

#include <algorithm>

namespace ferrum::grammar {
namespace {

// A state is a mode above the value read so far.
enum Mode : uint32_t {
  kPlain = 0,
  kTail1 = 1,  // this many bytes of UTF-8 are to come
  kTail3 = 3,
  kEscape = 4,  // behind a backslash
  kHex = 5,     // behind \u and 0 … 3 digits: kHex + digits
  kHigh = 9,    // behind the first half of a pair; the value is its low 10 bits
  kHighSlash = 10,
  kLowHex = 11,  // behind the pair's second \u and 0 … 3 digits
};

constexpr uint32_t make(uint32_t mode, uint32_t value) { return mode << 24 | value; }
constexpr uint32_t mode_of(uint32_t state) { return state >> 24; }
constexpr uint32_t value_of(uint32_t state) { return state & 0xFFFFFF; }

constexpr Decoded partial(uint32_t state) { return {Decoded::Kind::kPartial, state, 0}; }
constexpr Decoded character(char32_t c) { return {Decoded::Kind::kCharacter, 0, c}; }

int hex_digit(uint8_t byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  const uint8_t lower = byte | 0x20;
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

Decoded escape(uint8_t byte) {
  switch (byte) {
    case '"':
    case '\\':
    case '/':
      return character(byte);
    case 'b':
      return character('\b');
    case 'f':
      return character('\f');
    case 'n':
      return character('\n');
    case 'r':
      return character('\r');
    case 't':
      return character('\t');
    case 'u':
      return partial(make(kHex, 0));
    default:
      return {};
  }
}

Decoded hex(uint32_t digits, uint32_t value, uint8_t byte) {
  const int digit = hex_digit(byte);
  if (digit < 0) return {};
  value = value << 4 | static_cast<uint32_t>(digit);
  if (digits == 1 && value >= 0xDC && value <= 0xDF) return {};  // the second half of a pair comes second
  if (digits < 3) return partial(make(kHex + digits + 1, value));
  if (value >= 0xD800 && value <= 0xDBFF) return partial(make(kHigh, value - 0xD800));
  return character(value);
}

Decoded low_hex(uint32_t digits, uint32_t value, uint8_t byte) {
  const int digit = hex_digit(byte);
  if (digit < 0) return {};
  if (digits == 0) return digit == 0xD ? partial(make(kLowHex + 1, value)) : Decoded{};
  if (digits == 1)
    return digit >= 0xC ? partial(make(kLowHex + 2, value << 2 | static_cast<uint32_t>(digit - 0xC)))
                        : Decoded{};
  value = value << 4 | static_cast<uint32_t>(digit);
  return digits == 2 ? partial(make(kLowHex + 3, value)) : character(0x10000 + value);
}

}  // namespace

Decoded decode_utf8(uint32_t state, uint8_t byte) {
  if (state == 0) {
    if (byte < 0x80) return character(byte);
    if (byte >= 0xC2 && byte <= 0xDF) return partial(make(kTail1, byte & 0x1F));
    if (byte >= 0xE0 && byte <= 0xEF) return partial(make(kTail1 + 1, byte & 0x0F));
    if (byte >= 0xF0 && byte <= 0xF4) return partial(make(kTail3, byte & 0x07));
    return {};
  }
  if (byte < 0x80 || byte > 0xBF) return {};
  const uint32_t mode = mode_of(state), value = value_of(state);
  // Overlong forms, surrogates, and what lies beyond the last code point.
  if (mode == 2 && ((value == 0 && byte < 0xA0) || (value == 0xD && byte > 0x9F))) return {};
  if (mode == 3 && ((value == 0 && byte < 0x90) || (value == 4 && byte > 0x8F))) return {};
  const uint32_t more = value << 6 | (byte & 0x3F);
  return mode == kTail1 ? character(more) : partial(make(mode - 1, more));
}

Decoded decode_json(uint32_t state, uint8_t byte) {
  if (state == 0) {
    if (byte == '"') return {Decoded::Kind::kQuote, 0, 0};
    if (byte == '\\') return partial(make(kEscape, 0));
    return byte < 0x20 ? Decoded{} : decode_utf8(0, byte);
  }
  const uint32_t mode = mode_of(state), value = value_of(state);
  if (mode <= kTail3) return decode_utf8(state, byte);
  if (mode == kEscape) return escape(byte);
  if (mode < kHigh) return hex(mode - kHex, value, byte);
  if (mode == kHigh) return byte == '\\' ? partial(make(kHighSlash, value)) : Decoded{};
  if (mode == kHighSlash) return byte == 'u' ? partial(make(kLowHex, value)) : Decoded{};
  return low_hex(mode - kLowHex, value, byte);
}

Possible possible_characters(uint32_t decoding) {
  const uint32_t mode = mode_of(decoding), value = value_of(decoding);
  const auto one = [](uint32_t first, uint32_t last) { return Possible{{{first, last}, {}}, 1}; };
  if (mode <= kTail3) {
    const uint32_t bits = 6 * mode;
    uint32_t first = value << bits;
    const uint32_t last = first | ((1U << bits) - 1);
    if (mode == 2 && value == 0) first = 0x800;
    if (mode == 3 && value == 0) first = 0x10000;
    return one(first, std::min<uint32_t>(last, kLastCodePoint));
  }
  if (mode == kEscape) return one(0, kLastCodePoint);
  if (mode < kHigh) {
    const uint32_t bits = 4 * (4 - (mode - kHex));
    const uint32_t first = value << bits, last = first | ((1U << bits) - 1);
    const uint32_t high = std::max<uint32_t>(first, 0xD800), highest = std::min<uint32_t>(last, 0xDBFF);
    Possible out = one(first, last);
    if (high <= highest)
      out.ranges[out.count++] = {0x10000 + ((high - 0xD800) << 10),
                                 0x10000 + ((highest - 0xD800) << 10) + 0x3FF};
    return out;
  }
  const uint32_t digits = mode < kLowHex ? 0 : mode - kLowHex;
  const uint32_t bits = digits <= 1 ? 10 : digits == 2 ? 8 : 4;
  const uint32_t first = 0x10000 + (value << bits);
  return one(first, first | ((1U << bits) - 1));
}

bool is_possible(const Automaton& automaton, uint32_t state, uint32_t count, uint32_t decoding) {
  if (automaton.takes_all()) return true;
  const Possible possible = possible_characters(decoding);
  for (int i = 0; i < possible.count; ++i)
    if (automaton.has_next_in(state, count, possible.ranges[i].first, possible.ranges[i].last)) return true;
  return false;
}

}  // namespace ferrum::grammar
