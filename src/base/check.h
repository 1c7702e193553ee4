// Internal checks: a failed check is a bug in Ferrum and ends the process with its location. Never for data
// from outside, whose faults are Errors.
#pragma once
#include <fmt/core.h>

#include <string_view>

namespace ferrum {

// The caller's location. (Not std::source_location, which clang 14, our fuzzing and linting compiler, lacks.)
struct SourceLocation {
  const char* file;
  int line;
  const char* function;

  static constexpr SourceLocation current(const char* file = __builtin_FILE(), int line = __builtin_LINE(),
                                          const char* function = __builtin_FUNCTION()) {
    return {file, line, function};
  }
};

[[noreturn]] void check_failed(std::string_view what, const SourceLocation& where);

inline void check(bool holds, std::string_view what,
                  const SourceLocation& where = SourceLocation::current()) {
  if (!holds) [[unlikely]]
    check_failed(what, where);
}

template <class A, class B>
void check_equal(const A& a, const B& b, std::string_view what,
                 const SourceLocation& where = SourceLocation::current()) {
  if (!(a == b)) [[unlikely]]
    check_failed(fmt::format("{}: {} is not {}", what, a, b), where);
}

}  // namespace ferrum
