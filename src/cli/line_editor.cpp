#include "cli/line_editor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace ferrum::cli {
namespace {

constexpr int kSequencePatience = 100;  // ms to wait for the rest of an escape sequence

int open_screen() {
  const int terminal = isatty(STDERR_FILENO) ? -1 : open("/dev/tty", O_WRONLY | O_CLOEXEC);
  return terminal < 0 ? STDERR_FILENO : terminal;
}

bool is_dumb_terminal() {
  const char* const name = std::getenv("TERM");
  return !name || !*name || std::string_view(name) == "dumb";
}

}  // namespace

LineEditor::LineEditor(std::string prompt, std::filesystem::path history_file, Completer completer)
    : prompt_(std::move(prompt)),
      history_(std::move(history_file)),
      completer_(std::move(completer)),
      is_dumb_(is_dumb_terminal()),
      screen_(open_screen()),
      mode_(STDIN_FILENO, screen_, is_dumb_ ? TerminalMode::Kind::kUntouched : TerminalMode::Kind::kKeys) {}

LineEditor::~LineEditor() {
  mode_.restore();
  if (screen_ != STDERR_FILENO) close(screen_);
}

// Waits for keys or a new size; returns false at the end of input.
bool LineEditor::read_keys(bool wait_for_sequence) {
  pollfd events[2] = {{STDIN_FILENO, POLLIN, 0}, {resizes_.descriptor(), POLLIN, 0}};
  const int ready = poll(events, 2, wait_for_sequence ? kSequencePatience : -1);
  if (ready < 0) return errno == EINTR;
  if (events[1].revents & POLLIN) resizes_.clear();
  if (!(events[0].revents & (POLLIN | POLLHUP | POLLERR))) return true;
  char bytes[4096];
  const ssize_t n = ::read(STDIN_FILENO, bytes, sizeof bytes);
  if (n < 0) return errno == EINTR || errno == EAGAIN;
  keys_.feed(std::string_view(bytes, static_cast<size_t>(n)));
  return n > 0;
}

void LineEditor::suspend(LiveRows& rows) {
  write_terminal(screen_, "\r\n");
  mode_.restore();
  kill(0, SIGTSTP);  // returns when the shell resumes the process
  mode_.edit();
  rows = {};
}

std::optional<std::string> LineEditor::read() {
  if (is_dumb_) return read_plain();
  using Result = EditSession::Result;
  EditSession session(prompt_, history_, completer_);
  LiveRows rows;
  mode_.edit();
  Result result = Result::kGoesOn;
  do {
    const TerminalSize size = terminal_size(screen_);
    EditSession::View view = session.view(size);
    write_terminal(screen_, rows.show(std::move(view.rows), size, view.cursor));
    std::optional<KeyPress> key = keys_.next();
    if (!key) {
      const bool wait_for_sequence = keys_.awaits_sequence();
      if (!read_keys(wait_for_sequence)) {
        result = Result::kEndOfInput;
        break;
      }
      key = keys_.next();
      if (!key && wait_for_sequence && keys_.awaits_sequence()) key = keys_.give_up();
    }
    // Handles all available keys before the next drawing.
    for (; key; key = result == Result::kGoesOn ? keys_.next() : std::nullopt) result = session.press(*key);
    if (result == Result::kClearScreen) write_terminal(screen_, "\x1b[H\x1b[2J");
    if (result == Result::kSuspend) suspend(rows);
    if (result == Result::kClearScreen) rows = {};
    if (result == Result::kClearScreen || result == Result::kSuspend) result = Result::kGoesOn;
  } while (result == Result::kGoesOn);

  const TerminalSize size = terminal_size(screen_);
  EditSession::View view = session.final_view(size);
  write_terminal(screen_, rows.show(std::move(view.rows), size, view.cursor) + "\r\n");
  mode_.wait();
  if (result == Result::kEndOfInput) return std::nullopt;
  history_.add(session.text());
  return without_fences(session.text());
}

std::optional<std::string> LineEditor::read_plain() {
  std::string text;
  std::string prompt = prompt_;
  do {
    write_terminal(screen_, prompt);
    std::string line;
    for (char c = 0; c != '\n';) {
      const ssize_t n = ::read(STDIN_FILENO, &c, 1);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return std::nullopt;
      line += c;
    }
    text += line;
    if (text.ends_with('\n')) text.pop_back();
    if (!is_open_block(text)) break;
    text += '\n';
    prompt = "... ";
  } while (true);
  history_.add(text);
  return without_fences(text);
}

}  // namespace ferrum::cli
