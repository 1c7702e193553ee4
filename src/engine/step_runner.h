// The model as the engine's loop sees it.
#pragma once
#include <span>

#include "cache/block_table.h"
#include "engine/step_builder.h"

namespace ferrum {

class StepRunner {
 public:
  virtual ~StepRunner() = default;

  // Runs one step. The result is [outputs, vocab] row-major, in order of the chunks, valid until the next
  // step. Error kBadFile if the checkpoint's file was cut meanwhile.
  virtual std::span<const float> step(std::span<const Chunk> chunks) = 0;

  // Gives blocks the keys and values of other blocks, in the order given. Not within a step: it allocates.
  virtual void copy_blocks(std::span<const BlockCopy> copies) = 0;

  // The hidden states behind the last norm, of which the last step's logits were made: [outputs, hidden()],
  // in the order of the logits. REQUIRES: `states` has that size.
  virtual void read_hidden(std::span<float> states) = 0;

  virtual int vocab() const = 0;
  virtual int hidden() const = 0;
};

}  // namespace ferrum
