// What comes of a computed step: rows of logits become tokens, forks and ends of sequences.
#pragma once
#include <span>
#include <vector>

#include "engine/loop/lifecycle.h"
#include "engine/loop/meter.h"
#include "engine/loop/roster.h"
#include "engine/loop/step_plan.h"
#include "engine/sampling/sampler_memory.h"

namespace ferrum {

class Harvest {
 public:
  // What the harvest works on. All of it outlives the harvest.
  struct Parts {
    Roster& roster;
    Meter& meter;
    Lifecycle& life;
    const Tokenizer* tokenizer;  // may be null
  };
  // Of a model with rows of that width.
  struct Widths {
    int vocab = 0;
    int hidden = 0;
  };
  Harvest(const Parts& parts, int max_sequences, const Widths& widths)
      : parts_(parts),
        max_sequences_(max_sequences),
        vocab_(static_cast<size_t>(widths.vocab)),
        hidden_width_(static_cast<size_t>(widths.hidden)) {}

  // Consumes what a step read out, which was there at `computed`.
  void take(const StepPlan& plan, const StepRows& rows, Clock::time_point computed);

 private:
  // Consumes the rows of a chunk of a prompt of which each row is read out. Returns the row that the
  // answer starts with, if the chunk ends the prompt.
  std::span<const float> take_prompt_rows(Sequence& s, std::span<const float> logits);
  // Consumes the rows of a chunk: that of its token, and those of the draft as far as it was accepted.
  void take_rows(Sequence& s, std::span<const float> logits);
  // Consumes the row of logits of a sequence whose tokens are all computed.
  void take_logits(Sequence& s, std::span<const float> logits);
  void send_hidden(Sequence& s);
  void fork_choices(Sequence& first, std::span<const float> logits);
  void place_forks();
  void sample(Sequence& s, std::span<const float> logits);
  void end_for_its_logits(Sequence& s);
  void take_token(Sequence& s, TokenId id);

  Parts parts_;
  int max_sequences_;
  size_t vocab_;
  size_t hidden_width_;
  std::span<const float> hidden_;  // of the rows of this chunk that are left; empty: nobody wants them
  SamplerMemory sampling_;
  Roster::Sequences forked_;    // by this step
  Clock::time_point computed_;  // when the logits of this step were available
};

}  // namespace ferrum
