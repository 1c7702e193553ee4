// Ends what a model thinks before it answers once a number of tokens is spent on it.
#pragma once
#include <optional>
#include <span>

#include "text/token.h"

namespace ferrum {

// A function of the answer's tokens alone, so neither drafts nor preemptions change what it says.
struct ThoughtBudget {
  TokenId begin = 0;  // the tokens around thoughts
  TokenId end = 0;
  size_t tokens = 0;            // of all thoughts of an answer, without these two
  bool prompt_is_open = false;  // the prompt ends inside a thought

  // What the budget says about the token after these ones of the answer.
  struct Rule {
    std::optional<TokenId> forced;     // the only token that may be drawn
    std::optional<TokenId> forbidden;  // may not be drawn
  };
  Rule next(std::span<const TokenId> answer) const {
    bool inside = prompt_is_open;
    bool ended = false;  // a thought
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
    // The first thought may begin, and ends at once. Another one may not: the answer would never come.
    return {.forced = {}, .forbidden = ended ? std::optional(begin) : std::nullopt};
  }
};

}  // namespace ferrum
