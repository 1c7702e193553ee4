// The edited text and its cursor. Moves and erasures work on grapheme clusters; a word is a run of letters,
// digits and characters beyond ASCII.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace ferrum::cli {

class EditBuffer {
 public:
  const std::string& text() const { return text_; }
  size_t cursor() const { return cursor_; }  // in bytes
  std::string_view before_cursor() const { return std::string_view(text_).substr(0, cursor_); }

  void set(std::string text);  // moves the cursor to the end
  void set(std::string text, size_t cursor);
  void insert(std::string_view text);
  // Replaces the bytes from `begin` to the cursor with `text`.
  void replace_before_cursor(size_t begin, std::string_view text);

  void left();
  void right();
  void word_left() { cursor_ = word_begin(); }
  void word_right() { cursor_ = word_end(); }
  void line_begin();
  void line_end();
  // Moves one line up or down, to the same column; returns false if there is none.
  bool up();
  bool down();

  void erase_left();
  void erase_right();
  // These keep the erased text for yank().
  void erase_word_left();
  void erase_word_right();
  void erase_to_line_begin();
  void erase_to_line_end();
  void yank() { insert(kept_); }

 private:
  size_t previous(size_t at) const;
  size_t next(size_t at) const;
  size_t word_begin() const;
  size_t word_end() const;
  size_t line_begin_of(size_t at) const;
  size_t line_end_of(size_t at) const;
  void move_to_column(size_t line_begin, int column);
  void cut(size_t begin, size_t end);

  std::string text_;
  size_t cursor_ = 0;
  std::string kept_;
};

}  // namespace ferrum::cli
