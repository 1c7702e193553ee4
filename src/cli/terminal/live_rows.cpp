#include "cli/terminal/live_rows.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace ferrum::cli {
namespace {

size_t equal_cells(const Row& a, const Row& b) {
  return static_cast<size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

void write_cells(std::string& out, const Row& row, size_t from) {
  TextStyle style;
  for (size_t i = from; i < row.size(); ++i) {
    out += style_change(style, row[i].style);
    style = row[i].style;
    out += row[i].text;
  }
  if (style != TextStyle()) out += "\x1b[0m";
}

int width_of_first(const Row& row, size_t cells) {
  return width_of(Row(row.begin(), row.begin() + static_cast<long>(cells)));
}

}  // namespace

std::string LiveRows::move_to(Position target) {
  std::string out;
  if (target.row < cursor_.row) out += fmt::format("\x1b[{}A", cursor_.row - target.row);
  if (target.row > cursor_.row) out += fmt::format("\x1b[{}B", target.row - cursor_.row);
  if (target.row != cursor_.row || target.column != cursor_.column) {
    out += '\r';
    if (target.column > 0) out += fmt::format("\x1b[{}C", target.column);
  }
  cursor_ = target;
  return out;
}

// Goes to the first row and erases it and all rows below.
std::string LiveRows::erase_after_resize(TerminalSize size) {
  int above = cursor_.row;  // rows of the screen above the cursor
  if (size.narrowing == Narrowing::kWraps) {
    const int columns = size.columns;
    above = std::max(0, cursor_.column - 1) / columns;
    for (int i = 0; i < cursor_.row; ++i)
      above += std::max(1, (width_of(rows_[static_cast<size_t>(i)]) + columns - 1) / columns);
  }
  std::string out = above > 0 ? fmt::format("\x1b[{}A", above) : "";
  out += "\r\x1b[J";
  rows_ = {Row()};
  cursor_ = {};
  return out;
}

std::string LiveRows::show(std::vector<Row> rows, TerminalSize size) {
  if (rows.empty()) rows.emplace_back();
  const Position end = {static_cast<int>(rows.size()) - 1, width_of(rows.back())};
  return show(std::move(rows), size, end);
}

std::string LiveRows::show(std::vector<Row> rows, TerminalSize size, Position cursor) {
  if (rows.empty()) rows.emplace_back();
  std::string out;
  if (columns_ != 0 && columns_ != size.columns) out += erase_after_resize(size);
  columns_ = size.columns;

  const size_t both = std::min(rows.size(), rows_.size());
  size_t first = 0;
  while (first < both && rows[first] == rows_[first]) ++first;
  const size_t scrolled_off =
      rows_.size() - std::min(rows_.size(), static_cast<size_t>(std::max(1, size.rows)));
  first = std::max(first, scrolled_off);
  if (first < std::max(rows.size(), rows_.size())) {
    size_t same = 0;
    if (first < both) {
      same = equal_cells(rows[first], rows_[first]);
    } else {  // all common rows are equal, and one side has more of them
      first = both - 1;
      same = rows[first].size();
    }
    out += move_to({static_cast<int>(first), width_of_first(rows[first], same)});
    // At the margin there is nothing to erase, and an erasure would remove the last cell.
    if (same < rows_[first].size()) out += "\x1b[K";
    write_cells(out, rows[first], same);
    bool old_below = rows_.size() > first + 1;
    size_t row = first;
    for (; row + 1 < rows.size(); ++row) {
      out += "\r\n";
      if (std::exchange(old_below, false)) out += "\x1b[J";
      write_cells(out, rows[row + 1], 0);
    }
    cursor_ = {static_cast<int>(row), width_of(rows[row])};
    if (old_below) {
      out += move_to({cursor_.row + 1, 0});
      out += "\x1b[J";
    }
    rows_ = std::move(rows);
  }
  out += move_to(cursor);
  return out;
}

void LiveRows::release(size_t count) {
  count = std::min(count, rows_.size() - 1);
  rows_.erase(rows_.begin(), rows_.begin() + static_cast<long>(count));
  cursor_.row = std::max(0, cursor_.row - static_cast<int>(count));
}

}  // namespace ferrum::cli
