// Reads entries from a terminal, with multi-line editing, pasting, completion and a history.
#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "cli/terminal/edit_session.h"
#include "cli/terminal/terminal_mode.h"

namespace ferrum::cli {

class LineEditor {
 public:
  // Reads from standard input, a terminal, and draws on standard error, or on /dev/tty if standard error is
  // not a terminal: standard output is for the model only. If `history_file` is empty, no history is stored.
  LineEditor(std::string prompt, std::filesystem::path history_file, Completer completer = {});
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  // Returns the next entry; nullopt at the end of input (Ctrl-D). An entry that begins with """ continues
  // over further lines until one ends with """; the marks are not part of it.
  std::optional<std::string> read();

  // Restores the terminal's mode. For a process that ends without destroying the editor.
  void restore_terminal() const { mode_.restore(); }

 private:
  std::optional<std::string> read_plain();
  bool read_keys(bool wait_for_sequence);
  void suspend(LiveRows& rows);

  std::string prompt_;
  InputHistory history_;
  Completer completer_;
  bool is_dumb_;  // TERM=dumb: line editing is left to the system
  int screen_;
  TerminalMode mode_;
  ResizeEvents resizes_;
  KeyDecoder keys_;
};

}  // namespace ferrum::cli
