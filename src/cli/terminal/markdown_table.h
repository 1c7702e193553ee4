// A Markdown table (GitHub's dialect) as rows of a terminal.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/terminal/inline_markdown.h"

namespace ferrum::cli {

struct MarkdownTable {
  enum class Align { kLeft, kCentre, kRight };
  using Line = std::vector<std::string>;  // the source of each cell

  Line header;
  std::vector<Align> columns;
  std::vector<Line> body;
};

// Whether the line could be a table's row: it has an unescaped |.
bool is_table_line(std::string_view line);
MarkdownTable::Line table_cells(std::string_view line);
// The alignments in the line below a header, |---|:-:|; nullopt if the line is not of this form.
std::optional<std::vector<MarkdownTable::Align>> table_alignment(std::string_view line);

// The widths of the table's columns such that the whole fits into `columns`; the widest are narrowed.
std::vector<int> table_widths(const MarkdownTable& table, int columns, Colours colours);
std::vector<Row> header_rows(const MarkdownTable& table, const std::vector<int>& widths, Colours colours);
std::vector<Row> body_rows(const MarkdownTable& table, const std::vector<int>& widths, Colours colours);

}  // namespace ferrum::cli
