// What a step computes, and for whom.
#pragma once
#include <span>
#include <vector>

#include "cache/block_table.h"
#include "engine/loop/pace.h"
#include "engine/loop/sequence.h"
#include "engine/sampling/draw_list.h"
#include "engine/step_runner.h"

namespace ferrum {

struct StepPlan {
  explicit StepPlan(int vocab) : draws(vocab) {}

  std::vector<BlockCopy> copies;  // to be made before it
  std::vector<Chunk> chunks;
  std::vector<Sequence*> sequences;  // of each chunk
  // A group for each chunk that has rows of logits: of a prompt's rows whose probabilities or states
  // are wanted, then of the tokens that the sequence goes on with: one and one for each drafted token, or,
  // where the answers begin, one for each choice.
  DrawList draws;
  std::vector<int> first_draws;  // of each chunk
  Crowd crowd;                   // as it was when the step was planned
  Clock::duration drafting{};    // the time that the drafts took

  void clear() {
    copies.clear();
    chunks.clear();
    sequences.clear();
    draws.clear();
    first_draws.clear();
    drafting = {};
  }
};

// What came of a step.
struct StepResult {
  DrawnTokens drawn;              // of the plan's draws
  std::span<const float> hidden;  // [rows of logits, hidden]; empty where no sequence asks for it
};

}  // namespace ferrum
