// Renders Markdown, line by line, as rows of a terminal: headings, lists, quotes, rules, fenced code and
// tables. A line break in the source is a line break on the screen, which is what chat models mean.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/terminal/live_rows.h"
#include "cli/terminal/markdown_table.h"

namespace ferrum::cli {

class Markdown {
 public:
  explicit Markdown(Colours colours) : colours_(colours) {}

  // Takes the next whole line, without its newline, and returns the rows that are settled by it. A
  // paragraph's first line is held back, since the next one may underline it as a heading. A line that may
  // belong to a table is held back until the table ends, or until it is as high as the screen, from when on
  // its columns keep their widths.
  std::vector<Row> take(std::string_view line, TerminalSize size);
  // The rows of the lines held back and of `partial`, the beginning of the next line, as they look now.
  std::vector<Row> held(std::string_view partial, TerminalSize size) const;
  // Call at the end of the text: returns the rows of the lines held back.
  std::vector<Row> finish(TerminalSize size);

 private:
  struct Fence {
    char mark = '`';
    size_t length = 3;
    size_t indent = 0;
  };

  static std::optional<Fence> fence_of(std::string_view line);
  bool closes_fence(std::string_view line) const;
  std::vector<Row> code_rows(std::string_view line, int columns) const;
  std::vector<Row> line_rows(std::string_view line, int columns, LineState state) const;
  // "Title", underlined: the heading of a level.
  std::vector<Row> heading_rows(std::string_view title, int level, int columns) const;
  std::vector<Row> table_rows(const MarkdownTable& table, int columns) const;
  std::vector<Row> settle_held(int columns);

  Colours colours_;
  std::optional<Fence> fence_;            // set inside a code block
  std::optional<std::string> candidate_;  // may be a table's header or a heading, depending on the next line
  bool in_paragraph_ = false;             // the last line was one of a paragraph, which the next may continue
  std::optional<MarkdownTable> table_;    // the table's unsettled lines
  std::optional<std::vector<int>> widths_;  // of a table whose beginning is settled
};

}  // namespace ferrum::cli
