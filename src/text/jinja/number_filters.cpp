// Filters on numbers, and from text to numbers.
#include <array>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "text/jinja/failure.h"
#include "text/jinja/filters.h"
#include "text/jinja/operators.h"
#include "text/jinja/parameters.h"
#include "text/jinja/strings.h"

namespace ferrum::jinja {
namespace {

Value absolute(Runtime&, const Value& input, const Arguments& arguments) {
  const Parameters p("abs", {}, arguments);
  require_defined(input);
  if (const double* d = input.get<double>()) return std::abs(*d);
  const std::optional<int64_t> i = as_integer(input);
  if (!i) raise_error("bad operand type for abs(): '{}'", type_name(input));
  return *i < 0 ? negate(*i) : Value(*i);
}

// Digits as in Python's int() and float(): surrounding white space, single underscores between digits.
std::optional<std::string> plain_digits(Budget& budget, const Text& text) {
  budget.walk(text.size());
  const Text stripped = strip(budget, text, Side::kBoth);
  std::string digits;
  for (size_t i = 0; i < stripped.size(); ++i) {
    const char c = stripped.view()[i];
    const auto is_letter_at = [&](size_t at) {
      return at < stripped.size() && std::isalnum(static_cast<unsigned char>(stripped.view()[at]));
    };
    if (c == '_' && i > 0 && is_letter_at(i - 1) && is_letter_at(i + 1)) continue;
    if (c == '_') return std::nullopt;
    digits += c;
  }
  if (digits.starts_with('+') && digits.size() > 1 && digits[1] != '-') digits.erase(0, 1);
  return digits;
}

std::optional<int64_t> parse_integer(Budget& budget, const Text& text, int base) {
  std::optional<std::string> digits = plain_digits(budget, text);
  if (!digits) return std::nullopt;
  const bool negative = digits->starts_with('-');
  std::string_view rest = std::string_view(*digits).substr(negative ? 1 : 0);
  const std::string_view prefix = base == 16 ? "0x" : base == 8 ? "0o" : base == 2 ? "0b" : "";
  if (!prefix.empty() && rest.size() > 2 && rest[0] == '0' && std::tolower(rest[1]) == prefix[1])
    rest.remove_prefix(2);
  const std::string number = (negative ? "-" : "") + std::string(rest);
  int64_t value = 0;
  const auto end = std::from_chars(number.data(), number.data() + number.size(), value, base);
  if (end.ec == std::errc::result_out_of_range) raise_error("integer out of range");
  if (end.ec != std::errc() || end.ptr != number.data() + number.size()) return std::nullopt;
  return value;
}

std::optional<double> parse_float(Budget& budget, const Text& text) {
  const std::optional<std::string> digits = plain_digits(budget, text);
  if (!digits || digits->empty() || digits->starts_with("0x")) return std::nullopt;
  double value = 0;
  const auto end = std::from_chars(digits->data(), digits->data() + digits->size(), value);
  if (end.ptr != digits->data() + digits->size()) return std::nullopt;
  if (end.ec == std::errc::result_out_of_range) return std::strtod(digits->c_str(), nullptr);
  return end.ec == std::errc() ? std::optional(value) : std::nullopt;
}

std::optional<int64_t> truncated(double value) {
  constexpr double kPastLargest = 9223372036854775808.0;
  if (!std::isfinite(value)) return std::nullopt;
  if (!(std::abs(value) < kPastLargest)) raise_error("integer out of range");
  return static_cast<int64_t>(value);
}

Value to_integer(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("int", {"default", "base"}, arguments);
  require_defined(input);
  const Value otherwise = p.find(0) ? *p.find(0) : Value(0);
  if (const std::optional<int64_t> i = as_integer(input)) return *i;
  std::optional<double> number = as_number(input);
  if (const Text* text = input.text()) {
    const int64_t base = p.integer(1, 10);
    if (base < 2 || base > 36) raise_error("int() base must be >= 2 and <= 36");
    if (const std::optional<int64_t> i = parse_integer(runtime.budget, *text, static_cast<int>(base)))
      return *i;
    number = parse_float(runtime.budget, *text);
  }
  const std::optional<int64_t> whole = number ? truncated(*number) : std::nullopt;
  return whole ? Value(*whole) : otherwise;
}

Value to_float(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("float", {"default"}, arguments);
  require_defined(input);
  if (const std::optional<double> number = as_number(input)) return *number;
  if (const Text* text = input.text()) {
    if (const std::optional<double> number = parse_float(runtime.budget, *text)) return *number;
  }
  return p.find(0) ? *p.find(0) : Value(0.0);
}

// Rounds the exact binary value to `digits` decimals, halves to even, as Python's round does.
double rounded(double value, int64_t digits) {
  constexpr int64_t kAllDigits = 330;
  if (!std::isfinite(value) || digits > kAllDigits) return value;
  if (digits < -kAllDigits) return std::copysign(0.0, value);
  if (digits < 0) {
    const double unit = std::pow(10.0, static_cast<double>(-digits));
    return std::nearbyint(value / unit) * unit;
  }
  return std::strtod(fmt::format("{:.{}f}", value, digits).c_str(), nullptr);
}

Value round_filter(Runtime&, const Value& input, const Arguments& arguments) {
  const Parameters p("round", {"precision", "method"}, arguments);
  require_defined(input);
  const std::optional<double> number = as_number(input);
  if (!number) raise_error("type {} doesn't define __round__ method", type_name(input));
  const int64_t precision = p.integer(0, 0);
  const Text method = p.text(1, "common");
  if (method.view() == "common") {
    if (!input.get<double>() && precision >= 0) return *as_integer(input);
    const double result = rounded(*number, precision);
    return input.get<double>() ? Value(result) : Value(static_cast<int64_t>(result));
  }
  if (method.view() != "ceil" && method.view() != "floor")
    raise_error("method must be common, ceil or floor");
  const double unit = std::pow(10.0, static_cast<double>(precision));
  const double scaled = *number * unit;
  return (method.view() == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / unit;
}

constexpr std::array kFilters = {Filter{"abs", absolute}, Filter{"float", to_float},
                                 Filter{"int", to_integer}, Filter{"round", round_filter}};

}  // namespace

std::span<const Filter> number_filters() { return kFilters; }

}  // namespace ferrum::jinja
