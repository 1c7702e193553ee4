// Plans the next step: looks at the sequences, lets the scheduler decide, admits and preempts as it says,
// asks for drafts, reserves blocks, collects the chunks and says what is drawn of their logits.
#pragma once
#include <array>
#include <vector>

#include "engine/loop/drafting.h"
#include "engine/loop/lifecycle.h"
#include "engine/loop/loop_options.h"
#include "engine/loop/meter.h"
#include "engine/loop/roster.h"
#include "engine/loop/step_plan.h"

namespace ferrum {

class Planner {
 public:
  // What the planner works on. All of it outlives the planner.
  struct Parts {
    Roster& roster;
    PrefixCache& cache;
    Meter& meter;
    Lifecycle& life;
  };
  // `vocab`: the size of the model's vocabulary. The drafter may be null.
  Planner(const LoopOptions& options, const Parts& parts, int vocab, Drafter* drafter);

  // Without chunks if there is nothing to do. A plan is valid until the second one behind it is made.
  const StepPlan& next();
  // The step behind one that is under way: a token of each of its sequences, which is what it draws of them.
  // Without chunks where that cannot be said before the draws are known: where a sequence ends or may be
  // drafted for, has a state or a grammar, penalties or the like, or where others wait and have room.
  const StepPlan& behind(const StepPlan& running);

 private:
  void begin();
  bool can_plan_behind(const StepPlan& running) const;
  bool goes_on(const Sequence& s, const Chunk& chunk) const;
  void look_at_running();
  void admit();
  void preempt();
  void reserve_and_collect();
  int up_to_kept_state(const Sequence& s, int tokens) const;
  // Adds the draws of the rows of logits of this chunk, of which the first is `row`.
  void ask_for_tokens(const Sequence& s, const Chunk& chunk, int row);

  const LoopOptions& options_;
  Parts parts_;
  Drafting drafting_;

  // Reused from step to step.
  std::vector<RunningView> views_;
  Decision decision_;
  std::array<StepPlan, 2> plans_;
  StepPlan* plan_ = &plans_[0];   // the one that is made, or was made last
  std::vector<TokenId> history_;  // with a draft
};

}  // namespace ferrum
