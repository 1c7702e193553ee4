// What came of a step's draws, on the host.
#pragma once
#include <span>
#include <vector>

#include "backend/draw.h"
#include "text/token.h"

namespace ferrum {

struct DrawnTokens {
  std::span<const Drawn> drawn;  // in the order of the DrawList
  // [drawn, kMostTop], of each as many as its `top`; empty if none were wanted.
  std::span<const int32_t> top_ids;
  std::span<const float> top_logprobs;
};

// Throws for a draw that gave no token, which follows `tokens_before`. Errors: kNotFinite for a row that has
// NaN or +∞, or no finite value (fault B58); kBadArgument if bias, bans and masks leave no token (fault B43).
void require_drawn(const Drawn& drawn, size_t tokens_before);

// The log probabilities of the model itself: natural logarithms of the distribution given by its logits,
// before logit bias, penalties, temperature and all filters.
struct TokenLogprob {
  TokenId id = 0;
  float logprob = 0;  // −∞ only if the token's logit is −∞
};
struct Logprobs {
  TokenLogprob drawn;
  std::vector<TokenLogprob> top;  // most likely first; without tokens of probability 0
};
// REQUIRES: the draw wanted them and gave a token.
void read_logprobs(const DrawnTokens& tokens, int index, Logprobs& out);

}  // namespace ferrum
