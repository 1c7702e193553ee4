// Renders an answer on a terminal while it is generated: wraps between words, renders Markdown, dims
// thoughts. Writes nothing itself: the caller gets the bytes to write.
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "cli/terminal/live_rows.h"
#include "cli/terminal/markdown.h"

namespace ferrum::cli {

class AnswerView {
 public:
  enum class Format { kMarkdown, kText };
  // `size` is called for each piece of text, so that a resize is noticed.
  AnswerView(Format format, Colours colours, std::function<TerminalSize()> size);

  // Takes the next piece of the answer; it may end inside a character.
  std::string answer(std::string_view text);
  std::string thought(std::string_view text);
  // Call at the end of the answer. The cursor is then at the beginning of an empty row.
  std::string finish();

 private:
  enum class Part { kNone, kThought, kAnswer };

  std::string add(Part part, std::string_view text);
  std::vector<Row> whole_line(std::string_view line, TerminalSize size);
  std::vector<Row> partial_line(TerminalSize size) const;
  std::vector<Row> plain_rows(std::string_view line, TerminalSize size) const;
  std::string show(std::vector<Row> settled, TerminalSize size);
  std::string end_part(TerminalSize size);

  Format format_;
  Markdown markdown_;
  std::function<TerminalSize()> size_;
  LiveRows rows_;
  Part part_ = Part::kNone;
  std::string line_;  // an incomplete line
};

}  // namespace ferrum::cli
