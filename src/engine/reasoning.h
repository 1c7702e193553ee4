// What a model thinks before it answers: the marks around it, and which tokens of an answer it is.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "engine/sampling/thought_marks.h"
#include "text/tokenizer.h"
#include "tools/format.h"

namespace ferrum {

// The marks of a format in a vocabulary, which outlives them; null where the model has none: neither does the
// vocabulary have both as tokens, nor the chat template one of them. Harmony's stand in the headers of
// messages: there the word behind the channel's mark begins a thought.
std::shared_ptr<const ThoughtMarks> thought_marks_of(const Tokenizer& tokenizer, const tools::Format& format,
                                                     const std::optional<std::string>& chat_template);

// Of one answer.
class Reasoning {
 public:
  // `marks`: null, no token is one. `inside`: the prompt opened a thought.
  Reasoning(std::shared_ptr<const ThoughtMarks> marks, bool inside) : marks_(std::move(marks)) {
    if (marks_) scan_.emplace(*marks_, nullptr, inside);
  }

  // How many thought tokens, the marks included, are known of with the answer's next token.
  int take(TokenId id) {
    if (!scan_) return 0;
    const bool before = scan_->inside();
    scan_->take(id);
    if (!before && scan_->inside()) return static_cast<int>(scan_->mark_tokens());
    return before ? 1 : 0;
  }

 private:
  std::shared_ptr<const ThoughtMarks> marks_;
  std::optional<ThoughtScan> scan_;
};

}  // namespace ferrum
