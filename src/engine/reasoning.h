// What a model thinks before it answers: between two tokens of its vocabulary (as Qwen3 and DeepSeek-R1 have
// them), of which the first may end the prompt.
#pragma once
#include <algorithm>
#include <optional>
#include <span>

#include "text/tokenizer.h"

namespace ferrum {

struct ReasoningMarks {
  TokenId begin = 0;
  TokenId end = 0;
};

inline std::optional<ReasoningMarks> reasoning_marks(const Tokenizer& tokenizer) {
  const std::optional<TokenId> begin = tokenizer.find("<think>");
  const std::optional<TokenId> end = tokenizer.find("</think>");
  if (!begin || !end) return std::nullopt;
  return ReasoningMarks{*begin, *end};
}

// Which tokens of one answer are thoughts.
class Reasoning {
 public:
  Reasoning(const std::optional<ReasoningMarks>& marks, std::span<const TokenId> prompt) : marks_(marks) {
    if (!marks_) return;
    const auto is_mark = [&](TokenId id) { return id == marks_->begin || id == marks_->end; };
    const auto last = std::find_if(prompt.rbegin(), prompt.rend(), is_mark);
    inside_ = last != prompt.rend() && *last == marks_->begin;
  }

  bool inside() const { return inside_; }

  // The answer's next token: whether it is one, the marks included.
  bool has(TokenId id) {
    if (!marks_) return false;
    const bool before = inside_;
    inside_ = id == marks_->begin || (inside_ && id != marks_->end);
    return before || inside_;
  }

 private:
  std::optional<ReasoningMarks> marks_;
  bool inside_ = false;
};

}  // namespace ferrum
