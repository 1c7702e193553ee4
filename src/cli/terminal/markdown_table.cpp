#include "cli/terminal/markdown_table.h"

#include <algorithm>
#include <numeric>

namespace ferrum::cli {
namespace {

using Align = MarkdownTable::Align;

constexpr int kNarrowest = 3;  // minimum width in columns of a cell that was narrowed
constexpr std::string_view kBetween = " │ ";
constexpr std::string_view kCrossing = "─┼─";
constexpr int kBetweenWidth = 3;

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

const TextStyle& rule_style() {
  static const TextStyle kRule = {.dim = true};
  return kRule;
}

Row spaces(int count) { return Row(static_cast<size_t>(std::max(0, count)), Cell{" ", 1, {}}); }

Row aligned(const Row& text, int width, Align align) {
  const int room = width - width_of(text);
  const int before = align == Align::kRight ? room : align == Align::kCentre ? room / 2 : 0;
  Row row = spaces(before);
  append(row, text);
  append(row, spaces(room - before));
  return row;
}

std::vector<Row> line_rows(const MarkdownTable::Line& line, const std::vector<Align>& aligns,
                           const std::vector<int>& widths, const TextStyle& style, Colours colours) {
  std::vector<std::vector<Row>> cells;
  size_t height = 1;
  for (size_t i = 0; i < widths.size(); ++i) {
    const std::string_view source = i < line.size() ? std::string_view(line[i]) : std::string_view();
    cells.push_back(wrap_words(inline_cells(source, style, colours), widths[i]));
    height = std::max(height, cells.back().size());
  }
  std::vector<Row> rows(height);
  for (size_t r = 0; r < height; ++r) {
    for (size_t i = 0; i < cells.size(); ++i) {
      if (i > 0) append(rows[r], cells_of(kBetween, rule_style()));
      append(rows[r], aligned(r < cells[i].size() ? cells[i][r] : Row(), widths[i], aligns[i]));
    }
    while (!rows[r].empty() && rows[r].back() == Cell{" ", 1, {}}) rows[r].pop_back();
  }
  return rows;
}

}  // namespace

bool is_table_line(std::string_view line) {
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\')
      ++i;
    else if (line[i] == '|')
      return true;
  }
  return false;
}

MarkdownTable::Line table_cells(std::string_view line) {
  line = trimmed(line);
  if (line.starts_with('|')) line.remove_prefix(1);
  MarkdownTable::Line cells;
  std::string cell;
  bool closed = false;  // the line ends with a |
  for (size_t i = 0; i < line.size(); ++i) {
    closed = false;
    if (line[i] == '\\' && i + 1 < line.size() && line[i + 1] == '|') {
      cell += line[++i];
    } else if (line[i] == '\\' && i + 1 < line.size()) {
      cell += line[i];
      cell += line[++i];
    } else if (line[i] == '|') {
      cells.emplace_back(trimmed(cell));
      cell.clear();
      closed = true;
    } else {
      cell += line[i];
    }
  }
  if (!closed) cells.emplace_back(trimmed(cell));
  return cells;
}

std::optional<std::vector<Align>> table_alignment(std::string_view line) {
  if (line.find('-') == std::string_view::npos || line.find_first_not_of(" \t|:-") != std::string_view::npos)
    return std::nullopt;
  std::vector<Align> aligns;
  for (const std::string& cell : table_cells(line)) {
    std::string_view dashes = cell;
    const bool left = dashes.starts_with(':');
    if (left) dashes.remove_prefix(1);
    const bool right = dashes.ends_with(':');
    if (right) dashes.remove_suffix(1);
    if (dashes.empty() || dashes.find_first_not_of('-') != std::string_view::npos) return std::nullopt;
    aligns.push_back(left && right ? Align::kCentre : right ? Align::kRight : Align::kLeft);
  }
  return aligns;
}

std::vector<int> table_widths(const MarkdownTable& table, int columns, Colours colours) {
  const size_t count = table.columns.size();
  std::vector<int> widths(count, 1);
  const auto measure = [&](const MarkdownTable::Line& line) {
    for (size_t i = 0; i < std::min(count, line.size()); ++i)
      widths[i] = std::max(widths[i], width_of(inline_cells(line[i], {}, colours)));
  };
  measure(table.header);
  for (const MarkdownTable::Line& line : table.body) measure(line);
  const int room = columns - kBetweenWidth * (static_cast<int>(count) - 1);
  int total = std::accumulate(widths.begin(), widths.end(), 0);
  while (total > room) {
    const auto widest = std::max_element(widths.begin(), widths.end());
    if (*widest <= kNarrowest) break;  // more columns than the terminal can show side by side
    --*widest;
    --total;
  }
  return widths;
}

std::vector<Row> header_rows(const MarkdownTable& table, const std::vector<int>& widths, Colours colours) {
  std::vector<Row> rows = line_rows(table.header, table.columns, widths, {.bold = true}, colours);
  std::string rule;
  for (size_t i = 0; i < widths.size(); ++i) {
    if (i > 0) rule += kCrossing;
    for (int k = 0; k < widths[i]; ++k) rule += "─";
  }
  rows.push_back(cells_of(rule, rule_style()));
  return rows;
}

std::vector<Row> body_rows(const MarkdownTable& table, const std::vector<int>& widths, Colours colours) {
  std::vector<Row> rows;
  for (const MarkdownTable::Line& line : table.body)
    for (Row& row : line_rows(line, table.columns, widths, {}, colours)) rows.push_back(std::move(row));
  return rows;
}

}  // namespace ferrum::cli
