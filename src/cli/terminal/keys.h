// Decodes keys from the bytes that terminals send: xterm's sequences (ECMA-48 CSI and SS3, with modifiers),
// and those of rxvt, PuTTY, tmux, the Linux console and kitty where they differ.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace ferrum::cli {

enum class Key {
  kText,   // KeyPress::text, one or more characters
  kPaste,  // KeyPress::text, with line breaks as \n and no control characters except tabs
  kEnter,
  kNewLine,  // Alt-Enter, Shift-Enter, Ctrl-Enter
  kTab,
  kBackspace,
  kDelete,
  kLeft,
  kRight,
  kUp,
  kDown,
  kHome,
  kEnd,
  kPageUp,
  kPageDown,
  kWordLeft,
  kWordRight,
  kEraseWordLeft,
  kEraseWordRight,
  kEscape,
  kControl,  // KeyPress::text has the letter, as in "c"
};

struct KeyPress {
  Key key = Key::kText;
  std::string text;

  bool operator==(const KeyPress&) const = default;
};

class KeyDecoder {
 public:
  void feed(std::string_view bytes) { bytes_ += bytes; }
  // The next key; nullopt if the bytes end inside one.
  std::optional<KeyPress> next();
  // Whether an escape character waits for the rest of a sequence. If none comes soon, it was the Escape key.
  bool awaits_sequence() const { return !in_paste_ && bytes_.starts_with('\x1b'); }
  // Interprets the waiting bytes: an escape character is the key; other incomplete sequences are dropped.
  std::optional<KeyPress> give_up();

 private:
  std::optional<KeyPress> paste();
  std::optional<KeyPress> escape_sequence(bool& incomplete);
  std::optional<KeyPress> text();

  std::string bytes_;
  bool in_paste_ = false;
};

}  // namespace ferrum::cli
