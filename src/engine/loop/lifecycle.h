// How sequences go from phase to phase and end, and what their clients and observers see of it.
#pragma once
#include <functional>

#include "engine/loop/loop_observer.h"
#include "engine/loop/sequence.h"
#include "ferrum/engine.h"

namespace ferrum {

class Lifecycle {
 public:
  // All of them outlive this.
  Lifecycle(EngineStats& stats, LoopObserver& observer, const std::function<Clock::time_point()>& now)
      : stats_(stats), observer_(observer), now_(now) {}

  void enter(Sequence& s, Sequence::Phase phase);
  // A running sequence gives its blocks back and will be computed anew.
  void preempt(Sequence& s);
  void finish(Sequence& s, FinishReason reason);
  // An error ends the whole request: its other choices end without an event.
  void end_with(Sequence& s, const ErrorEvent& error);
  // Whether it has ended, be it by an error of another choice of its request.
  bool is_over(Sequence& s);

 private:
  void close(Sequence& s);

  EngineStats& stats_;
  LoopObserver& observer_;
  const std::function<Clock::time_point()>& now_;
};

}  // namespace ferrum
