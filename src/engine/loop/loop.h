// The loop: decide what the next step computes, launch it, send the events of the one before meanwhile, and
// collect what came of it. Everything runs on one thread.
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
#include "engine/loop/outbox.h"
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

  // Also between launch() and collect(). Its events come with those of the next step.
  void add(const std::shared_ptr<Job>& job);

  // Runs one step and sends its events. Returns false if there was nothing to do.
  bool step();
  // The same in parts. Plans and launches a step. Returns whether there is a step to be collected. Where the
  // runner can, a step is launched before the one before it is collected: then there is nothing left to plan
  // here.
  bool launch();
  void collect();
  // Collects what is in flight: no step is under way any more.
  void settle();
  bool is_settled() const { return in_flight_.plan == nullptr; }
  // Sends the events so far. Call it behind a launch, so that an accelerator does not wait for clients.
  void deliver() { outbox_.deliver(); }
  // Ends all requests with `error`.
  void fail_all(const ErrorEvent& error);

  int waiting() const { return static_cast<int>(roster_.waiting().size()); }
  bool idle() const { return roster_.empty(); }
  const EngineStats& stats();
  const PrefixCache& cache() const { return cache_; }
  PrefixCache& cache() { return cache_; }

 private:
  struct InFlight {
    const StepPlan* plan = nullptr;  // null: there is none
    Clock::time_point since;
  };
  InFlight launched(const StepPlan& plan);
  void finish(const InFlight& step);
  void end_step();
  void drop_unwanted();
  void fail(const StepPlan& plan);
  // The hidden states of the step just collected, if one of its sequences asks for them.
  std::span<const float> hidden_of(const StepPlan& plan);
  void sweep();  // removes ended sequences

  StepRunner& runner_;
  const Tokenizer* tokenizer_;
  LoopOptions options_;
  LoopObserver nobody_;
  LoopObserver& observer_;  // that of the options, or one that ignores all
  PrefixCache cache_;
  Outbox outbox_;  // outlives the sequences
  Roster roster_;
  Meter meter_;
  Lifecycle life_;
  Planner planner_;
  Harvest harvest_;
  InFlight in_flight_;  // the step to be collected
  InFlight behind_;     // launched behind it while it is collected
  bool is_settling_ = false;
  int64_t arrivals_ = 0;
  std::vector<float> hidden_;
};

}  // namespace ferrum
