// Callbacks for what happens in the loop. They run on the loop's thread and delay it.
#pragma once
#include "engine/loop/sequence.h"
#include "ferrum/engine.h"

namespace ferrum {

struct StepFacts {
  int sequences = 0;
  int tokens = 0;         // rows
  int prompt_tokens = 0;  // rows of prompts; the last token of a prompt, if alone, counts as decoded
};

class LoopObserver {
 public:
  LoopObserver() = default;
  virtual ~LoopObserver() = default;
  LoopObserver(const LoopObserver&) = delete;
  LoopObserver& operator=(const LoopObserver&) = delete;

  virtual void step_began() {}
  virtual void computed() {}                                        // the step's tokens are drawn
  virtual void step_ended(const StepFacts&, const EngineStats&) {}  // not called if there was nothing to do
  // s.phase lasted from s.since until now; if s.ended, it was the last phase.
  virtual void phase_ended(const Sequence&) {}
};

}  // namespace ferrum
