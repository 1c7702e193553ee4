#include "cli/terminal/terminal_mode.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/error.h"

namespace ferrum::cli {
namespace {

// Turns on bracketed paste, and the normal mode of cursor keys, which keys.cpp relies on.
constexpr const char* kBegin = "\x1b[?2004h\x1b[?1l";
constexpr const char* kEnd = "\x1b[?2004l";

std::atomic<int> resize_descriptor{-1};  // for the signal handler

bool is_set(const char* variable) {
  const char* const value = std::getenv(variable);
  return value && *value;
}

// Each terminal sets a variable of its own. tmux, which wraps, also runs inside the others.
Narrowing narrowing() {
  const bool cuts = !is_set("TMUX") && (is_set("XTERM_VERSION") || is_set("STY"));
  return cuts ? Narrowing::kCuts : Narrowing::kWraps;
}

void on_resize(int) {
  const int before = errno;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(resize_descriptor, &one, sizeof one);
  errno = before;
}

}  // namespace

TerminalMode::TerminalMode(int input, int output, Kind kind) : input_(input), output_(output), kind_(kind) {
  if (tcgetattr(input_, &original_) != 0) kind_ = Kind::kUntouched;
  wait();
}

void TerminalMode::apply(Signals signals) const {
  if (kind_ == Kind::kUntouched) return;
  termios mode = original_;
  mode.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | IEXTEN);
  mode.c_iflag &= ~static_cast<tcflag_t>(ICRNL | INLCR | IXON);
  if (signals == Signals::kAreKeys)
    mode.c_lflag &= ~static_cast<tcflag_t>(ISIG);
  else
    mode.c_lflag |= ISIG;
  mode.c_cc[VMIN] = 1;
  mode.c_cc[VTIME] = 0;
  tcsetattr(input_, TCSADRAIN, &mode);
  if (signals == Signals::kAreKeys) write_terminal(output_, kBegin);
}

void TerminalMode::restore() const {
  if (kind_ == Kind::kUntouched) return;
  write_terminal(output_, kEnd);
  tcsetattr(input_, TCSADRAIN, &original_);
}

TerminalSize terminal_size(int descriptor) {
  TerminalSize result = {.narrowing = narrowing()};
  winsize size = {};
  if (ioctl(descriptor, TIOCGWINSZ, &size) != 0) return result;
  if (size.ws_col > 0) result.columns = size.ws_col;
  if (size.ws_row > 0) result.rows = size.ws_row;
  return result;
}

void write_terminal(int descriptor, const std::string& bytes) {
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t n = write(descriptor, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    done += static_cast<size_t>(n);
  }
}

ResizeEvents::ResizeEvents() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (descriptor_ < 0) fail(ErrorCode::kIo, "cannot watch for changes of the terminal's size");
  resize_descriptor = descriptor_;
  struct sigaction action {};
  action.sa_handler = on_resize;
  action.sa_flags = SA_RESTART;
  sigaction(SIGWINCH, &action, nullptr);
}

ResizeEvents::~ResizeEvents() {
  signal(SIGWINCH, SIG_DFL);
  close(descriptor_);
}

void ResizeEvents::clear() const {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t n = read(descriptor_, &count, sizeof count);
}

}  // namespace ferrum::cli
