// What a step computes, and for whom.
#pragma once
#include <vector>

#include "cache/block_table.h"
#include "engine/loop/pace.h"
#include "engine/loop/sequence.h"
#include "engine/step_builder.h"

namespace ferrum {

struct StepPlan {
  std::vector<BlockCopy> copies;  // to be made before it
  std::vector<Chunk> chunks;
  std::vector<Sequence*> sequences;  // of each chunk
  Crowd crowd;                       // as it was when the step was planned
  Clock::duration drafting{};        // the time that the drafts took

  void clear() {
    copies.clear();
    chunks.clear();
    sequences.clear();
    drafting = {};
  }
};

}  // namespace ferrum
