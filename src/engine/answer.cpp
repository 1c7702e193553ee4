#include "engine/answer.h"

#include <utility>

namespace ferrum {
namespace {

SamplingOptions seeded(SamplingOptions options, uint64_t seed) {
  options.seed = seed;
  return options;
}

}  // namespace

Answer::Answer(const Request& request, const SequenceFacts& facts, uint64_t seed, const Tokenizer* tokenizer,
               Place to)
    : sampler_(seeded(request.sampling, seed), seed, facts),
      stops_(request.stop),
      tokenizer_(tokenizer),
      alternatives_(request.logprobs),
      to_(std::move(to)) {
  if (tokenizer) detokenizer_.emplace(*tokenizer);
}

Draw& Answer::ask(std::span<const TokenId> history, int row, DrawList& list) const {
  Draw& draw = sampler_.ask(history, row, list);
  if (alternatives_) draw.top = *alternatives_;
  return draw;
}

TokenId Answer::take(const DrawnTokens& drawn, int index, size_t tokens_before) {
  const Drawn& one = drawn.drawn[static_cast<size_t>(index)];
  require_drawn(one, tokens_before);
  sampler_.take(one);
  if (alternatives_) read_logprobs(drawn, index, logprobs_);
  return one.token;
}

void Answer::push(TokenId id) {
  ++pushed_;
  std::string text = detokenizer_ ? detokenizer_->push(id) : std::string();
  if (alternatives_) {
    const bool unfinished = detokenizer_ && detokenizer_->unfinished();
    held_.push(token_event(), text.size(),
               unfinished ? HeldTokens::Text::kUnfinished : HeldTokens::Text::kWhole);
  }
  show(stops_.push(text));
}

void Answer::end_at(TokenId id) {
  if (tokenizer_ && stops_.has(tokenizer_->spelling(id))) end_ = tokenizer_->spelling(id);
}

void Answer::finish(FinishReason reason, const Usage& usage) {
  if (detokenizer_) show(stops_.push(detokenizer_->finish()));
  if (!stops_.met()) {
    show(stops_.finish());
    held_.show_rest([this](Event event) { to_.sink->push(std::move(event)); });
  }
  to_.sink->push(FinishEvent{.choice = to_.choice,
                             .reason = reason,
                             .stop = stops_.met() ? stops_.met_string() : end_,
                             .usage = usage});
}

void Answer::show(std::string text) {
  if (alternatives_) held_.show(text.size(), [this](Event event) { to_.sink->push(std::move(event)); });
  if (!text.empty())
    to_.sink->push(TextEvent{.choice = to_.choice, .text = std::move(text), .generated_tokens = pushed_});
}

TokenEvent Answer::token_event() const {
  const auto chance = [this](const TokenLogprob& t) {
    return TokenChance{t.id, tokenizer_ ? tokenizer_->bytes(t.id) : std::string(), t.logprob};
  };
  TokenEvent event = {.choice = to_.choice, .token = chance(logprobs_.drawn), .top = {}};
  for (const TokenLogprob& t : logprobs_.top) event.top.push_back(chance(t));
  return event;
}

}  // namespace ferrum
