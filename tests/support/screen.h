// A small terminal in memory: what a person would see after some output. It knows the escape sequences that
// the program writes, and any other fails the test.
#pragma once
#include <gtest/gtest.h>
#include <utf8proc.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.h"

namespace ferrum::test {

class Screen {
 public:
  explicit Screen(int columns, int rows) : columns_(columns), rows_(rows), lines_(1) {}

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      if (bytes[0] == '\x1b') {
        bytes.remove_prefix(sequence(bytes));
        continue;
      }
      const utf8::Decoded d = utf8::decode(bytes);
      put(std::string(bytes.substr(0, d.size)), d.code_point);
      bytes.remove_prefix(d.size);
    }
  }

  // Breaks lines anew, as terminals do when their window becomes narrower.
  void narrow(int columns) {
    std::vector<Line> lines;
    size_t row = 0, column = 0;
    for (size_t i = 0; i < lines_.size(); ++i) {
      Line rest = lines_[i];
      while (!rest.empty() && rest.back() == Glyph()) rest.pop_back();
      const size_t first = lines.size();
      do {
        const size_t n = std::min(rest.size(), static_cast<size_t>(columns));
        lines.emplace_back(rest.begin(), rest.begin() + static_cast<long>(n));
        rest.erase(rest.begin(), rest.begin() + static_cast<long>(n));
      } while (!rest.empty());
      if (i == row_) {
        const size_t at = column_ > 0 ? column_ - 1 : 0;
        row = first + at / static_cast<size_t>(columns);
        column = at % static_cast<size_t>(columns) + (column_ > 0 ? 1 : 0);
      }
    }
    lines_ = lines;
    row_ = row;
    column_ = column;
    columns_ = columns;
    while (lines_.size() <= row_) lines_.emplace_back();
  }

  // Cuts lines at the margin and keeps the cursor in the window, as xterm does when its window becomes
  // narrower.
  void cut(int columns) {
    columns_ = columns;
    for (Line& line : lines_) line.resize(std::min(line.size(), static_cast<size_t>(columns)));
    column_ = std::min(column_, static_cast<size_t>(columns) - 1);
  }

  // Lines do not change when the window becomes wider.
  void widen(int columns) { columns_ = columns; }

  // All lines, what has scrolled off included, without blanks at their ends; attributes stand in <1>…<0>
  // with styles.
  std::string text(bool with_styles = false) const {
    std::string all;
    for (const Line& line : lines_) {
      std::string one, style;
      for (const Glyph& glyph : line) {
        if (with_styles && glyph.style != style) one += "<" + (glyph.style.empty() ? "0" : glyph.style) + ">";
        style = glyph.style;
        one += glyph.text;
      }
      if (with_styles && !style.empty()) one += "<0>";
      one.erase(one.find_last_not_of(' ') + 1);
      all += one + "\n";
    }
    while (all.ends_with("\n\n")) all.pop_back();
    return all;
  }
  size_t cursor_row() const { return row_; }
  size_t cursor_column() const { return column_; }

 private:
  struct Glyph {
    std::string text = " ";
    std::string style;
    bool operator==(const Glyph&) const = default;
  };
  using Line = std::vector<Glyph>;

  size_t top() const {
    return lines_.size() > static_cast<size_t>(rows_) ? lines_.size() - static_cast<size_t>(rows_) : 0;
  }

  void put(std::string text, char32_t code_point) {
    if (code_point == '\r') {
      column_ = 0;
    } else if (code_point == '\n') {
      if (++row_ == lines_.size()) lines_.emplace_back();
    } else {
      ASSERT_GE(code_point, U' ') << "a control character reached the terminal";
      const int width = utf8proc_charwidth(static_cast<utf8proc_int32_t>(code_point));
      if (width == 0) {
        Line& line = lines_[row_];
        if (column_ > 0 && column_ <= line.size()) line[column_ - 1].text += text;
        return;
      }
      if (column_ + static_cast<size_t>(width) > static_cast<size_t>(columns_)) {
        column_ = 0;
        if (++row_ == lines_.size()) lines_.emplace_back();
      }
      Line& line = lines_[row_];
      if (line.size() < column_ + static_cast<size_t>(width))
        line.resize(column_ + static_cast<size_t>(width));
      line[column_] = {text, style_};
      if (width == 2) line[column_ + 1] = {"", style_};
      column_ += static_cast<size_t>(width);
    }
  }

  size_t sequence(std::string_view bytes) {
    const size_t end = bytes.find_first_not_of("0123456789;?", 2);
    if (bytes.size() < 3 || bytes[1] != '[' || end == std::string_view::npos) {
      ADD_FAILURE() << "not a whole control sequence: " << bytes.substr(1, 8);
      return bytes.size();
    }
    const std::string parameters(bytes.substr(2, end - 2));
    const size_t count = parameters.empty() ? 1 : static_cast<size_t>(std::atoi(parameters.c_str()));
    switch (bytes[end]) {
      case 'A':
        row_ = std::max(top(), row_ - std::min(row_, count));
        break;
      case 'B':
        row_ = std::min(lines_.size() - 1, row_ + count);
        break;
      case 'C':
        column_ = std::min(static_cast<size_t>(columns_) - 1, column_ + count);
        break;
      case 'J':
        lines_.resize(row_ + 1);
        [[fallthrough]];
      case 'K':
        lines_[row_].resize(
            std::min(lines_[row_].size(), std::min(column_, static_cast<size_t>(columns_) - 1)));
        break;
      case 'm':
        style_ = parameters.starts_with("0") ? parameters.substr(std::min<size_t>(2, parameters.size()))
                                             : parameters;
        break;
      case 'h':
      case 'l':
        break;
      default:
        ADD_FAILURE() << "an unknown control sequence: " << bytes.substr(1, end);
    }
    return end + 1;
  }

  int columns_;
  int rows_;
  std::vector<Line> lines_;
  size_t row_ = 0;
  size_t column_ = 0;
  std::string style_;
};

}  // namespace ferrum::test
