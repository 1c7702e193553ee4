// Numbers as people, files and headers write them.
#pragma once
#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>
#include <system_error>

namespace ferrum {

// All of `text` as a T, in decimal. Nothing where anything stands before or behind the number, where it has a
// plus, or where no T is as large; a minus is part of it only where T has a sign.
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
