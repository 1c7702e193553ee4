// Sets of bytes as one number: bytes that grammars seldom tell apart share a bit.
#pragma once
#include <array>
#include <cstdint>

namespace ferrum::grammar {

namespace byte_classes {

inline constexpr std::array<uint8_t, 256> kClassOf = [] {
  std::array<uint8_t, 256> out{};
  uint8_t next = 0;
  const auto range = [&](unsigned first, unsigned last) {
    for (unsigned byte = first; byte <= last; ++byte) out[byte] = next;
    ++next;
  };
  range(0x00, 0x1F);
  for (const unsigned byte : {'\t', '\n', '\r'}) range(byte, byte);
  for (unsigned byte = 0x20; byte < 0x80; ++byte) {
    const bool is_alone =
        byte < '0' || (byte > '9' && byte < 'A') || (byte > 'Z' && byte < 'a') || byte > 'z';
    if (is_alone) range(byte, byte);
  }
  range('0', '0');
  range('1', '9');
  range('A', 'F');
  range('G', 'Z');
  range('a', 'f');
  range('g', 'z');
  range(0x80, 0xFF);
  return out;
}();

inline constexpr uint64_t bit_of(uint8_t byte) { return uint64_t{1} << kClassOf[byte]; }
inline constexpr uint64_t kBackslash = bit_of('\\');
inline constexpr uint64_t kNotAscii = bit_of(0x80);
inline constexpr uint64_t kAll = [] {
  uint64_t all = 0;
  for (unsigned byte = 0; byte < 256; ++byte) all |= bit_of(static_cast<uint8_t>(byte));
  return all;
}();

}  // namespace byte_classes

}  // namespace ferrum::grammar
