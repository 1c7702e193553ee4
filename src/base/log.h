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

// Once, at start, before any thread is made.
void configure(Verbosity verbosity);

// Keeps the warnings that are logged while it lives, each text once, besides their being printed: for
// commands that report them as data. To be made and destroyed where no other thread logs.
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
