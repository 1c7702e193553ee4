// What a model thinks before it answers: between two tokens of its vocabulary, of which the first may end the
// prompt.
#pragma once
#include <optional>

#include "text/tokenizer.h"
#include "tools/format.h"

namespace ferrum {

struct ReasoningMarks {
  TokenId begin = 0;
  TokenId end = 0;
};

// Nothing where the format's marks are no tokens.
inline std::optional<ReasoningMarks> reasoning_marks(const Tokenizer& tokenizer,
                                                     const tools::Format& format) {
  const std::optional<TokenId> begin = tokenizer.find(format.reasoning.open);
  const std::optional<TokenId> end = tokenizer.find(format.reasoning.close);
  if (!begin || !end) return std::nullopt;
  return ReasoningMarks{*begin, *end};
}

// Which tokens of one answer are thoughts.
class Reasoning {
 public:
  // `inside`: the prompt opened a thought.
  Reasoning(const std::optional<ReasoningMarks>& marks, bool inside) : marks_(marks), inside_(inside) {}

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
