// Entries from a terminal: edited in several lines, pasted, completed, and kept in a history.
#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "cli/terminal/edit_session.h"
#include "cli/terminal/terminal_mode.h"

namespace ferrum::cli {

class LineEditor {
 public:
  // Reads from standard input, a terminal, and draws on standard error, or on /dev/tty where standard error
  // is no terminal: standard output is the model's alone. `history_file` may be empty: nothing is kept then.
  LineEditor(std::string prompt, std::filesystem::path history_file, Completer completer = {});
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  // The next entry; nothing at the end of input (Ctrl-D). An entry that begins with """ goes on over further
  // lines until one ends with """; the marks are not part of it.
  std::optional<std::string> read();

  // Gives the terminal back as it was. For a process that ends without destroying the editor.
  void restore_terminal() const { mode_.restore(); }

 private:
  std::optional<std::string> read_plain();
  bool read_keys(bool wait_for_sequence);
  void suspend(LiveRows& rows);

  std::string prompt_;
  InputHistory history_;
  Completer completer_;
  bool is_dumb_;  // TERM=dumb: lines as the system edits them
  int screen_;
  TerminalMode mode_;
  ResizeEvents resizes_;
  KeyDecoder keys_;
};

}  // namespace ferrum::cli
