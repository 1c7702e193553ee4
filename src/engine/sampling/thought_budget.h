// Ends a model's thoughts after a number of tokens.
#pragma once
#include <optional>
#include <span>

#include "text/token.h"

namespace ferrum {

// A function of the answer's tokens alone, so drafts and preemptions do not change the result.
struct ThoughtBudget {
  TokenId begin = 0;  // the tokens around thoughts
  TokenId end = 0;
  size_t tokens = 0;            // of all thoughts of an answer, without these two tokens
  bool prompt_is_open = false;  // the prompt ends inside a thought

  // The rule for the next token after these tokens of the answer.
  struct Rule {
    std::optional<TokenId> forced;     // the only token that may be drawn
    std::optional<TokenId> forbidden;  // must not be drawn
  };
  Rule next(std::span<const TokenId> answer) const {
    bool inside = prompt_is_open;
    bool ended = false;  // a thought has ended
    size_t spent = 0;
    for (const TokenId id : answer) {
      if (id == begin) {
        inside = true;
      } else if (id == end) {
        ended |= inside;
        inside = false;
      } else {
        spent += inside ? 1 : 0;
      }
    }
    if (spent < tokens) return {};
    if (inside) return {.forced = end, .forbidden = {}};
    // The first thought may begin, and ends at once. Another must not, or there would never be an answer.
    return {.forced = {}, .forbidden = ended ? std::optional(begin) : std::nullopt};
  }
};

}  // namespace ferrum
