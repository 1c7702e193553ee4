#include "engine/prompt_chances.h"

#include <limits>
#include <utility>

#include "base/check.h"
#include "base/error.h"

namespace ferrum {

PromptChances::PromptChances(std::span<const TokenId> prompt, int alternatives, const Tokenizer* tokenizer)
    : prompt_(prompt), alternatives_(alternatives), tokenizer_(tokenizer) {
  event_.tokens.reserve(prompt.size());
  event_.tokens.push_back(
      {.token = chance({prompt.front(), std::numeric_limits<float>::quiet_NaN()}), .top = {}});
}

TokenChance PromptChances::chance(const TokenLogprob& t) const {
  return {t.id, tokenizer_ ? tokenizer_->bytes(t.id) : std::string(), t.logprob};
}

void PromptChances::ask(size_t position, int row, DrawList& list) const {
  Draw& draw = list.add(row);
  draw.given = prompt_[position + 1];
  draw.top = alternatives_;
}

void PromptChances::take(size_t position, const DrawnTokens& drawn, int index) {
  const size_t next = position + 1;
  check_equal(next, event_.tokens.size(), "rows of a prompt come in order");
  if (drawn.drawn[static_cast<size_t>(index)].state != Drawn::State::kDrawn)
    fail(ErrorCode::kNotFinite, "the model gave no finite logits after {} tokens", next);
  read_logprobs(drawn, index, row_);
  PromptToken token = {.token = chance(row_.drawn), .top = {}};
  for (const TokenLogprob& t : row_.top) token.top.push_back(chance(t));
  event_.tokens.push_back(std::move(token));
}

PromptEvent PromptChances::event() {
  check_equal(event_.tokens.size(), prompt_.size(), "chances of all tokens of a prompt");
  return std::move(event_);
}

}  // namespace ferrum
