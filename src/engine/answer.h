// From drawn tokens to what a client reads: says how one choice's tokens are drawn, turns them into text,
// watches for its end.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "engine/answer_form.h"
#include "engine/held_tokens.h"
#include "engine/sampling/drawn_tokens.h"
#include "engine/sampling/sampler.h"
#include "engine/stop_strings.h"
#include "ferrum/types.h"
#include "text/detokenizer.h"

namespace ferrum {

// Where a request's events go. Called on the loop's thread: an implementation must not block on the reader.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void push(Event event) = 0;
  // True if the reader has gone: the work is dropped before the next step.
  virtual bool cancelled() const = 0;
};

class Answer {
 public:
  struct Place {
    std::shared_ptr<EventSink> sink;
    int choice = 0;
  };
  // Without a tokenizer there is no text. `form`, which outlives this, says into which parts it is divided;
  // null: as text.
  Answer(const Request& request, const SequenceFacts& facts, uint64_t seed, const Tokenizer* tokenizer,
         const AnswerForm* form, Place to);

  // Adds the draw of the token after `history`, the whole sequence so far, of this row of logits.
  Draw& ask(std::span<const TokenId> history, int row, DrawList& list) const;
  // The same where of the history only its number of tokens is known. REQUIRES: !reads_history().
  Draw& ask(size_t history, int row, DrawList& list) const;
  bool reads_history() const { return sampler_.reads_history(); }
  // The same as the first, for a draft: without log probabilities.
  Draw& ask_for_draft(std::span<const TokenId> history, int row, DrawList& list) const {
    return sampler_.ask(history, row, list);
  }
  // The answer goes on with the token of this draw, which follows `tokens_before`. Errors as require_drawn.
  TokenId take(const DrawnTokens& drawn, int index, size_t tokens_before);
  // The token that was taken last, as part of the answer.
  void push(TokenId id);
  // The token that was taken last ends the answer and is no part of it. Where a stop string spells it, the
  // answer ends by that string.
  void end_at(TokenId id);
  // A stop string was met: nothing more is to be pushed.
  bool stopped() const { return stops_.met(); }
  // Sends the text that was held back, and the FinishEvent.
  void finish(FinishReason reason, const Usage& usage);

 private:
  // What of the text may be shown: nothing from a stop string on that comes late enough to end the answer.
  std::string up_to_stop(std::string_view text);
  void show(std::string text);
  void show_parts(const std::vector<tools::Event>& parts);
  TokenEvent token_event() const;

  Sampler sampler_;
  StopStrings stops_;
  std::string end_;  // the stop string that spells the token that ended the answer
  const Tokenizer* tokenizer_;
  std::optional<int> alternatives_;
  Logprobs logprobs_;  // of the token that was taken last
  HeldTokens held_;
  std::optional<Detokenizer> detokenizer_;
  std::optional<tools::Parser> parser_;  // of an answer in parts
  std::string end_mark_;                 // the mark that ended the answer, as part of its format
  const AnswerForm* form_;
  Place to_;
  size_t min_tokens_;
  int pushed_ = 0;  // tokens
};

}  // namespace ferrum
