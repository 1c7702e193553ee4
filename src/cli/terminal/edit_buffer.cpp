#include "cli/terminal/edit_buffer.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "cli/terminal/cells.h"

namespace ferrum::cli {
namespace {

bool is_word(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || std::isalnum(byte);
}

}  // namespace

void EditBuffer::set(std::string text) {
  text_ = std::move(text);
  cursor_ = text_.size();
}

void EditBuffer::set(std::string text, size_t cursor) {
  text_ = std::move(text);
  cursor_ = std::min(cursor, text_.size());
}

void EditBuffer::insert(std::string_view text) {
  text_.insert(cursor_, text);
  cursor_ += text.size();
}

void EditBuffer::replace_before_cursor(size_t begin, std::string_view text) {
  text_.replace(begin, cursor_ - begin, text);
  cursor_ = begin + text.size();
}

size_t EditBuffer::next(size_t at) const {
  return at < text_.size() ? at + grapheme_size(std::string_view(text_).substr(at)) : at;
}

size_t EditBuffer::previous(size_t at) const {
  // Clusters are found from the line's beginning, since going backwards is ambiguous.
  if (at == 0) return 0;
  size_t begin = line_begin_of(at);
  if (begin == at) return at - 1;  // over the line break
  for (size_t end = next(begin); end < at; end = next(begin)) begin = end;
  return begin;
}

size_t EditBuffer::word_begin() const {
  size_t at = cursor_;
  while (at > 0 && !is_word(text_[at - 1])) --at;
  while (at > 0 && is_word(text_[at - 1])) --at;
  return at;
}

size_t EditBuffer::word_end() const {
  size_t at = cursor_;
  while (at < text_.size() && !is_word(text_[at])) ++at;
  while (at < text_.size() && is_word(text_[at])) ++at;
  return at;
}

size_t EditBuffer::line_begin_of(size_t at) const {
  const size_t newline = at == 0 ? std::string::npos : text_.rfind('\n', at - 1);
  return newline == std::string::npos ? 0 : newline + 1;
}

size_t EditBuffer::line_end_of(size_t at) const { return std::min(text_.find('\n', at), text_.size()); }

void EditBuffer::left() { cursor_ = previous(cursor_); }
void EditBuffer::right() { cursor_ = next(cursor_); }
void EditBuffer::line_begin() { cursor_ = line_begin_of(cursor_); }
void EditBuffer::line_end() { cursor_ = line_end_of(cursor_); }

void EditBuffer::move_to_column(size_t line_begin, int column) {
  const size_t end = line_end_of(line_begin);
  cursor_ = line_begin;
  while (cursor_ < end) {
    const size_t after = next(cursor_);
    column -= width_of(cells_of(std::string_view(text_).substr(cursor_, after - cursor_)));
    if (column < 0) return;
    cursor_ = after;
  }
}

bool EditBuffer::up() {
  const size_t begin = line_begin_of(cursor_);
  if (begin == 0) return false;
  const int column = width_of(cells_of(std::string_view(text_).substr(begin, cursor_ - begin)));
  move_to_column(line_begin_of(begin - 1), column);
  return true;
}

bool EditBuffer::down() {
  const size_t end = line_end_of(cursor_);
  if (end == text_.size()) return false;
  const size_t begin = line_begin_of(cursor_);
  const int column = width_of(cells_of(std::string_view(text_).substr(begin, cursor_ - begin)));
  move_to_column(end + 1, column);
  return true;
}

void EditBuffer::cut(size_t begin, size_t end) {
  if (begin == end) return;
  kept_ = text_.substr(begin, end - begin);
  text_.erase(begin, end - begin);
  cursor_ = begin;
}

void EditBuffer::erase_left() {
  const size_t begin = previous(cursor_);
  text_.erase(begin, cursor_ - begin);
  cursor_ = begin;
}

void EditBuffer::erase_right() { text_.erase(cursor_, next(cursor_) - cursor_); }
void EditBuffer::erase_word_left() { cut(word_begin(), cursor_); }
void EditBuffer::erase_word_right() { cut(cursor_, word_end()); }
void EditBuffer::erase_to_line_begin() { cut(line_begin_of(cursor_), cursor_); }

// At the end of a line, erases the line break, as in Emacs.
void EditBuffer::erase_to_line_end() {
  const size_t end = line_end_of(cursor_);
  cut(cursor_, end == cursor_ && end < text_.size() ? end + 1 : end);
}

}  // namespace ferrum::cli
