// How likely the model itself found a token: natural logarithms of the distribution that its logits give,
// before logit bias, penalties, temperature and all that narrows the choice.
#pragma once
#include <span>
#include <vector>

#include "engine/sampling/sampler_memory.h"
#include "text/token.h"

namespace ferrum {

struct TokenLogprob {
  TokenId id = 0;
  float logprob = 0;  // −∞ only for a token whose logit is
};

struct Logprobs {
  TokenLogprob drawn;
  std::vector<TokenLogprob> top;  // the most likely first; of probability 0 none
};

// Of one row over the vocabulary that was sampled from, so has no NaN. Linear in the vocabulary.
void read_logprobs(std::span<const float> logits, TokenId drawn, int top, SamplerMemory& memory,
                   Logprobs& out);

}  // namespace ferrum
