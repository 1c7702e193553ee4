// The loop: decide what the next step computes, run it, send the events. Everything runs on one thread.
//
//   add() -> queue -> running -> (preempted -> queue -> running)* -> ended
//
// A sequence's tokens depend on its request alone, not on other sequences, chunk sizes, preemptions, drafts
// or the contents of the prefix cache.
#pragma once
#include <memory>

#include "engine/loop/harvest.h"
#include "engine/loop/lifecycle.h"
#include "engine/loop/loop_options.h"
#include "engine/loop/meter.h"
#include "engine/loop/planner.h"
#include "engine/loop/roster.h"
#include "engine/step_runner.h"
#include "ferrum/engine.h"

namespace ferrum {

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

  int waiting() const { return static_cast<int>(roster_.waiting().size()); }
  bool idle() const { return roster_.empty(); }
  const EngineStats& stats();
  const PrefixCache& cache() const { return cache_; }
  PrefixCache& cache() { return cache_; }

 private:
  void drop_unwanted();
  void run(const StepPlan& plan);
  // The hidden states of the step just computed, if one of its sequences asks for them.
  std::span<const float> hidden_of(const StepPlan& plan, size_t outputs);
  void sweep();  // removes ended sequences

  StepRunner& runner_;
  const Tokenizer* tokenizer_;
  LoopOptions options_;
  LoopObserver nobody_;
  LoopObserver& observer_;  // nobody_, or that of the options
  PrefixCache cache_;
  Roster roster_;
  Meter meter_;
  Lifecycle life_;
  Planner planner_;
  Harvest harvest_;
  int64_t arrivals_ = 0;
  std::vector<float> hidden_;
};

}  // namespace ferrum
