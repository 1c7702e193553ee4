// The log probabilities of the model itself: natural logarithms of the distribution given by its logits,
// before logit bias, penalties, temperature and all filters.
#pragma once
#include <span>
#include <vector>

#include "engine/sampling/sampler_memory.h"
#include "text/token.h"

namespace ferrum {

struct TokenLogprob {
  TokenId id = 0;
  float logprob = 0;  // −∞ only if the token's logit is −∞
};

struct Logprobs {
  TokenLogprob drawn;
  std::vector<TokenLogprob> top;  // most likely first; without tokens of probability 0
};

// Reads a row over the vocabulary that was sampled from, and so has no NaN. Linear in the vocabulary.
void read_logprobs(std::span<const float> logits, TokenId drawn, int top, SamplerMemory& memory,
                   Logprobs& out);

}  // namespace ferrum
