// Drafts for the next step: how many tokens each sequence asks for, and those that it gets.
#pragma once
#include <span>
#include <vector>

#include "engine/loop/draft_pace.h"
#include "engine/loop/drafter.h"
#include "engine/loop/loop_options.h"
#include "engine/loop/roster.h"

namespace ferrum {

class Drafting {
 public:
  // All of them outlive this; the drafter may be null.
  Drafting(const LoopOptions& options, const DraftPace& pace, Drafter* drafter)
      : options_(options), pace_(pace), drafter_(drafter) {}

  bool drafts() const { return drafter_ != nullptr; }
  // Sets the number of tokens that each of the running sequences wants. Nothing is drafted beside prompts:
  // such a step has no time to spare.
  void ask(const Roster::Sequences& running);
  // Makes the drafts of the sequences that were granted more rows than one, and takes those rows from
  // `granted`, [running]: what is drafted comes on top. Returns how long it took.
  Clock::duration draft(const Roster::Sequences& running, std::span<int> granted);

 private:
  void ask_for(Sequence& s, int sequences);

  const LoopOptions& options_;
  const DraftPace& pace_;
  Drafter* drafter_;                 // null once it has failed
  std::vector<Sequence*> drafting_;  // reused from step to step
};

}  // namespace ferrum
