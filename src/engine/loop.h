// The loop: decide what the next step computes, run it, send the events. Everything runs on one thread.
//
//   add() -> queue -> running -> (preempted -> queue -> running)* -> ended
//
// A sequence's tokens depend on its request alone, not on other sequences, chunk sizes, preemptions, drafts
// or the contents of the prefix cache.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "cache/prefix_cache.h"
#include "engine/loop_observer.h"
#include "engine/pace.h"
#include "engine/scheduler.h"
#include "engine/sequence.h"
#include "engine/speculation/draft_pace.h"
#include "engine/step_runner.h"
#include "ferrum/engine.h"

namespace ferrum {

struct LoopOptions {
  SchedulerLimits limits;
  PrefixCache::Options cache;
  int draft_tokens = 8;  // at most, of a sequence in one step, if there is a drafter
  DraftPace::Policy drafts = DraftPace::Policy::kWhereItPays;
  double stretch = 1.9;              // see Pace: what is measured may be wrong by a few percent
  LoopObserver* observer = nullptr;  // outlives the loop; may be null
  std::function<Clock::time_point()> now = Clock::now;  // simulations have a clock of their own
};

class Loop {
 public:
  // The runner, the tokenizer and the drafter outlive the loop; the last two may be null.
  Loop(StepRunner& runner, const Tokenizer* tokenizer, const LoopOptions& options,
       Drafter* drafter = nullptr);

  void add(const std::shared_ptr<Job>& job);
  // Runs one step. Returns false if there was nothing to do.
  bool step();
  // Ends all requests with `error`.
  void fail_all(const ErrorEvent& error);

  int waiting() const { return static_cast<int>(waiting_.size()); }
  bool idle() const { return waiting_.empty() && running_.empty(); }
  const EngineStats& stats();
  const PrefixCache& cache() const { return cache_; }
  PrefixCache& cache() { return cache_; }

 private:
  using Sequences = std::vector<std::unique_ptr<Sequence>>;  // best rank first

  void drop_unwanted();
  // Sets decision_.tokens[i], the tokens of running_[i] in the next step. Returns false if there are none.
  bool plan();
  // Sets the number of tokens to draft for each sequence in the next step.
  void ask_for_drafts();
  void look_at_running();
  void admit();
  void preempt();
  void draft();  // for the sequences that the scheduler granted rows
  void reserve_and_collect();
  void run();
  void observe(Clock::duration time);
  // Consumes the rows of a chunk of a prompt whose log probabilities were requested. Returns the row that the
  // answer starts with, if the chunk ends the prompt.
  std::span<const float> take_prompt_rows(Sequence& s, std::span<const float> logits);
  // Consumes the rows of a chunk: that of its token, and those of the draft as far as it was accepted.
  void take_rows(Sequence& s, std::span<const float> logits);
  // Consumes the row of logits of a sequence whose tokens are all computed.
  void take_logits(Sequence& s, std::span<const float> logits);
  std::unique_ptr<Sequence> sequence(const std::shared_ptr<Job>& job, int choice, int64_t rank,
                                     BlockTable blocks);
  void fork_choices(Sequence& first, std::span<const float> logits);
  void sample(Sequence& s, std::span<const float> logits);
  void end_for_its_logits(Sequence& s);
  void take_token(Sequence& s, TokenId id);
  bool at_end(const Sequence& s) const;
  void shift(Sequence& s);

  void enter(Sequence& s, Sequence::Phase phase);
  void finish(Sequence& s, FinishReason reason);
  void end_with(Sequence& s, const ErrorEvent& error);
  void close(Sequence& s);
  void sweep();  // removes ended sequences
  static void insert(Sequences& into, std::unique_ptr<Sequence> s);

  StepRunner& runner_;
  const Tokenizer* tokenizer_;
  LoopOptions options_;
  Drafter* drafter_;
  PrefixCache cache_;
  SamplerMemory sampling_;
  Pace pace_;
  DraftPace draft_pace_;
  Acceptance acceptance_;  // of all sequences
  Sequences waiting_;
  Sequences running_;
  Sequences forked_;  // by this step
  int64_t arrivals_ = 0;
  Clock::time_point stepped_;  // when the logits of the last step were available
  EngineStats stats_;
  LoopObserver nobody_;
  LoopObserver& observer_;  // nobody_, or that of the options

  // Reused from step to step.
  std::vector<RunningView> views_;
  Crowd crowd_;  // of the sequences in waiting_ and running_
  Decision decision_;
  std::vector<BlockCopy> copies_;
  std::vector<Chunk> chunks_;
  std::vector<size_t> scheduled_;  // the sequence of each chunk
  std::vector<Sequence*> drafting_;
  Clock::duration drafting_time_{};
  StepFacts facts_;
};

}  // namespace ferrum
