#include "cli/thoughts.h"

#include <algorithm>
#include <utility>

namespace ferrum::cli {
namespace {

constexpr std::string_view kBegin = "<think>";
constexpr std::string_view kEnd = "</think>";
constexpr size_t kLastTokens = 16;  // the end of a prompt that can contain <think> and empty lines after it

std::string_view without_leading(std::string_view text, const char* characters) {
  text.remove_prefix(std::min(text.find_first_not_of(characters), text.size()));
  return text;
}

// The number of bytes at the end of the text that may begin an end of thoughts: empty lines, and a prefix of
// </think>.
size_t bytes_to_hold(std::string_view text) {
  size_t mark = std::min(text.size(), kEnd.size());
  while (!text.ends_with(kEnd.substr(0, mark))) --mark;
  text.remove_suffix(mark);
  size_t lines = 0;
  while (lines < text.size() && text[text.size() - 1 - lines] == '\n') ++lines;
  return mark + lines;
}

void add(std::vector<Thoughts::Piece>& out, bool thought, std::string_view text) {
  if (text.empty()) return;
  if (out.empty() || out.back().thought != thought) out.push_back({thought, {}});
  out.back().text += text;
}

}  // namespace

void Thoughts::take(std::string_view text, std::vector<Piece>& out) {
  held_ += text;
  if (state_ == Start::kPerhaps) begin(out);
  if (state_ != Start::kPerhaps) go_on(out);
}

// Decides whether the answer begins with thoughts.
void Thoughts::begin(std::vector<Piece>& out) {
  const std::string_view text = without_leading(held_, " \n");
  if (text.starts_with(kBegin)) {
    held_ = text.substr(kBegin.size());
    state_ = Start::kInside;
  } else if (!kBegin.starts_with(text)) {
    state_ = Start::kNone;
    add(out, false, std::exchange(held_, {}));
  }
}

void Thoughts::go_on(std::vector<Piece>& out) {
  if (state_ == Start::kInside) {
    std::string_view text = held_;
    if (at_beginning_) text = without_leading(text, "\n");
    const size_t end = text.find(kEnd);
    if (end == std::string_view::npos) {
      const size_t ready = text.size() - bytes_to_hold(text);
      add(out, true, text.substr(0, ready));
      at_beginning_ &= ready == 0;
      held_ = std::string(text.substr(ready));
      return;
    }
    const std::string_view last = text.substr(0, end);
    add(out, true, last.substr(0, last.find_last_not_of('\n') + 1));
    held_ = std::string(text.substr(end + kEnd.size()));
    state_ = Start::kNone;
    at_beginning_ = true;
    thought_ = true;
  }
  std::string_view text = held_;
  if (thought_ && at_beginning_) text = without_leading(text, "\n");
  at_beginning_ &= text.empty();
  add(out, false, text);
  held_.clear();
}

void Thoughts::end(std::vector<Piece>& out) { add(out, state_ == Start::kInside, std::exchange(held_, {})); }

Thoughts::Start start_of_thoughts(const Engine& engine, Prompt& prompt) {
  if (!engine.info().reasons) return Thoughts::Start::kNone;
  std::vector<int32_t> ids = engine.tokens_of(prompt);
  const std::string last = engine.text_of(std::span(ids).last(std::min(ids.size(), kLastTokens)));
  const std::string_view line = std::string_view(last).substr(0, last.find_last_not_of('\n') + 1);
  prompt = TokenPrompt{std::move(ids)};
  return line.ends_with(kBegin) ? Thoughts::Start::kInside : Thoughts::Start::kPerhaps;
}

}  // namespace ferrum::cli
