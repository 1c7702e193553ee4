// Diagnostics on standard error: ferrum::log::warn("…{}", x). Text from files or clients goes through
// in_quotes().
#pragma once
#include <spdlog/spdlog.h>

#include <memory>
#include <string>
#include <vector>

namespace ferrum::log {

using spdlog::debug;
using spdlog::error;
using spdlog::info;
using spdlog::warn;

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
