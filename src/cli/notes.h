// Notes for the user on standard error.
#pragma once
#include <fmt/core.h>

#include <cstdio>
#include <string>
#include <utility>

namespace ferrum::cli {

// A note that cannot be written, because the reader of a pipe is gone or a disk is full, is lost. fmt::print
// would throw, and a server must not end because the reader of its log has.
template <class... Args>
void note(fmt::format_string<Args...> format, Args&&... args) {
  const std::string text = fmt::format(format, std::forward<Args>(args)...);
  [[maybe_unused]] const size_t written = std::fwrite(text.data(), 1, text.size(), stderr);
}

}  // namespace ferrum::cli
