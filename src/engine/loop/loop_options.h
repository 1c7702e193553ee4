// What a loop may do, and who looks on.
#pragma once
#include <functional>

#include "cache/prefix_cache.h"
#include "engine/loop/draft_pace.h"
#include "engine/loop/loop_observer.h"
#include "engine/loop/scheduler.h"
#include "engine/loop/sequence.h"

namespace ferrum {

struct LoopOptions {
  SchedulerLimits limits;
  PrefixCache::Options cache;
  int draft_tokens = 8;  // at most, of a sequence in one step, if there is a drafter
  DraftPace::Policy drafts = DraftPace::Policy::kWhereItPays;
  bool keeps_draft_states = true;    // of recurrent layers, behind each token of a draft
  double stretch = 1.9;              // see Pace: what is measured may be wrong by a few percent
  LoopObserver* observer = nullptr;  // outlives the loop; may be null
  std::function<Clock::time_point()> now = Clock::now;  // simulations have a clock of their own
};

}  // namespace ferrum
