// What a step computes, and for whom.
#pragma once
#include <span>
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

// What a step read out, a row for each output of its chunks, in their order.
struct StepRows {
  std::span<const float> logits;  // [outputs, vocab]
  std::span<const float> hidden;  // [outputs, hidden]; empty where no sequence asks for it
};

}  // namespace ferrum
