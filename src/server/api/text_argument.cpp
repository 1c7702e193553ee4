#include "server/api/text_argument.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "base/utf8.h"
#include "server/api/json.h"

namespace ferrum::server {
namespace {

constexpr const char* kArgument = "input";
constexpr int kUnitDigits = 4;

unsigned hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  return static_cast<unsigned>((c | 0x20) - 'a') + 10;
}

}  // namespace

std::string text_schema(const std::string& schema) {
  return fmt::format(
      R"({{"type":"object","properties":{{"{0}":{1}}},"required":["{0}"],"additionalProperties":false}})",
      kArgument, schema.empty() ? R"({"type":"string"})" : schema);
}

std::string text_arguments(std::string_view text) {
  return fmt::format(R"({{"{}":{}}})", kArgument, json_string(text));
}

void TextArgument::take(std::string_view json, std::string& out) {
  for (const char c : json) {
    if (place_ == Place::kText)
      take_text(c, out);
    else
      take_key(c);
  }
}

// All that stands before the text: {"input":"
void TextArgument::take_key(char c) {
  if (place_ == Place::kKey && (escaped_ || c == '\\')) {
    escaped_ = !escaped_;
  } else if (c == '"' && place_ < Place::kText) {
    place_ = static_cast<Place>(static_cast<int>(place_) + 1);
  }
}

void TextArgument::take_text(char c, std::string& out) {
  if (digits_ > 0) {
    unit_ = unit_ * 16 + hex_digit(c);
    if (--digits_ == 0) add_unit(out);
  } else if (escaped_) {
    escaped_ = false;
    take_escaped(c, out);
  } else if (c == '\\') {
    escaped_ = true;
  } else if (c == '"') {
    place_ = Place::kBehind;
  } else {
    out += c;
  }
}

void TextArgument::take_escaped(char c, std::string& out) {
  constexpr std::string_view kLetters = "bfnrt";
  constexpr std::string_view kMeanings = "\b\f\n\r\t";
  if (c == 'u') {
    digits_ = kUnitDigits;
    unit_ = 0;
    return;
  }
  const size_t letter = kLetters.find(c);
  out += letter == std::string_view::npos ? c : kMeanings[letter];
}

void TextArgument::add_unit(std::string& out) {
  const bool is_high = unit_ >= 0xD800 && unit_ < 0xDC00;
  const bool is_low = unit_ >= 0xDC00 && unit_ < 0xE000;
  if (is_high)
    high_ = unit_;
  else if (is_low)
    utf8::append(out,
                 high_ == 0 ? utf8::kReplacement : 0x10000 + ((high_ - 0xD800) << 10) + (unit_ - 0xDC00));
  else
    utf8::append(out, unit_);
  if (!is_high) high_ = 0;
}

}  // namespace ferrum::server
