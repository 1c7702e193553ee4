#include "text/jinja/string_literal.h"

#include <cstdint>

#include "base/utf8.h"

namespace ferrum::jinja {
namespace {

std::optional<uint32_t> digit(char c, uint32_t base) {
  uint32_t value = base;
  if (c >= '0' && c <= '9') value = static_cast<uint32_t>(c - '0');
  if (c >= 'a' && c <= 'f') value = static_cast<uint32_t>(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') value = static_cast<uint32_t>(c - 'A') + 10;
  return value < base ? std::optional(value) : std::nullopt;
}

class Unescaper {
 public:
  explicit Unescaper(std::string_view rest) : rest_(rest) {}

  std::optional<std::string> run() {
    while (!rest_.empty()) {
      const size_t plain = std::min(rest_.find('\\'), rest_.size());
      out_.append(rest_.substr(0, plain));
      rest_.remove_prefix(plain);
      if (rest_.empty()) break;
      if (rest_.size() == 1) return std::nullopt;
      const char kind = rest_[1];
      rest_.remove_prefix(2);
      if (!resolve(kind)) return std::nullopt;
    }
    return std::move(out_);
  }

 private:
  bool resolve(char kind) {
    switch (kind) {
      case '\n':
        return true;  // a line continuation
      case '\\':
      case '\'':
      case '"':
        out_ += kind;
        return true;
      case 'a':
        out_ += '\a';
        return true;
      case 'b':
        out_ += '\b';
        return true;
      case 'f':
        out_ += '\f';
        return true;
      case 'n':
        out_ += '\n';
        return true;
      case 'r':
        out_ += '\r';
        return true;
      case 't':
        out_ += '\t';
        return true;
      case 'v':
        out_ += '\v';
        return true;
      case 'x':
        return hexadecimal(2);
      case 'u':
        return hexadecimal(4);
      case 'U':
        return hexadecimal(8);
      case 'N':
        return false;  // escapes by character name (\N{…}), which templates do not use
      default:
        break;
    }
    if (kind >= '0' && kind <= '7') return octal(kind);
    out_ += '\\';
    out_ += kind;
    return true;
  }

  bool hexadecimal(size_t digits) {
    if (rest_.size() < digits) return false;
    uint32_t value = 0;
    for (size_t i = 0; i < digits; ++i) {
      const std::optional<uint32_t> d = digit(rest_[i], 16);
      if (!d) return false;
      value = value * 16 + *d;
    }
    rest_.remove_prefix(digits);
    // In Python, halves of a surrogate pair stay separate and cannot be printed.
    if (value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return false;
    utf8::append(out_, value);
    return true;
  }

  bool octal(char first) {
    uint32_t value = static_cast<uint32_t>(first - '0');
    for (int i = 0; i < 2 && !rest_.empty(); ++i) {
      const std::optional<uint32_t> d = digit(rest_[0], 8);
      if (!d) break;
      value = value * 8 + *d;
      rest_.remove_prefix(1);
    }
    utf8::append(out_, value);
    return true;
  }

  std::string_view rest_;
  std::string out_;
};

}  // namespace

std::optional<std::string> unescaped(std::string_view literal) { return Unescaper(literal).run(); }

}  // namespace ferrum::jinja
