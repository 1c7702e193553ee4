// Diagnostics on standard error: ferrum::log::warn("…{}", x). Text from files or clients goes through
// in_quotes().
#pragma once
#include <fmt/core.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// The logging library stays out of this header: each unit that included it would compile its formatting anew.
namespace spdlog {
class logger;
}

namespace ferrum::log {

enum class Level { kDebug, kInfo, kWarning, kError };

bool shows(Level level);
void write(Level level, std::string_view text);

template <class... Args>
void write(Level level, fmt::format_string<Args...> format, Args&&... args) {
  if (shows(level)) write(level, std::string_view(fmt::format(format, std::forward<Args>(args)...)));
}

template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kDebug, format, std::forward<Args>(args)...);
}

template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kInfo, format, std::forward<Args>(args)...);
}

template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kWarning, format, std::forward<Args>(args)...);
}

template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kError, format, std::forward<Args>(args)...);
}

enum class Verbosity { kQuiet, kNormal, kVerbose };

// Call once at start, before other threads exist.
void configure(Verbosity verbosity);

// Records the warnings that are logged during its lifetime, each text once, in addition to printing them: for
// commands that report warnings as data. Construct and destroy while no other thread logs.
class Recorder {
 public:
  Recorder();
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  std::vector<std::string> warnings() const;  // in order

 private:
  class Sink;
  std::shared_ptr<spdlog::logger> before_;
  std::shared_ptr<Sink> sink_;
};

}  // namespace ferrum::log
