#include "cli/answer_printer.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "base/terminal.h"
#include "cli/terminal/terminal_mode.h"

namespace ferrum::cli {
namespace {

bool write_out(std::string_view bytes) {
  return std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size() && std::fflush(stdout) == 0;
}

std::optional<AnswerView> view_for(AnswerFormat format) {
  if (format == AnswerFormat::kPlain) return std::nullopt;
  return AnswerView(
      format == AnswerFormat::kMarkdown ? AnswerView::Format::kMarkdown : AnswerView::Format::kText,
      shows_colours(STDOUT_FILENO) ? Colours::kAnsi : Colours::kNone,
      [] { return terminal_size(STDOUT_FILENO); });
}

}  // namespace

AnswerFormat answer_format_of_output(AnswerFormat wanted) {
  const char* const name = std::getenv("TERM");
  const bool can_move = name && *name && std::string_view(name) != "dumb";
  return isatty(STDOUT_FILENO) && can_move ? wanted : AnswerFormat::kPlain;
}

AnswerPrinter::AnswerPrinter(AnswerFormat format, Thoughts::Start start)
    : view_(view_for(format)), thoughts_(start) {}

bool AnswerPrinter::print(const std::vector<Thoughts::Piece>& pieces) {
  std::string out;
  for (const Thoughts::Piece& piece : pieces) {
    if (!piece.thought) answer_ += piece.text;
    if (view_) out += piece.thought ? view_->thought(piece.text) : view_->answer(piece.text);
  }
  return out.empty() || write_out(out);
}

bool AnswerPrinter::add(std::string_view text) {
  std::vector<Thoughts::Piece> pieces;
  thoughts_.take(text, pieces);
  return print(pieces) && (view_ || write_out(text));
}

bool AnswerPrinter::finish() {
  std::vector<Thoughts::Piece> pieces;
  thoughts_.end(pieces);
  return print(pieces) && write_out(view_ ? view_->finish() : "\n");
}

}  // namespace ferrum::cli
