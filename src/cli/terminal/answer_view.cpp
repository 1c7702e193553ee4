#include "cli/terminal/answer_view.h"

#include <iterator>
#include <utility>

#include "base/utf8.h"

namespace ferrum::cli {

AnswerView::AnswerView(Format format, Colours colours, std::function<TerminalSize()> size)
    : format_(format), markdown_(colours), size_(std::move(size)) {}

std::string AnswerView::answer(std::string_view text) { return add(Part::kAnswer, text); }
std::string AnswerView::thought(std::string_view text) { return add(Part::kThought, text); }

std::vector<Row> AnswerView::plain_rows(std::string_view line, TerminalSize size) const {
  return wrap_words(cells_of(line, {.dim = part_ == Part::kThought}), size.columns);
}

std::vector<Row> AnswerView::whole_line(std::string_view line, TerminalSize size) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  const bool is_markdown = format_ == Format::kMarkdown && part_ == Part::kAnswer;
  return is_markdown ? markdown_.take(line, size) : plain_rows(line, size);
}

std::vector<Row> AnswerView::partial_line(TerminalSize size) const {
  std::string_view line = line_;
  line.remove_suffix(utf8::incomplete_tail(line));
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (format_ == Format::kMarkdown && part_ == Part::kAnswer) return markdown_.held(line, size);
  return line.empty() ? std::vector<Row>() : plain_rows(line, size);
}

// Writes the settled rows, and below them those that may still change.
std::string AnswerView::show(std::vector<Row> settled, TerminalSize size) {
  const size_t count = settled.size();
  std::vector<Row> rows = std::move(settled);
  std::vector<Row> changing = partial_line(size);
  if (changing.empty()) changing.emplace_back();
  rows.insert(rows.end(), std::make_move_iterator(changing.begin()), std::make_move_iterator(changing.end()));
  std::string out = rows_.show(std::move(rows), size);
  rows_.release(count);
  return out;
}

std::string AnswerView::add(Part part, std::string_view text) {
  if (text.empty()) return {};
  const TerminalSize size = size_();
  std::string out;
  if (part != part_) {
    const bool thought_before = part_ == Part::kThought;
    out = end_part(size);
    if (thought_before) out += show({Row()}, size);  // an empty row separates the answer from the thoughts
    part_ = part;
  }
  std::vector<Row> settled;
  for (size_t end; (end = text.find('\n')) != std::string_view::npos; text.remove_prefix(end + 1)) {
    line_ += text.substr(0, end);
    std::vector<Row> rows = whole_line(line_, size);
    settled.insert(settled.end(), std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
    line_.clear();
  }
  line_ += text;
  return out + show(std::move(settled), size);
}

std::string AnswerView::end_part(TerminalSize size) {
  std::vector<Row> rows;
  if (!line_.empty()) rows = whole_line(std::exchange(line_, {}), size);
  std::vector<Row> held = markdown_.finish(size);
  rows.insert(rows.end(), std::make_move_iterator(held.begin()), std::make_move_iterator(held.end()));
  return part_ == Part::kNone ? "" : show(std::move(rows), size);
}

std::string AnswerView::finish() {
  std::string out = end_part(size_());
  part_ = Part::kNone;
  return out;
}

}  // namespace ferrum::cli
