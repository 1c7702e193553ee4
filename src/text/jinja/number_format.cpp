#include "text/jinja/number_format.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "text/jinja/failure.h"
#include "text/jinja/repr.h"
#include "text/jinja/strings.h"

namespace ferrum::jinja {
namespace {

constexpr size_t kMostPrecision = 1000;  // further digits carry no information

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_align(char c) { return c == '<' || c == '>' || c == '^' || c == '='; }

size_t take_number(std::string_view& rest) {
  size_t number = 0;
  while (!rest.empty() && is_digit(rest[0])) {
    number = number * 10 + static_cast<size_t>(rest[0] - '0');
    if (number > 1'000'000'000) raise_error("Too many decimal digits in format string");
    rest.remove_prefix(1);
  }
  return number;
}

bool take(std::string_view& rest, char c) {
  if (!rest.starts_with(c)) return false;
  rest.remove_prefix(1);
  return true;
}

std::string grouped(std::string_view digits, char separator, size_t every) {
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % every == 0) out += separator;
    out += digits[i];
  }
  return out;
}

struct Number {
  std::string sign_and_prefix;
  std::string digits;
};

void append_number(TextBuilder& out, const Number& number, const FormatSpec& spec) {
  const size_t size = number.sign_and_prefix.size() + number.digits.size();
  const size_t padding = spec.width > size ? spec.width - size : 0;
  const char align = spec.align ? spec.align : '>';
  const size_t left = align == '>' ? padding : align == '^' ? padding / 2 : 0;
  out.pad(left, spec.fill);
  out.append(number.sign_and_prefix);
  if (align == '=') out.pad(padding, spec.fill);
  out.append(number.digits);
  if (align == '<' || align == '^') out.pad(padding - left, spec.fill);
}

std::string sign_of(bool negative, const FormatSpec& spec) {
  if (negative) return "-";
  return spec.sign == '-' ? "" : std::string(1, spec.sign);
}

std::string float_digits(double magnitude, const FormatSpec& spec) {
  const size_t precision = spec.precision.value_or(6);
  switch (spec.type) {
    case 0:
      if (!spec.precision) return float_repr(magnitude);
      {
        std::string text = fmt::format("{:.{}g}", magnitude, std::max<size_t>(precision, 1));
        if (std::isfinite(magnitude) && text.find_first_of(".e") == std::string::npos) text += ".0";
        return text;
      }
    case 'e':
      return fmt::format("{:.{}e}", magnitude, precision);
    case 'E':
      return fmt::format("{:.{}E}", magnitude, precision);
    case 'f':
      return fmt::format("{:.{}f}", magnitude, precision);
    case 'F':
      return fmt::format("{:.{}F}", magnitude, precision);
    case 'g':
      return fmt::format("{:.{}g}", magnitude, std::max<size_t>(precision, 1));
    case 'G':
      return fmt::format("{:.{}G}", magnitude, std::max<size_t>(precision, 1));
    case '%':
      return fmt::format("{:.{}f}%", magnitude * 100, precision);
    default:
      raise_error("Unknown format code '{}' for object of type 'float'", spec.type);
  }
}

}  // namespace

FormatSpec parse_format_spec(std::string_view text) {
  FormatSpec spec;
  std::string_view rest = text;
  const size_t first = rest.empty() ? 0 : code_point_size(rest);
  if (rest.size() > first && is_align(rest[first])) {
    spec.fill = rest.substr(0, first);
    spec.align = rest[first];
    rest.remove_prefix(first + 1);
  } else if (!rest.empty() && is_align(rest[0])) {
    spec.align = rest[0];
    rest.remove_prefix(1);
  }
  for (const char sign : {'+', '-', ' '})
    if (take(rest, sign)) {
      spec.sign = sign;
      break;
    }
  spec.alternate = take(rest, '#');
  if (take(rest, '0') && !spec.align) {
    spec.fill = "0";
    spec.align = '=';
  }
  spec.width = take_number(rest);
  for (const char separator : {',', '_'})
    if (take(rest, separator)) spec.grouping = separator;
  if (take(rest, '.')) {
    if (rest.empty() || !is_digit(rest[0])) raise_error("Format specifier missing precision");
    spec.precision = take_number(rest);
  }
  if (!rest.empty()) {
    spec.type = rest[0];
    rest.remove_prefix(1);
  }
  if (!rest.empty()) raise_error("Invalid format specifier {}", in_quotes(text));
  return spec;
}

void append_formatted(TextBuilder& out, int64_t value, const FormatSpec& spec) {
  const bool negative = value < 0;
  const uint64_t magnitude = negative ? -static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  Number number{sign_of(negative, spec), ""};
  size_t group = 4;
  switch (spec.type) {
    case 0:
    case 'd':
      number.digits = fmt::format("{}", magnitude);
      group = 3;
      break;
    case 'x':
      number.digits = fmt::format("{:x}", magnitude);
      break;
    case 'X':
      number.digits = fmt::format("{:X}", magnitude);
      break;
    case 'o':
      number.digits = fmt::format("{:o}", magnitude);
      break;
    case 'b':
      number.digits = fmt::format("{:b}", magnitude);
      break;
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
    case '%':
      append_formatted(out, static_cast<double>(value), spec);
      return;
    default:
      raise_error("Unknown format code '{}' for object of type 'int'", spec.type);
  }
  if (spec.alternate && spec.type && spec.type != 'd') number.sign_and_prefix += std::string("0") + spec.type;
  // The minimum number of digits, in % formatting.
  if (spec.precision && number.digits.size() < *spec.precision)
    number.digits.insert(0, std::min(*spec.precision, kMostPrecision) - number.digits.size(), '0');
  if (spec.grouping) number.digits = grouped(number.digits, spec.grouping, group);
  append_number(out, number, spec);
}

void append_formatted(TextBuilder& out, double value, const FormatSpec& spec) {
  if (spec.precision && *spec.precision > kMostPrecision) raise_error("precision too big");
  const bool negative = std::signbit(value) && !std::isnan(value);
  Number number{sign_of(negative, spec), float_digits(std::abs(value), spec)};
  if (spec.grouping) {
    const size_t whole = std::min(number.digits.find_first_not_of("0123456789"), number.digits.size());
    number.digits = grouped(number.digits.substr(0, whole), spec.grouping, 3) + number.digits.substr(whole);
  }
  append_number(out, number, spec);
}

void append_formatted(TextBuilder& out, const Text& value, const FormatSpec& spec) {
  if (spec.type && spec.type != 's')
    raise_error("Unknown format code '{}' for object of type 'str'", spec.type);
  if (spec.sign != '-') raise_error("Sign not allowed in string format specifier");
  if (spec.grouping) raise_error("Cannot specify '{}' with 's'.", spec.grouping);
  if (spec.align == '=' && spec.fill != "0")
    raise_error("'=' alignment not allowed in string format specifier");
  const size_t bytes = spec.precision ? byte_of_code_point(value.view(), *spec.precision) : value.size();
  const Text shown = value.slice(0, bytes);
  out.budget().scan(value.size());
  const size_t size = count_code_points(shown.view());
  const size_t padding = spec.width > size ? spec.width - size : 0;
  const char align = spec.align ? spec.align : '<';
  const size_t left = align == '>' ? padding : align == '^' ? padding / 2 : 0;
  out.pad(left, spec.fill);
  out.append(shown);
  out.pad(padding - left, spec.fill);
}

}  // namespace ferrum::jinja
