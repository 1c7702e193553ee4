// Parses numbers from command lines, files and headers.
#pragma once
#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>
#include <system_error>

namespace ferrum {

// Parses all of `text` as a decimal T. nullopt for surrounding text, a plus sign, or a value out of range; a
// minus sign is accepted only if T is signed.
template <class T>
std::optional<T> number_from(std::string_view text) {
  T value = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  return error == std::errc() && end == last ? std::optional(value) : std::nullopt;
}

template <std::integral T>
std::optional<T> whole_number(std::string_view text) {
  return number_from<T>(text);
}

}  // namespace ferrum
