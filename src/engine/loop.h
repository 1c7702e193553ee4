// The loop: decide what the next step computes, run it, tell the clients. One thread.
//
//   add() -> queue -> running -> (preempted -> queue -> running)* -> ended
//
// A sequence's tokens depend on its request alone: on no other sequence, no chunk size, no preemption, no
// draft, and not on what the prefix cache held.
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
  int draft_tokens = 8;  // of a sequence in one step at most, where there is a drafter
  DraftPace::Policy drafts = DraftPace::Policy::kWhereItPays;
  double stretch = 1.9;              // see Pace: what is measured may be wrong by a few percent
  LoopObserver* observer = nullptr;  // outlives the loop; null: nobody
  std::function<Clock::time_point()> now = Clock::now;  // simulations have a clock of their own
};

class Loop {
 public:
  // The runner, and the tokenizer and the drafter, which may be missing, outlive the loop.
  Loop(StepRunner& runner, const Tokenizer* tokenizer, const LoopOptions& options,
       Drafter* drafter = nullptr);

  void add(const std::shared_ptr<Job>& job);
  // One step. False if there was nothing to do.
  bool step();
  // Ends all that is left, telling them `error`.
  void fail_all(const ErrorEvent& error);

  int waiting() const { return static_cast<int>(waiting_.size()); }
  bool idle() const { return waiting_.empty() && running_.empty(); }
  const EngineStats& stats();
  const PrefixCache& cache() const { return cache_; }
  PrefixCache& cache() { return cache_; }

 private:
  using Sequences = std::vector<std::unique_ptr<Sequence>>;  // best rank first

  void drop_unwanted();
  // What the next step computes of running_[i]: decision_.tokens[i]. False if nothing.
  bool plan();
  // Which sequences are worth a draft in the next step, and of how many tokens.
  void ask_for_drafts();
  void look_at_running();
  void admit();
  void preempt();
  void draft();  // for those that the scheduler has rows for
  void reserve_and_collect();
  void run();
  void observe(Clock::duration time);
  // The rows of a chunk of a prompt whose chances are asked for. What is left is the row that the answer
  // begins with, where the chunk ends the prompt.
  std::span<const float> take_prompt_rows(Sequence& s, std::span<const float> logits);
  // The rows of a chunk: its token's, and those of the draft for as long as it is right.
  void take_rows(Sequence& s, std::span<const float> logits);
  // A row of logits of a sequence that has all its tokens computed.
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
  void sweep();  // takes ended sequences out
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
  Clock::time_point stepped_;  // when the last step's logits were there
  EngineStats stats_;
  LoopObserver nobody_;
  LoopObserver& observer_;  // nobody_, or who was given

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
