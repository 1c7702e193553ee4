// An error while a template runs. It becomes an Error with the place of the node that failed.
#pragma once
#include <fmt/core.h>

#include <optional>
#include <stdexcept>
#include <string>

#include "text/jinja/token.h"

namespace ferrum::jinja {

class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  std::optional<Place> place;  // set by the innermost node that catches it
};

template <class... Args>
[[noreturn]] void raise_error(fmt::format_string<Args...> format, Args&&... args) {
  throw Failure(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace ferrum::jinja
