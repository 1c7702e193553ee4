// Writes an answer to standard output while it is generated.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/terminal/answer_view.h"
#include "cli/thoughts.h"

namespace ferrum::cli {

enum class AnswerFormat {
  kPlain,     // verbatim, including <think>: for pipes and files
  kText,      // for a terminal: wraps between words, thoughts dim
  kMarkdown,  // the same, with Markdown rendered
};

// kPlain if standard output is not a terminal, or a terminal that can neither erase nor move (TERM=dumb).
AnswerFormat answer_format_of_output(AnswerFormat wanted);

class AnswerPrinter {
 public:
  AnswerPrinter(AnswerFormat format, Thoughts::Start start);

  // Returns false if the reader of standard output has gone.
  bool add(std::string_view text);
  // Ends the answer with a line break.
  bool finish();
  // The text added so far, without the thoughts.
  const std::string& answer() const { return answer_; }

 private:
  bool print(const std::vector<Thoughts::Piece>& pieces);

  std::optional<AnswerView> view_;  // nullopt: plain
  Thoughts thoughts_;
  std::string answer_;
};

}  // namespace ferrum::cli
