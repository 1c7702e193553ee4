#include "grammar/decimal.h"

#include <algorithm>

namespace ferrum::grammar {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::optional<Decimal> Decimal::parse(std::string_view text) {
  Decimal out;
  size_t at = 0;
  const auto peek = [&] { return at < text.size() ? text[at] : '\0'; };
  if (peek() == '-') out.is_negative_ = true, ++at;
  if (!is_digit(peek())) return std::nullopt;
  if (peek() == '0' && at + 1 < text.size() && is_digit(text[at + 1])) return std::nullopt;
  while (is_digit(peek())) out.digits_ += text[at++];
  if (peek() == '.') {
    ++at;
    if (!is_digit(peek())) return std::nullopt;
    while (is_digit(peek())) out.digits_ += text[at++], --out.exponent_;
  }
  if (peek() == 'e' || peek() == 'E') {
    ++at;
    const bool is_negative = peek() == '-';
    if (peek() == '-' || peek() == '+') ++at;
    if (!is_digit(peek())) return std::nullopt;
    int64_t exponent = 0;
    while (is_digit(peek())) {
      exponent = exponent * 10 + (text[at++] - '0');
      if (exponent > 1'000'000'000) return std::nullopt;
    }
    out.exponent_ += is_negative ? -exponent : exponent;
  }
  if (at != text.size()) return std::nullopt;
  while (!out.digits_.empty() && out.digits_.back() == '0') out.digits_.pop_back(), ++out.exponent_;
  out.digits_.erase(0, std::min(out.digits_.find_first_not_of('0'), out.digits_.size()));
  if (out.digits_.empty()) out.exponent_ = 0, out.is_negative_ = false;
  return out;
}

std::strong_ordering Decimal::magnitude_against(const Decimal& other) const {
  if (is_zero() || other.is_zero()) return !is_zero() <=> !other.is_zero();
  const int64_t top = exponent_ + static_cast<int64_t>(digits_.size());
  const int64_t other_top = other.exponent_ + static_cast<int64_t>(other.digits_.size());
  if (top != other_top) return top <=> other_top;
  return digits_.compare(other.digits_) <=> 0;  // neither ends in a zero, so the longer of two is the larger
}

std::strong_ordering Decimal::operator<=>(const Decimal& other) const {
  if (is_negative_ != other.is_negative_)
    return is_negative_ ? std::strong_ordering::less : std::strong_ordering::greater;
  return is_negative_ ? other.magnitude_against(*this) : magnitude_against(other);
}

bool Decimal::is_multiple_of(const Decimal& divisor) const {
  if (is_zero()) return true;
  if (exponent_ < divisor.exponent_) return false;  // the last digit is no zero
  uint64_t modulus = 0;
  for (const char c : divisor.digits_) modulus = modulus * 10 + static_cast<uint64_t>(c - '0');
  unsigned __int128 rest = 0;
  for (const char c : digits_) rest = (rest * 10 + static_cast<unsigned>(c - '0')) % modulus;
  unsigned __int128 power = 10 % modulus;
  for (auto n = static_cast<uint64_t>(exponent_ - divisor.exponent_); n > 0; n /= 2) {
    if (n % 2 == 1) rest = rest * power % modulus;
    power = power * power % modulus;
  }
  return rest == 0;
}

std::optional<int64_t> Decimal::small_integer() const {
  if (!is_integer() || static_cast<int64_t>(digits_.size()) + exponent_ > 15) return std::nullopt;
  int64_t value = 0;
  for (const char c : digits_) value = value * 10 + (c - '0');
  for (int64_t i = 0; i < exponent_ && !is_zero(); ++i) value *= 10;
  return is_negative_ ? -value : value;
}

std::optional<std::string> Decimal::plain(size_t most) const {
  if (is_zero()) return "0";
  const auto size = static_cast<int64_t>(digits_.size());
  if (std::max(exponent_, int64_t{0}) + size > static_cast<int64_t>(most) ||
      -exponent_ > static_cast<int64_t>(most))
    return std::nullopt;
  std::string out = digits_;
  if (exponent_ >= 0) {
    out.append(static_cast<size_t>(exponent_), '0');
  } else {
    const auto fraction = static_cast<size_t>(-exponent_);
    if (out.size() <= fraction) out.insert(0, fraction - out.size() + 1, '0');
    out.insert(out.size() - fraction, ".");
  }
  return (is_negative_ ? "-" : "") + out;
}

std::string Decimal::canonical() const {
  return (is_negative_ ? "-" : "") + digits_ + "e" + std::to_string(exponent_);
}

}  // namespace ferrum::grammar
