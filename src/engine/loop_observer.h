// Who is told what happens in the loop. On the loop's thread, which waits meanwhile.
#pragma once
#include "engine/sequence.h"
#include "ferrum/engine.h"

namespace ferrum {

struct StepFacts {
  int sequences = 0;
  int tokens = 0;         // rows
  int prompt_tokens = 0;  // of them, those of prompts; the last of a prompt alone counts as decoded
};

class LoopObserver {
 public:
  LoopObserver() = default;
  virtual ~LoopObserver() = default;
  LoopObserver(const LoopObserver&) = delete;
  LoopObserver& operator=(const LoopObserver&) = delete;

  virtual void step_began() {}
  virtual void computed() {}                                        // the step's logits are there
  virtual void step_ended(const StepFacts&, const EngineStats&) {}  // none, if nothing was to be done
  // s.phase began at s.since and ends now; s.ended: it was the last.
  virtual void phase_ended(const Sequence&) {}
};

}  // namespace ferrum
