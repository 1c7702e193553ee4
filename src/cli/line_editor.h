// Lines from a terminal, with editing and a history that outlives the process.
#pragma once
#include <filesystem>
#include <optional>
#include <string>

struct editline;
struct history;

namespace ferrum::cli {

class LineEditor {
 public:
  // `history_file` may be empty: nothing is kept then.
  LineEditor(std::string prompt, std::filesystem::path history_file);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  // Without the newline; nothing at the end of input (Ctrl-D). A text that begins with """ goes on over
  // further lines until one that ends with """.
  std::optional<std::string> read();

 private:
  std::optional<std::string> read_line();
  void remember(const std::string& text);

  std::string prompt_;
  std::string current_prompt_;
  std::filesystem::path history_file_;
  editline* editor_;
  history* history_;
  FILE* terminal_;
};

// Where a user's history belongs: $XDG_STATE_HOME/ferrum/history, else ~/.local/state/ferrum/history; empty
// without a home.
std::filesystem::path default_history_file();

}  // namespace ferrum::cli
