#include "engine/sampling/drawn_tokens.h"

#include "base/check.h"
#include "base/error.h"

namespace ferrum {

void require_drawn(const Drawn& drawn, size_t tokens_before) {
  switch (drawn.state) {
    case Drawn::State::kDrawn:
      return;
    case Drawn::State::kVoid:
      check(false, "a draw is read whose condition was met");
      return;
    case Drawn::State::kNaN:
      fail(ErrorCode::kNotFinite, "the model gave NaN after {} tokens", tokens_before);
    case Drawn::State::kNotFinite:
      fail(ErrorCode::kNotFinite, "the model gave no finite largest logit after {} tokens", tokens_before);
    case Drawn::State::kNoneLeft:
      fail(ErrorCode::kBadArgument,
           "what the request admits (logit_bias, min_tokens, a grammar) leaves no token to draw after {} "
           "tokens",
           tokens_before);
  }
}

void read_logprobs(const DrawnTokens& tokens, int index, Logprobs& out) {
  const Drawn& drawn = tokens.drawn[static_cast<size_t>(index)];
  out.drawn = {drawn.token, drawn.logprob};
  out.top.clear();
  for (size_t i = 0; i < static_cast<size_t>(drawn.top); ++i) {
    const size_t at = static_cast<size_t>(index) * kMostTop + i;
    out.top.push_back({tokens.top_ids[at], tokens.top_logprobs[at]});
  }
}

}  // namespace ferrum
