// Numbers as JSON writes them, exactly.
#pragma once
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ferrum::grammar {

class Decimal {
 public:
  Decimal() = default;
  // Nothing: no number of JSON, or an exponent beyond ±10^9.
  static std::optional<Decimal> parse(std::string_view text);

  bool is_zero() const { return digits_.empty(); }
  bool is_negative() const { return is_negative_; }
  bool is_integer() const { return digits_.empty() || exponent_ >= 0; }
  // The value is ± digits · 10^exponent; no digits are 0, and neither end is a '0'.
  const std::string& digits() const { return digits_; }
  int64_t exponent() const { return exponent_; }

  std::strong_ordering operator<=>(const Decimal& other) const;
  bool operator==(const Decimal& other) const = default;
  // `divisor` has at most 18 digits and is not 0.
  bool is_multiple_of(const Decimal& divisor) const;
  std::optional<int64_t> small_integer() const;  // up to ±10^15
  // Without an exponent, as short as can be; nothing where that takes over `most` characters.
  std::optional<std::string> plain(size_t most) const;
  std::string canonical() const;  // equal for equal values, and for no others

 private:
  std::strong_ordering magnitude_against(const Decimal& other) const;

  bool is_negative_ = false;
  std::string digits_;
  int64_t exponent_ = 0;
};

}  // namespace ferrum::grammar
