// Text in rows of terminal cells. A cell is one grapheme cluster (UAX #29) with its width in columns and its
// style. Control characters never reach the terminal: cells show them in caret notation.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ferrum::cli {

struct TextStyle {
  bool bold = false;
  bool dim = false;
  bool italic = false;
  bool underline = false;
  bool strike = false;
  int colour = 0;  // SGR foreground, 30 to 37; 0: the terminal's default

  bool operator==(const TextStyle&) const = default;
};

struct Cell {
  std::string text;
  int width = 1;
  TextStyle style;

  bool operator==(const Cell&) const = default;
};

using Row = std::vector<Cell>;

// The size in bytes of the first grapheme cluster of `text`, which must not be empty.
size_t grapheme_size(std::string_view text);

// The cells of one line. A tab becomes spaces up to the next multiple of four columns, counted from `column`;
// a byte that is not UTF-8 becomes U+FFFD.
Row cells_of(std::string_view line, const TextStyle& style = {}, int column = 0);

int width_of(const Row& row);

void append(Row& row, const Row& more);

// Wraps a line into rows of at most `columns` columns (at least 2): between words, next to wide characters,
// and inside a word only if it is longer than a row. Spaces at a break are dropped. Each row after the first
// begins with `indent`. Returns at least one row.
std::vector<Row> wrap_words(const Row& line, int columns, const Row& indent = {});

// The same, but breaks only at the margin: for code.
std::vector<Row> wrap_anywhere(const Row& line, int columns, const Row& indent = {});

// The escape sequence that changes the style; empty if both are equal.
std::string style_change(const TextStyle& from, const TextStyle& to);

}  // namespace ferrum::cli
