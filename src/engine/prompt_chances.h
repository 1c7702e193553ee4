// The log probabilities of a prompt's tokens (Request::prompt_logprobs): collected from rows of logits as the
// prompt is computed, chunk by chunk, and sent once.
#pragma once
#include <span>

#include "engine/sampling/logprobs.h"
#include "ferrum/types.h"
#include "text/tokenizer.h"

namespace ferrum {

class PromptChances {
 public:
  // Without a tokenizer tokens have no bytes.
  PromptChances(std::span<const TokenId> prompt, int alternatives, const Tokenizer* tokenizer);

  // The row of logits that comes of the prompt's token at `position`, which gives the probability of the next
  // one was. Rows come in order; after a preemption they come again, and those that were taken are passed
  // over. Errors: kNotFinite for NaN or +∞.
  void take(size_t position, std::span<const float> logits, SamplerMemory& memory);

  // All of it, once the rows of all tokens but the last were taken. Leaves nothing here.
  PromptEvent event();

 private:
  TokenChance chance(const TokenLogprob& t) const;

  std::span<const TokenId> prompt_;
  int alternatives_;
  const Tokenizer* tokenizer_;
  Logprobs row_;  // reused
  PromptEvent event_;
};

}  // namespace ferrum
