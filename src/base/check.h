// Checks of our own work: a failed one is a bug in Ferrum and ends the process with where and what.
// Never for data that came from outside: that is an Error.
#pragma once
#include <fmt/format.h>

#include <source_location>
#include <string_view>

namespace ferrum {

[[noreturn]] void check_failed(std::string_view what, const std::source_location& where);

inline void check(bool holds, std::string_view what,
                  const std::source_location& where = std::source_location::current()) {
  if (!holds) [[unlikely]]
    check_failed(what, where);
}

template <class A, class B>
void check_equal(const A& a, const B& b, std::string_view what,
                 const std::source_location& where = std::source_location::current()) {
  if (!(a == b)) [[unlikely]]
    check_failed(fmt::format("{}: {} is not {}", what, a, b), where);
}

}  // namespace ferrum
