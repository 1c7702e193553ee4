#include "cli/pull_model.h"

#include <fmt/core.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <deque>

#include "base/human_bytes.h"
#include "base/log.h"
#include "base/printable.h"
#include "cli/notes.h"
#include "cli/progress.h"

namespace ferrum::cli {
namespace {

using Phase = hub::PullProgress::Phase;
using Clock = std::chrono::steady_clock;

constexpr auto kInterval = std::chrono::milliseconds(100);
constexpr auto kWindow = std::chrono::seconds(5);  // the speed is averaged over this time
constexpr int kPercentOfALine = 10;                // without a terminal, prints a line at each multiple

double percent(uint64_t done, uint64_t total) {
  return total == 0 ? 100 : 100.0 * static_cast<double>(done) / static_cast<double>(total);
}

// The end of a long name is the more specific part.
std::string short_name(const std::string& name) {
  constexpr size_t kMost = 48;
  const std::string text = printable(name, 1024);
  return text.size() <= kMost ? text : "..." + text.substr(text.size() - kMost);
}

class Display {
 public:
  void print_line(const std::string& text) {
    line_.show("");
    if (talks_) note("{}\n", text);
  }

  void update(const hub::PullProgress& p) {
    if (!talks_) return;
    const Clock::time_point now = Clock::now();
    const double speed = speed_at(now, p);
    if (moves_) {
      if (now - last_ < kInterval) return;
      last_ = now;
      line_.show(progress_text(p, speed));
      return;
    }
    const int tenth = static_cast<int>(percent(p.all_done, p.all_total)) / kPercentOfALine;
    if (tenth == tenth_ || p.phase != Phase::kDownload) return;
    tenth_ = tenth;
    note("{}\n", progress_text(p, speed));
  }

 private:
  // The average of the last few seconds, without bytes from earlier pulls.
  double speed_at(Clock::time_point now, const hub::PullProgress& p) {
    if (p.phase != Phase::kDownload || p.number != number_) points_.clear();
    number_ = p.number;
    points_.push_back({now, p.done});
    while (points_.size() > 2 && now - points_.front().time > kWindow) points_.pop_front();
    const double seconds = std::chrono::duration<double>(now - points_.front().time).count();
    return seconds > 0.2 ? static_cast<double>(p.done - std::min(p.done, points_.front().done)) / seconds : 0;
  }

  struct Point {
    Clock::time_point time;
    uint64_t done;
  };
  bool talks_ = log::shows(log::Level::kWarning);
  bool moves_ = isatty(STDERR_FILENO) != 0;
  StatusLine line_;
  std::deque<Point> points_;
  int number_ = 0;
  int tenth_ = -1;
  Clock::time_point last_;
};

}  // namespace

std::string duration_text(double seconds) {
  const auto s = static_cast<int64_t>(std::llround(std::min(seconds, 1e9)));
  if (s >= 3600) return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
  return fmt::format("{}:{:02}", s / 60, s % 60);
}

std::string progress_text(const hub::PullProgress& p, double bytes_per_second) {
  const std::string all = p.files > 1 ? fmt::format(" (file {} of {}; all {:.0f}%)", p.number, p.files,
                                                    percent(p.all_done, p.all_total))
                                      : "";
  if (p.phase == Phase::kVerify)
    return fmt::format("{}  checking its hash {:3.0f}%{}", short_name(p.file), percent(p.done, p.total), all);
  std::string text = fmt::format("{}  {:3.0f}%  {} of {}", short_name(p.file), percent(p.done, p.total),
                                 human_bytes(p.done), human_bytes(p.total));
  if (bytes_per_second > 0)
    text += fmt::format("  {}/s  {} left", human_bytes(static_cast<uint64_t>(bytes_per_second)),
                        duration_text(static_cast<double>(p.all_total - p.all_done) / bytes_per_second));
  return text + all;
}

hub::CachedModel pull_model(const hub::ModelName& name, const hub::Settings& settings,
                            const hub::PullOptions& options) {
  Display display;
  return hub::pull(name, settings, options,
                   {.notify = [&](const std::string& text) { display.print_line(text); },
                    .progress = [&](const hub::PullProgress& progress) { display.update(progress); }});
}

}  // namespace ferrum::cli
