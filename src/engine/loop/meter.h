// What the loop measures: the counters that it tells, and the times that its plans go by. Times decide only
// how fast tokens come, never which.
#pragma once
#include "engine/loop/acceptance.h"
#include "engine/loop/draft_pace.h"
#include "engine/loop/loop_observer.h"
#include "engine/loop/pace.h"
#include "engine/loop/step_plan.h"
#include "ferrum/engine.h"

namespace ferrum {

class Meter {
 public:
  Meter(double stretch, int max_sequences, DraftPace::Policy drafts)
      : pace_(stretch), draft_pace_(max_sequences, drafts) {}

  // Learns from a step that took `time`.
  void observe(const StepPlan& plan, Clock::duration time);
  // A step failed: there is nothing to learn of it.
  void skip() { facts_ = {}; }
  // Of a sequence's draft some tokens were right.
  void observe_draft(Draft& draft);

  EngineStats& stats() { return stats_; }
  const StepFacts& facts() const { return facts_; }  // of the last step
  const Pace& pace() const { return pace_; }
  const DraftPace& draft_pace() const { return draft_pace_; }
  // What to expect of the drafts of a new sequence.
  Acceptance expected_acceptance() const { return acceptance_.expected_of_another(); }

 private:
  Pace pace_;
  DraftPace draft_pace_;
  Acceptance acceptance_;  // of all sequences
  StepFacts facts_;
  EngineStats stats_;
};

}  // namespace ferrum
