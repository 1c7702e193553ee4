// The log probabilities of a prompt's tokens (Request::prompt_logprobs): drawn row by row as the
// prompt is computed, chunk by chunk, and sent once.
#pragma once
#include <span>

#include "engine/sampling/draw_list.h"
#include "engine/sampling/drawn_tokens.h"
#include "ferrum/types.h"
#include "text/tokenizer.h"

namespace ferrum {

class PromptChances {
 public:
  // Without a tokenizer tokens have no bytes.
  PromptChances(std::span<const TokenId> prompt, int alternatives, const Tokenizer* tokenizer);

  // Whether the row of logits that comes of the prompt's token at `position`, which gives the probability of
  // the next one, was not taken yet. Rows come in order; after a preemption they come again.
  bool wants(size_t position) const { return position + 1 >= event_.tokens.size(); }
  // Adds the draw that gives the probability.
  void ask(size_t position, int row, DrawList& list) const;
  // Takes it. REQUIRES: it is wanted. Errors: kNotFinite for NaN or +∞.
  void take(size_t position, const DrawnTokens& drawn, int index);

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
