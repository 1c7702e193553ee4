// Sets of bytes as one number: bytes that grammars seldom tell apart share a bit.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>

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
  for (const unsigned lead : {0xC2, 0xE1, 0xE2, 0xE3, 0xEF}) range(lead, lead);
  return out;
}();

inline constexpr std::array<uint8_t, 64> kSizeOf = [] {  // of classes
  std::array<uint8_t, 64> out{};
  for (const uint8_t of : kClassOf) ++out[of];
  return out;
}();

inline constexpr uint64_t bit_of(uint8_t byte) { return uint64_t{1} << kClassOf[byte]; }
inline constexpr uint64_t kBackslash = bit_of('\\');
inline constexpr uint64_t kAscii = [] {
  uint64_t all = 0;
  for (uint8_t byte = 0; byte < 0x80; ++byte) all |= bit_of(byte);
  return all;
}();
// The bytes with which characters beyond ASCII begin, but for a few: these begin the white space and the line
// ends there, which patterns such as . and \S leave out. The first group is of all other bytes.
struct Lead {
  uint8_t byte;
  char32_t first, last;  // characters
};
inline constexpr Lead kLeads[] = {{0x80, 0x80, 0x10FFFF}, {0xC2, 0x80, 0xBF},     {0xE1, 0x1000, 0x1FFF},
                                  {0xE2, 0x2000, 0x2FFF}, {0xE3, 0x3000, 0x3FFF}, {0xEF, 0xF000, 0xFFFF}};
inline constexpr size_t kLeadCount = std::size(kLeads);
// The group of a byte beyond ASCII.
inline constexpr size_t lead_of(uint8_t byte) {
  for (size_t i = 1; i < kLeadCount; ++i)
    if (kLeads[i].byte == byte) return i;
  return 0;
}
inline constexpr uint64_t kAll = [] {
  uint64_t all = 0;
  for (unsigned byte = 0; byte < 256; ++byte) all |= bit_of(static_cast<uint8_t>(byte));
  return all;
}();

}  // namespace byte_classes

}  // namespace ferrum::grammar
