// A progress bar on standard error, if that is a terminal: for work that takes over a second.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace ferrum::cli {

class Progress {
 public:
  explicit Progress(std::string label);
  ~Progress();  // erases the bar
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // In bytes. Draws at most ten times per second.
  void update(uint64_t done, uint64_t total);

 private:
  using Clock = std::chrono::steady_clock;

  std::string label_;
  bool on_terminal_;
  bool drawn_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_draw_;
};

// A status line on standard error, if that is a terminal, for work without measurable progress.
class StatusLine {
 public:
  StatusLine();
  ~StatusLine();  // erases the line
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;

  void show(std::string_view text);  // replaces the previous text

 private:
  bool on_terminal_;
};

}  // namespace ferrum::cli
