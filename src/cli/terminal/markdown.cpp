#include "cli/terminal/markdown.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace ferrum::cli {
namespace {

constexpr int kMaxRule = 40;    // columns of a horizontal rule
constexpr int kCodeIndent = 4;  // columns
constexpr int kHeadingColour = 35;

void move_rows(std::vector<Row>& to, std::vector<Row>&& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

Row spaces(size_t count) { return Row(count, Cell{" ", 1, {}}); }

// The first level is underlined.
TextStyle heading_style(int level, Colours colours) {
  return {.bold = true, .underline = level == 1, .colour = colours == Colours::kAnsi ? kHeadingColour : 0};
}

size_t indent_of(std::string_view line) { return std::min(line.find_first_not_of(" \t"), line.size()); }

// ---, ***, ___, also with spaces between.
bool is_rule(std::string_view text) {
  if (text.empty() || std::string_view("-*_").find(text[0]) == std::string_view::npos) return false;
  const char marks[] = {text[0], ' ', '\t', 0};
  return text.find_first_not_of(marks) == std::string_view::npos &&
         std::count(text.begin(), text.end(), text[0]) >= 3;
}

// The size of "# " in "# Title"; 0 if the text is not a heading.
size_t heading_mark(std::string_view text) {
  const size_t level = std::min(text.find_first_not_of('#'), text.size());
  if (level < 1 || level > 6) return 0;
  return level == text.size() ? level : text[level] == ' ' ? level + 1 : 0;
}

// The level of the heading that the line underlines; 0 if it is no underline.
int underline_level(std::string_view line) {
  const size_t indent = indent_of(line);
  if (indent > 3 || indent == line.size()) return 0;
  const char mark = line[indent];
  const size_t end = std::min(line.find_first_not_of(mark, indent), line.size());
  if ((mark != '=' && mark != '-') || line.find_first_not_of(" \t", end) != std::string_view::npos) return 0;
  return mark == '=' ? 1 : 2;
}

// The size of the marker and the space after it in "- item" or "12. item"; 0 if the text is not an item.
size_t item_mark(std::string_view text) {
  size_t size = 0;
  if (!text.empty() && std::string_view("-*+").find(text[0]) != std::string_view::npos) {
    size = 1;
  } else {
    while (size < text.size() && std::isdigit(static_cast<unsigned char>(text[size]))) ++size;
    if (size == 0 || size > 9 || size >= text.size() || (text[size] != '.' && text[size] != ')')) return 0;
    ++size;
  }
  return size < text.size() && text[size] == ' ' ? size + 1 : 0;
}

// Whether the line is text of a paragraph: it has no marker of a block. (Fences are recognised before.)
bool is_paragraph_line(std::string_view line) {
  const size_t indent = indent_of(line);
  const std::string_view text = line.substr(indent);
  return !text.empty() && indent <= 3 && text[0] != '>' && heading_mark(text) == 0 && item_mark(text) == 0 &&
         !is_rule(text);
}

// The beginning of the lines of one kind: on the first row and on the following ones.
struct Prefix {
  Row first;
  Row further;

  void add(const Row& to_first, const Row& to_further) {
    append(first, to_first);
    append(further, to_further);
  }
};

std::string item_text(std::string_view mark) {
  return std::isdigit(static_cast<unsigned char>(mark[0])) ? std::string(mark) : "• ";
}

// A task's box, [ ] or [x], which is removed from the text.
std::string_view task_box(std::string_view& text) {
  for (const auto& [source, box] :
       {std::pair<std::string_view, std::string_view>{"[ ] ", "☐ "}, {"[x] ", "☑ "}, {"[X] ", "☑ "}}) {
    if (!text.starts_with(source)) continue;
    text.remove_prefix(source.size());
    return box;
  }
  return {};
}

// Removes the markers of quotes and items from the text.
Prefix prefix_of(std::string_view& text) {
  static const TextStyle kQuote = {.dim = true};
  Prefix prefix;
  for (;;) {
    const size_t indent = indent_of(text);
    if (indent == text.size()) break;
    const std::string_view rest = text.substr(indent);
    if (rest[0] == '>') {
      text = rest.substr(1);
      if (text.starts_with(' ')) text.remove_prefix(1);
      const Row bar = cells_of("│ ", kQuote);
      prefix.add(bar, bar);
      continue;
    }
    const Row blank = cells_of(text.substr(0, indent));
    if (const size_t mark = item_mark(rest); mark > 0 && !is_rule(rest)) {
      prefix.add(blank, blank);
      text = rest.substr(mark);
      const Row shown = cells_of(item_text(rest.substr(0, mark)));
      prefix.add(shown, spaces(static_cast<size_t>(width_of(shown))));
      if (const std::string_view box = task_box(text); !box.empty()) prefix.add(cells_of(box), spaces(2));
      break;
    }
    prefix.add(blank, blank);
    text = rest;
    break;
  }
  return prefix;
}

}  // namespace

std::optional<Markdown::Fence> Markdown::fence_of(std::string_view line) {
  const size_t indent = indent_of(line);
  const std::string_view text = line.substr(indent);
  if (!text.starts_with("```") && !text.starts_with("~~~")) return std::nullopt;
  const size_t length = std::min(text.find_first_not_of(text[0]), text.size());
  // `code` on one line is not a fence.
  if (text[0] == '`' && text.find('`', length) != std::string_view::npos) return std::nullopt;
  return Fence{.mark = text[0], .length = length, .indent = indent};
}

bool Markdown::closes_fence(std::string_view line) const {
  const std::string_view text = line.substr(indent_of(line));
  const size_t length = std::min(text.find_first_not_of(fence_->mark), text.size());
  return length >= fence_->length && indent_of(text.substr(length)) == text.size() - length;
}

std::vector<Row> Markdown::code_rows(std::string_view line, int columns) const {
  line.remove_prefix(std::min(indent_of(line), fence_->indent));
  Row row = spaces(kCodeIndent + fence_->indent);
  append(row, cells_of(line, {.colour = colours_ == Colours::kAnsi ? kCodeColour : 0}));
  return wrap_anywhere(row, columns, spaces(kCodeIndent + fence_->indent));
}

std::vector<Row> Markdown::line_rows(std::string_view line, int columns, LineState state) const {
  std::string_view text = line;
  const Prefix prefix = prefix_of(text);
  Row row = prefix.first;
  if (is_rule(text) && state == LineState::kWhole) {
    const int width = std::clamp(columns - width_of(row), 2, kMaxRule);
    std::string rule;
    for (int i = 0; i < width; ++i) rule += "─";
    append(row, cells_of(rule, {.dim = true}));
  } else if (const size_t mark = heading_mark(text); mark > 0) {
    text.remove_prefix(mark);
    // Closing marks, as in "## Title ##", are removed.
    const size_t last = text.find_last_not_of("# ");
    if (last != std::string_view::npos && text.ends_with('#') && text[last + 1] == ' ')
      text = text.substr(0, last + 1);
    append(row, inline_cells(text, heading_style(mark == 2 ? 1 : 2, colours_), colours_, state));
  } else {
    append(row, inline_cells(text, {}, colours_, state));
  }
  return wrap_words(row, columns, prefix.further);
}

std::vector<Row> Markdown::heading_rows(std::string_view title, int level, int columns) const {
  return wrap_words(inline_cells(title, heading_style(level, colours_), colours_), columns, {});
}

std::vector<Row> Markdown::table_rows(const MarkdownTable& table, int columns) const {
  const std::vector<int> widths = widths_ ? *widths_ : table_widths(table, columns, colours_);
  std::vector<Row> rows;
  if (!widths_) rows = header_rows(table, widths, colours_);
  move_rows(rows, body_rows(table, widths, colours_));
  // A table that is too wide is cut at the margin, as code is.
  std::vector<Row> cut;
  for (const Row& row : rows) move_rows(cut, wrap_anywhere(row, columns));
  return cut;
}

std::vector<Row> Markdown::settle_held(int columns) {
  std::vector<Row> rows;
  if (candidate_) rows = line_rows(*candidate_, columns, LineState::kWhole);
  if (table_) rows = table_rows(*table_, columns);
  candidate_.reset();
  table_.reset();
  widths_.reset();
  return rows;
}

std::vector<Row> Markdown::take(std::string_view line, TerminalSize size) {
  if (fence_) {
    if (!closes_fence(line)) return code_rows(line, size.columns);
    fence_.reset();
    return {};
  }
  if (table_ && is_table_line(line)) {
    table_->body.push_back(table_cells(line));
    std::vector<Row> rows = table_rows(*table_, size.columns);
    if (!widths_ && static_cast<int>(rows.size()) + 1 < size.rows) return {};
    if (!widths_) widths_ = table_widths(*table_, size.columns, colours_);
    table_->body.clear();
    return rows;
  }
  if (const int level = underline_level(line); candidate_ && level > 0) {
    const std::string title = *std::exchange(candidate_, std::nullopt);
    in_paragraph_ = false;
    return heading_rows(title, level, size.columns);
  }
  if (candidate_ && is_table_line(*candidate_)) {
    const auto aligns = table_alignment(line);
    MarkdownTable::Line header = table_cells(*candidate_);
    if (aligns && aligns->size() == header.size()) {
      table_ = MarkdownTable{.header = std::move(header), .columns = *aligns, .body = {}};
      candidate_.reset();
      in_paragraph_ = false;
      return {};
    }
  }
  std::vector<Row> rows = settle_held(size.columns);
  const bool was_in_paragraph = std::exchange(in_paragraph_, is_paragraph_line(line) && !fence_of(line));
  if (const std::optional<Fence> fence = fence_of(line)) {
    fence_ = fence;
    const std::string_view language = line.substr(fence->indent + fence->length);
    if (indent_of(language) < language.size()) {
      Row label = spaces(kCodeIndent + fence->indent);
      append(label, cells_of(language.substr(indent_of(language)), {.dim = true}));
      move_rows(rows, wrap_anywhere(label, size.columns));
    }
  } else if (is_table_line(line) || (in_paragraph_ && !was_in_paragraph)) {
    candidate_ = line;
  } else {
    move_rows(rows, line_rows(line, size.columns, LineState::kWhole));
  }
  return rows;
}

std::vector<Row> Markdown::held(std::string_view partial, TerminalSize size) const {
  std::vector<Row> rows;
  if (candidate_) rows = line_rows(*candidate_, size.columns, LineState::kWhole);
  if (table_) {
    MarkdownTable table = *table_;
    if (is_table_line(partial)) {
      table.body.push_back(table_cells(partial));
      partial = {};
    }
    rows = table_rows(table, size.columns);
  }
  if (partial.empty()) return rows;
  if (fence_)
    move_rows(rows, code_rows(partial, size.columns));
  else if (!fence_of(partial))
    move_rows(rows, line_rows(partial, size.columns, LineState::kGrowing));
  return rows;
}

std::vector<Row> Markdown::finish(TerminalSize size) {
  fence_.reset();
  return settle_held(size.columns);
}

}  // namespace ferrum::cli
