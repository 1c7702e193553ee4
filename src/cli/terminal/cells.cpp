#include "cli/terminal/cells.h"

#include <fmt/core.h>
#include <utf8proc.h>

#include <algorithm>

#include "base/utf8.h"

namespace ferrum::cli {
namespace {

constexpr int kTabColumns = 4;

bool is_control(char32_t c) { return c < 0x20 || (c >= 0x7f && c < 0xa0); }

// ^[ for escape, ^? for delete; control characters beyond ASCII become the replacement character.
std::string caret_notation(char32_t c) {
  if (c >= 0x80) return "\xef\xbf\xbd";
  return {'^', static_cast<char>(c ^ 0x40)};
}

// Columns of a cluster: those of its widest code point, since marks and joined emoji add nothing.
int cluster_width(std::string_view cluster) {
  int width = 0;
  for (std::string_view rest = cluster; !rest.empty();) {
    const utf8::Decoded d = utf8::decode(rest);
    width = std::max(width, utf8proc_charwidth(static_cast<utf8proc_int32_t>(d.code_point)));
    rest.remove_prefix(d.size);
  }
  // Two regional indicators form one flag.
  const utf8::Decoded first = utf8::decode(cluster);
  if (first.code_point >= 0x1f1e6 && first.code_point <= 0x1f1ff && cluster.size() > first.size) return 2;
  return width;
}

bool is_space(const Cell& cell) { return cell.text == " "; }

// Whether a cell is punctuation that must not begin a row.
bool closes(const Cell& cell) {
  static constexpr std::string_view kClosing[] = {"。", "、", "，", "．", "！", "？", "：", "；", "）",
                                                  "」", "』", "】", "》", "〉", "’",  "”",  "…",  "ー"};
  return std::find(std::begin(kClosing), std::end(kClosing), cell.text) != std::end(kClosing);
}

// Whether a row may end before cell `i`, which is not a space.
bool may_cut_before(const Row& line, size_t i) {
  if (i == 0) return false;
  if (is_space(line[i - 1])) return true;
  return (line[i].width > 1 || line[i - 1].width > 1) && !closes(line[i]);
}

int room_for(const Row& indent, int columns) { return std::max(2, columns - width_of(indent)); }

}  // namespace

size_t grapheme_size(std::string_view text) {
  utf8::Decoded last = utf8::decode(text);
  size_t size = last.size;
  if (!last.valid || is_control(last.code_point)) return size;
  utf8proc_int32_t state = 0;
  while (size < text.size()) {
    const utf8::Decoded next = utf8::decode(text.substr(size));
    if (!next.valid || is_control(next.code_point) ||
        utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(last.code_point),
                                         static_cast<utf8proc_int32_t>(next.code_point), &state))
      break;
    size += next.size;
    last = next;
  }
  return size;
}

Row cells_of(std::string_view line, const TextStyle& style, int column) {
  Row cells;
  while (!line.empty()) {
    const size_t size = grapheme_size(line);
    const std::string_view cluster = line.substr(0, size);
    line.remove_prefix(size);
    const utf8::Decoded first = utf8::decode(cluster);
    if (cluster == "\t") {
      do cells.push_back({" ", 1, style});
      while (++column % kTabColumns != 0);
      continue;
    }
    Cell cell = {std::string(cluster), 1, style};
    if (!first.valid)
      cell.text = "\xef\xbf\xbd";
    else if (is_control(first.code_point))
      cell = {caret_notation(first.code_point), first.code_point < 0x80 ? 2 : 1, style};
    else
      cell.width = cluster_width(cluster);
    column += cell.width;
    cells.push_back(std::move(cell));
  }
  return cells;
}

int width_of(const Row& row) {
  int width = 0;
  for (const Cell& cell : row) width += cell.width;
  return width;
}

void append(Row& row, const Row& more) { row.insert(row.end(), more.begin(), more.end()); }

std::vector<Row> wrap_words(const Row& line, int columns, const Row& indent) {
  std::vector<Row> rows;
  size_t begin = 0;  // of the current row
  do {
    const int room = rows.empty() ? std::max(2, columns) : room_for(indent, columns);
    size_t end = begin, cut = begin;
    for (int width = 0; end < line.size() && width + line[end].width <= room; ++end) {
      if (end > begin && !is_space(line[end]) && may_cut_before(line, end)) cut = end;
      width += line[end].width;
    }
    if (end < line.size()) {
      // The text continues: a space at the margin vanishes, and a word that crosses it moves to the next row.
      if (is_space(line[end]) || may_cut_before(line, end)) cut = end;
      // If only the row's leading spaces would stay, the word is split instead.
      const bool only_spaces = std::all_of(line.begin() + static_cast<long>(begin),
                                           line.begin() + static_cast<long>(cut), is_space);
      if (!only_spaces || cut == end) end = cut > begin ? cut : end;
    }
    size_t last = end;
    if (end < line.size())
      while (last > begin && is_space(line[last - 1])) --last;
    Row row = rows.empty() ? Row() : indent;
    row.insert(row.end(), line.begin() + static_cast<long>(begin), line.begin() + static_cast<long>(last));
    rows.push_back(std::move(row));
    begin = end;
    if (begin < line.size())
      while (begin < line.size() && is_space(line[begin])) ++begin;
  } while (begin < line.size());
  return rows;
}

std::vector<Row> wrap_anywhere(const Row& line, int columns, const Row& indent) {
  std::vector<Row> rows(1);
  int room = std::max(2, columns);
  for (const Cell& cell : line) {
    if (cell.width > room) {
      rows.push_back(indent);
      room = room_for(indent, columns);
    }
    rows.back().push_back(cell);
    room -= cell.width;
  }
  return rows;
}

std::string style_change(const TextStyle& from, const TextStyle& to) {
  if (from == to) return {};
  std::string codes = from == TextStyle() ? "" : "0";
  const auto add = [&](int code) { codes += fmt::format("{}{}", codes.empty() ? "" : ";", code); };
  if (to.bold) add(1);
  if (to.dim) add(2);
  if (to.italic) add(3);
  if (to.underline) add(4);
  if (to.strike) add(9);
  if (to.colour) add(to.colour);
  return fmt::format("\x1b[{}m", codes);
}

}  // namespace ferrum::cli
