#include "engine/answer.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace ferrum {
namespace {

SamplingOptions seeded(SamplingOptions options, uint64_t seed) {
  options.seed = seed;
  return options;
}

Draw& with_alternatives(Draw& draw, const std::optional<int>& wanted) {
  if (wanted) draw.top = *wanted;
  return draw;
}

PartEvent::Kind kind_of(tools::EventKind kind) {
  switch (kind) {
    case tools::EventKind::kContent:
      return PartEvent::Kind::kContent;
    case tools::EventKind::kReasoning:
      return PartEvent::Kind::kReasoning;
    case tools::EventKind::kCallBegin:
      return PartEvent::Kind::kCallBegin;
    case tools::EventKind::kArguments:
      return PartEvent::Kind::kArguments;
    case tools::EventKind::kCallEnd:
      return PartEvent::Kind::kCallEnd;
  }
  check_failed("a part of an answer has a kind", SourceLocation::current());
}

}  // namespace

Answer::Answer(const Request& request, const SequenceFacts& facts, uint64_t seed, const Tokenizer* tokenizer,
               const AnswerForm* form, Place to)
    : sampler_(seeded(request.sampling, seed), seed, facts),
      stops_(request.stop),
      tokenizer_(tokenizer),
      alternatives_(request.logprobs),
      form_(tokenizer ? form : nullptr),
      to_(std::move(to)),
      min_tokens_(facts.min_tokens) {
  if (tokenizer)
    detokenizer_.emplace(*tokenizer, Detokenizer::Start::kContinuation,
                         form_ ? form_->marks : std::span<const TokenId>());
  if (form_) parser_.emplace(form_->parser(to_.choice));
}

Draw& Answer::ask(std::span<const TokenId> history, int row, DrawList& list) const {
  return with_alternatives(sampler_.ask(history, row, list), alternatives_);
}

Draw& Answer::ask(size_t history, int row, DrawList& list) const {
  return with_alternatives(sampler_.ask(history, row, list), alternatives_);
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
  show(up_to_stop(text));
}

void Answer::end_at(TokenId id) {
  if (!tokenizer_) return;
  const std::string_view spelling = tokenizer_->spelling(id);
  if (stops_.has(spelling)) end_ = spelling;
  if (form_ && std::ranges::binary_search(form_->marks, id)) end_mark_ = spelling;
}

void Answer::finish(FinishReason reason, const Usage& usage) {
  if (detokenizer_) show(up_to_stop(detokenizer_->finish()));
  if (!stops_.met()) {
    show(stops_.finish());
    held_.show_rest([this](Event event) { to_.sink->push(std::move(event)); });
    if (parser_ && !end_mark_.empty()) show_parts(parser_->feed(end_mark_));
  }
  const bool cut = reason == FinishReason::kMaxTokens || reason == FinishReason::kContext;
  if (parser_) show_parts(parser_->finish(cut ? tools::Parser::End::kCut : tools::Parser::End::kOwn));
  to_.sink->push(FinishEvent{.choice = to_.choice,
                             .reason = reason,
                             .stop = stops_.met() ? stops_.met_string() : end_,
                             .usage = usage});
}

std::string Answer::up_to_stop(std::string_view text) {
  return static_cast<size_t>(pushed_) > min_tokens_ ? stops_.push(text) : stops_.pass(text);
}

void Answer::show(std::string text) {
  if (alternatives_) held_.show(text.size(), [this](Event event) { to_.sink->push(std::move(event)); });
  if (text.empty()) return;
  if (parser_)
    show_parts(parser_->feed(text));
  else
    to_.sink->push(TextEvent{.choice = to_.choice, .text = std::move(text), .generated_tokens = pushed_});
}

void Answer::show_parts(const std::vector<tools::Event>& parts) {
  for (const tools::Event& part : parts)
    to_.sink->push(PartEvent{.choice = to_.choice,
                             .kind = kind_of(part.kind),
                             .index = part.index,
                             .id = part.id,
                             .name = part.name,
                             .text = part.text,
                             .complete = part.complete,
                             .generated_tokens = pushed_});
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
