// What comes of a computed step: draws become tokens, forks and ends of sequences.
#pragma once
#include <vector>

#include "engine/loop/lifecycle.h"
#include "engine/loop/meter.h"
#include "engine/loop/roster.h"
#include "engine/loop/step_plan.h"
#include "engine/sampling/drawn_tokens.h"

namespace ferrum {

class Harvest {
 public:
  // What the harvest works on. All of it outlives the harvest.
  struct Parts {
    Roster& roster;
    Meter& meter;
    Lifecycle& life;
    const Tokenizer* tokenizer;  // may be null
    bool keeps_states = false;   // the model has recurrent layers
  };
  // `hidden`: the width of the model's hidden states.
  Harvest(const Parts& parts, int max_sequences, int hidden)
      : parts_(parts), max_sequences_(max_sequences), hidden_width_(static_cast<size_t>(hidden)) {}

  // Consumes what came of a step, which was there at `computed`.
  void take(const StepPlan& plan, const StepResult& result, Clock::time_point computed);

 private:
  // A draw of this step.
  struct Found {
    const DrawnTokens& drawn;
    int index;
    Found next(int n = 1) const { return {drawn, index + n}; }
  };
  // Takes what the request wants of a prompt's chunk, each of whose rows is read out. Returns how many rows
  // are left, and the first draw that is.
  int take_prompt_rows(Sequence& s, int rows, Found& at);
  // Takes the tokens of a chunk's rows: of its own token, and of the draft as far as it was accepted.
  void take_rows(Sequence& s, int rows, const Found& first);
  // Takes the token that follows a sequence whose tokens are all computed.
  void take_next(Sequence& s, const Found& at);
  void settle_state(Sequence& s, int rows, int taken);
  void send_hidden(Sequence& s);
  void fork_choices(Sequence& first, const Found& at);
  void place_forks();
  void take_draw(Sequence& s, const Found& at);
  void end_for_its_logits(Sequence& s);
  void take_token(Sequence& s, TokenId id);
  void take_certain(Sequence& s);

  Parts parts_;
  int max_sequences_;
  size_t hidden_width_;
  std::span<const float> hidden_;  // of the rows of this chunk that are left; empty: not wanted
  Roster::Sequences forked_;       // by this step
  Clock::time_point computed_;     // when the draws of this step were there
};

}  // namespace ferrum
