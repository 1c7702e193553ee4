#include "cli/progress.h"

#include <unistd.h>

#include <algorithm>

#include "base/human_bytes.h"
#include "base/log.h"
#include "cli/notes.h"

namespace ferrum::cli {
namespace {

constexpr int kWidth = 30;
constexpr auto kInterval = std::chrono::milliseconds(100);

constexpr const char* kWipe = "\r\x1b[K";

bool may_draw() { return isatty(STDERR_FILENO) && log::shows(log::Level::kWarning); }

}  // namespace

Progress::Progress(std::string label) : label_(std::move(label)), on_terminal_(may_draw()) {}

Progress::~Progress() {
  if (drawn_) note("{}", kWipe);
}

void Progress::update(uint64_t done, uint64_t total) {
  if (!on_terminal_ || total == 0) return;
  const auto now = Clock::now();
  if (now - start_ < kInterval || now - last_draw_ < kInterval) return;
  last_draw_ = now;
  drawn_ = true;
  const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const int filled = static_cast<int>(share * kWidth);
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const auto rate = static_cast<uint64_t>(static_cast<double>(done) / seconds);
  note("{}{} [{:=<{}}{:{}}] {:3.0f}%  {}/s", kWipe, label_, "", filled, "", kWidth - filled, share * 100,
       human_bytes(rate));
  std::fflush(stderr);
}

StatusLine::StatusLine() : on_terminal_(may_draw()) {}

StatusLine::~StatusLine() { show(""); }

void StatusLine::show(std::string_view text) {
  if (!on_terminal_) return;
  note("{}{}", kWipe, text);
  std::fflush(stderr);
}

}  // namespace ferrum::cli
