// The editing of one entry: the effect of each key, and the rows to show. Does not touch the terminal.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/terminal/edit_buffer.h"
#include "cli/terminal/input_history.h"
#include "cli/terminal/keys.h"
#include "cli/terminal/live_rows.h"

namespace ferrum::cli {

// Replacements for the bytes from `begin` to the cursor. A complete candidate, unlike a folder, is followed
// by a space.
struct Completion {
  size_t begin = 0;
  std::vector<std::string> candidates;
};
using Completer = std::function<Completion(std::string_view before_cursor)>;

class EditSession {
 public:
  EditSession(std::string prompt, const InputHistory& history, const Completer& completer);

  enum class Result { kGoesOn, kEntered, kEndOfInput, kSuspend, kClearScreen };
  Result press(const KeyPress& key);

  const std::string& text() const { return buffer_.text(); }

  struct View {
    std::vector<Row> rows;
    Position cursor;
  };
  View view(TerminalSize size) const;
  // The whole entry with the cursor after it, as it stays on the screen.
  View final_view(TerminalSize size) const;

 private:
  struct Search {
    std::string text;
    EditBuffer before;            // restored if the search is cancelled
    std::optional<size_t> found;  // index in the history
  };

  Result press_control(char letter);
  Result enter();
  bool press_in_search(const KeyPress& key);  // returns whether the search handled the key
  void search_from(size_t end);
  void complete();
  void go_in_history(int step);

  std::string prompt_;
  const InputHistory& history_;
  const Completer& completer_;
  EditBuffer buffer_;
  std::string draft_;  // the new entry, while older ones are shown
  size_t at_;          // index in the history; its size: the new entry
  std::optional<Search> search_;
  std::vector<std::string> suggestions_;
};

// A text between two """ may contain line breaks.
constexpr std::string_view kBlockFence = "\"\"\"";
bool is_open_block(std::string_view text);
// The text without the fences around it, if it has them.
std::string without_fences(const std::string& text);

}  // namespace ferrum::cli
