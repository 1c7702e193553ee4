#include "text/byte_alphabet.h"

#include <array>

#include "base/utf8.h"

namespace ferrum::byte_alphabet {
namespace {

struct Alphabet {
  std::array<char32_t, 256> letter{};
  std::array<int, 0x180> byte{};  // by letter; -1: not a letter of the alphabet

  Alphabet() {
    byte.fill(-1);
    char32_t next = 0x100;
    for (int b = 0; b < 256; ++b) {
      const bool printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      const char32_t c = printable ? static_cast<char32_t>(b) : next++;
      letter[static_cast<size_t>(b)] = c;
      byte[c] = b;
    }
  }
};

const Alphabet& alphabet() {
  static const Alphabet a;
  return a;
}

}  // namespace

std::string spell(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) utf8::append(out, alphabet().letter[static_cast<unsigned char>(c)]);
  return out;
}

std::optional<std::string> read(std::string_view letters) {
  std::string out;
  out.reserve(letters.size());
  for (size_t i = 0; i < letters.size();) {
    const utf8::Decoded d = utf8::decode(letters.substr(i));
    if (!d.valid || d.code_point >= alphabet().byte.size()) return std::nullopt;
    const int b = alphabet().byte[d.code_point];
    if (b < 0) return std::nullopt;
    out += static_cast<char>(b);
    i += d.size;
  }
  return out;
}

}  // namespace ferrum::byte_alphabet
