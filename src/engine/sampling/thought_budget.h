// Ends a model's thoughts after a number of tokens.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/sampling/thought_marks.h"

namespace ferrum {

// A function of the answer's tokens alone, so drafts and preemptions do not change the result.
struct ThoughtBudget {
  std::shared_ptr<const ThoughtMarks> marks;
  std::shared_ptr<const grammar::ByteSearch> calls{};  // that end a thought; null: none
  size_t tokens = 0;                                   // of all thoughts of an answer, without the marks
  bool prompt_is_open = false;                         // the prompt ends inside a thought

  ThoughtScan scan() const { return {*marks, calls.get(), prompt_is_open}; }

  // The rule for the next token after these tokens of the answer.
  struct Rule {
    std::optional<TokenId> forced;   // the only token that may be drawn
    std::vector<TokenId> forbidden;  // must not be drawn
  };
  Rule next(std::span<const TokenId> answer) const {
    ThoughtScan state = scan();
    for (const TokenId id : answer) state.take(id);
    if (state.tokens() < tokens) return {};
    if (state.inside()) return {.forced = marks->next_of_close(answer, state.matched()), .forbidden = {}};
    // The first thought may begin, and ends at once. Another must not, or there would never be an answer.
    if (!state.ended() || !state.may_open()) return {};
    return {.forced = {}, .forbidden = marks->beginning(state.matched())};
  }
};

}  // namespace ferrum
