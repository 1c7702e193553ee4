#include "engine/loop/scheduler.h"

#include <gtest/gtest.h>

namespace ferrum {
namespace {

using Kind = Decision::Kind;
using Counts = std::vector<int>;

constexpr SchedulerLimits kLimits = {.batch_tokens = 32, .max_sequences = 4, .block_tokens = 16};

Decision decided(const SchedulerState& state, const SchedulerLimits& limits = kLimits) {
  Decision decision;
  decide(limits, state, decision);
  return decision;
}

TEST(Scheduler, DecodesFirstThenFillsTheStepWithPromptsByRank) {
  const std::vector<RunningView> running = {{.missing = 100, .computed = 16, .blocks = 1},
                                            {.missing = 1, .computed = 20, .blocks = 2},
                                            {.missing = 50}};
  Decision d = decided({.running = running, .available_blocks = 100, .prompt_tokens = 1000});
  EXPECT_EQ(d.kind, Kind::kRun);
  EXPECT_EQ(d.tokens, (Counts{31, 1, 0}));
  d = decided({.running = running, .available_blocks = 100, .prompt_tokens = 8});
  EXPECT_EQ(d.tokens, (Counts{8, 1, 0}));
}

TEST(Scheduler, WithoutDecodingPromptsTakeTheWholeStep) {
  const std::vector<RunningView> running = {{.missing = 20}, {.missing = 50}};
  const Decision d = decided({.running = running, .available_blocks = 100, .prompt_tokens = 4});
  EXPECT_EQ(d.tokens, (Counts{20, 12}));
}

TEST(Scheduler, PromptsWithAllLogitsShareTheSpareRows) {
  SchedulerLimits limits = kLimits;
  limits.spare_rows = 10;
  const std::vector<RunningView> running = {
      {.missing = 8, .every_row = true}, {.missing = 50, .every_row = true}, {.missing = 12}};
  const SchedulerState state = {.running = running, .available_blocks = 100};
  EXPECT_EQ(decided(state, limits).tokens, (Counts{8, 4, 12}));
  EXPECT_EQ(decided(state).tokens, (Counts{1, 1, 12})) << "each has the row of its own";
  const std::vector<RunningView> drafting = {{.missing = 1, .computed = 5, .blocks = 1, .drafted = 6},
                                             {.missing = 50, .every_row = true}};
  EXPECT_EQ(decided({.running = drafting, .available_blocks = 100, .prompt_tokens = 100}, limits).tokens,
            (Counts{7, 5}));
}

TEST(Scheduler, AChunkIsCutToTheBlocksThatAreLeft) {
  const std::vector<RunningView> running = {{.missing = 30, .computed = 8, .blocks = 1}, {.missing = 30}};
  const Decision d = decided({.running = running, .available_blocks = 1, .prompt_tokens = 4});
  EXPECT_EQ(d.tokens, (Counts{24, 0}));
}

TEST(Scheduler, TheLastByRankMakesRoom) {
  const std::vector<RunningView> full = {{.missing = 1, .computed = 16, .blocks = 1},
                                         {.missing = 1, .computed = 17, .blocks = 2}};
  EXPECT_EQ(decided({.running = full, .available_blocks = 0}).kind, Kind::kPreempt);
  EXPECT_EQ(decided({.running = full, .available_blocks = 1}).tokens, (Counts{1, 1}));
  const std::vector<RunningView> prompts = {{.missing = 40, .computed = 16, .blocks = 1},
                                            {.missing = 40, .computed = 16, .blocks = 1}};
  EXPECT_EQ(decided({.running = prompts, .available_blocks = 0}).kind, Kind::kPreempt);
}

TEST(Scheduler, ASharedBlockCostsACopy) {
  const std::vector<RunningView> running = {{.missing = 1, .computed = 20, .blocks = 2, .shared = true},
                                            {.missing = 1, .computed = 20, .blocks = 2}};
  EXPECT_EQ(decided({.running = running, .available_blocks = 0}).kind, Kind::kPreempt);
  EXPECT_EQ(decided({.running = running, .available_blocks = 1}).kind, Kind::kRun);
}

TEST(Scheduler, AdmitsWhatFitsAsAWhole) {
  const std::vector<RunningView> running = {{.missing = 1, .computed = 20, .blocks = 2}};
  SchedulerState state = {
      .running = running, .waiting = WaitingView{.tokens = 33}, .available_blocks = 4, .prompt_tokens = 8};
  EXPECT_EQ(decided(state).kind, Kind::kAdmit);
  state.available_blocks = 3;  // one more is for who runs already
  EXPECT_EQ(decided(state).kind, Kind::kRun);
  state.waiting->found = 1;
  EXPECT_EQ(decided(state).kind, Kind::kAdmit);
  const std::vector<RunningView> four(4, running[0]);
  state.running = four;
  EXPECT_EQ(decided(state).kind, Kind::kRun);
  EXPECT_EQ(decided({.waiting = WaitingView{.tokens = 33}, .available_blocks = 3}).kind, Kind::kAdmit);
}

TEST(Scheduler, PrioritiesAreWorthAgeAndNoMore) {
  EXPECT_GT(rank_of(0, 5), rank_of(0, 6));
  EXPECT_GT(rank_of(1, kAging), rank_of(0, 1));
  EXPECT_LT(rank_of(1, kAging + 2), rank_of(0, 1));
}

}  // namespace
}  // namespace ferrum
