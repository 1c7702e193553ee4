// What goes wrong while a template runs. Becomes an Error that says where the evaluator stood.
#pragma once
#include <fmt/format.h>

#include <optional>
#include <stdexcept>
#include <string>

#include "text/jinja/token.h"

namespace ferrum::jinja {

class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  std::optional<Place> place;  // set by the innermost node that it passes through
};

template <class... Args>
[[noreturn]] void raise_error(fmt::format_string<Args...> format, Args&&... args) {
  throw Failure(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace ferrum::jinja
