#include "text/regex_reader.h"

#include <fmt/core.h>

#include <cctype>

#include "base/error.h"
#include "base/numbers.h"
#include "base/utf8.h"

namespace ferrum {
namespace {

constexpr char32_t kMostCode = 0x10FFFF;

bool is_digit(char c, int base) {
  const auto byte = static_cast<unsigned char>(c);
  return base == 16 ? std::isxdigit(byte) != 0 : c >= '0' && c < '0' + base;
}

char32_t value_of(char c) {
  if (c >= '0' && c <= '9') return static_cast<char32_t>(c - '0');
  return static_cast<char32_t>((c | 0x20) - 'a' + 10);
}

}  // namespace

void PatternReader::refuse(std::string_view why) const {
  fail(ErrorCode::kUnsupported, "{}: the regular expression {} does not compile: {}", where_,
       in_quotes(in_, 400), why);
}

bool PatternReader::take(std::string_view text) {
  if (!sees(text)) return false;
  at_ += text.size();
  return true;
}

std::string PatternReader::digits() {
  std::string all;
  while (is_digit(peek(), 10)) all += take_byte();
  return all;
}

std::string PatternReader::until(std::string_view end) {
  const size_t found = in_.find(end, at_);
  if (found == std::string_view::npos) refuse(fmt::format("{} is missing", end));
  std::string text(in_.substr(at_, found - at_));
  at_ = found + end.size();
  return text;
}

char32_t PatternReader::character() {
  const utf8::Decoded decoded = utf8::decode(in_.substr(at_));
  if (!decoded.valid) refuse("it is not UTF-8");
  at_ += decoded.size;
  return decoded.code_point;
}

char32_t PatternReader::escaped_character() {
  if (at_end()) refuse("a backslash at its end");
  switch (peek()) {
    case 'n':
      return ++at_, U'\n';
    case 'r':
      return ++at_, U'\r';
    case 't':
      return ++at_, U'\t';
    case 'f':
      return ++at_, U'\f';
    case 'v':
      return ++at_, U'\v';
    case 'a':
      return ++at_, U'\a';
    case 'e':
      return ++at_, U'\x1B';
    case 'u':
      return ++at_, code(16, 4, 4);
    case 'x':
      ++at_;
      return take("{") ? braced_code(16) : bytes_of_character(code(16, 0, 2));
    case 'o':
      ++at_;
      return take("{") ? braced_code(8) : U'o';
    case 'c':
      ++at_;
      return with_control_key();
    case 'C':
      ++at_;
      return take("-") ? with_control_key() : U'C';
    case 'M':
      if (peek(1) == '-') refuse("\\M-, a character with the meta key");
      return character();
    default:
      return is_digit(peek(), 8) ? bytes_of_character(code(8, 1, 3)) : character();
  }
}

char32_t PatternReader::code(int base, size_t least, size_t most) {
  char32_t value = 0;
  size_t read = 0;
  for (; read < most && is_digit(peek(), base); ++read)
    value = value * static_cast<char32_t>(base) + value_of(take_byte());
  if (read < least) refuse("an escape with too few digits");
  if (value > kMostCode || (value >= 0xD800 && value < 0xE000)) refuse("an escape that is no character");
  return value;
}

char32_t PatternReader::braced_code(int base) {
  const char32_t value = code(base, 1, base == 16 ? 8 : 11);
  if (!take("}")) refuse("a code in braces that is not one number");
  return value;
}

char32_t PatternReader::with_control_key() {
  if (at_end() || peek() == '\\') refuse("\\c without a plain character");
  const char32_t c = character();
  return c == U'?' ? U'\x7F' : c & 0x9F;
}

// Codes of two digits are bytes: those from 80 on spell a character in UTF-8 together.
char32_t PatternReader::bytes_of_character(char32_t first) {
  if (first < 0x80) return first;
  if (first > 0xFF) refuse("an octal escape of more than a byte");
  std::string bytes(1, static_cast<char>(first));
  while (utf8::incomplete_tail(bytes) > 0 && sees("\\") &&
         (peek(1) == 'x' ? peek(2) != '{' : is_digit(peek(1), 8))) {
    ++at_;
    bytes += static_cast<char>(take("x") ? code(16, 0, 2) : code(8, 1, 3));
  }
  const utf8::Decoded decoded = utf8::decode(bytes);
  if (!decoded.valid || decoded.size != bytes.size())
    refuse("escapes of bytes that are no character in UTF-8");
  return decoded.code_point;
}

std::string spelled_in_pcre2(char32_t c) {
  switch (c) {
    case U'\n':
      return "\\n";
    case U'\r':
      return "\\r";
    case U'\t':
      return "\\t";
    case U' ':
      return " ";
    default:
      break;
  }
  if (c < 0x20 || c == 0x7F) return fmt::format("\\x{{{:x}}}", static_cast<uint32_t>(c));
  std::string text;
  if (c < 0x80 && std::ispunct(static_cast<int>(c)) != 0) text = "\\";
  utf8::append(text, c);
  return text;
}

}  // namespace ferrum
