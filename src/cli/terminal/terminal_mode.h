// The terminal's mode while the program reads keys, and its restoration.
#pragma once
#include <termios.h>

#include <string>

#include "cli/terminal/live_rows.h"

namespace ferrum::cli {

// Until restore() or destruction, keys arrive one by one without echo, and pastes are marked (bracketed
// paste, xterm's mode 2004).
class TerminalMode {
 public:
  enum class Kind { kKeys, kUntouched };  // kUntouched: nothing is ever changed
  // Reads from `input` and writes to `output`, both the same terminal.
  TerminalMode(int input, int output, Kind kind);
  ~TerminalMode() { restore(); }
  TerminalMode(const TerminalMode&) = delete;
  TerminalMode& operator=(const TerminalMode&) = delete;

  // While a line is edited, Ctrl-C and Ctrl-Z are keys; otherwise they are signals.
  void edit() const { apply(Signals::kAreKeys); }
  void wait() const { apply(Signals::kAreSent); }
  // Restores the original mode. May be called at any time and from any thread.
  void restore() const;

 private:
  enum class Signals { kAreKeys, kAreSent };
  void apply(Signals signals) const;

  int input_;
  int output_;
  Kind kind_;
  termios original_{};
};

// The size now, and what the environment says of the terminal's narrowing.
TerminalSize terminal_size(int descriptor);

// Writes all bytes, as far as the terminal accepts them.
void write_terminal(int descriptor, const std::string& bytes);

// Reports changes of the terminal's size (SIGWINCH): the descriptor becomes readable with each.
class ResizeEvents {
 public:
  ResizeEvents();
  ~ResizeEvents();
  ResizeEvents(const ResizeEvents&) = delete;
  ResizeEvents& operator=(const ResizeEvents&) = delete;

  int descriptor() const { return descriptor_; }
  void clear() const;

 private:
  int descriptor_;
};

}  // namespace ferrum::cli
