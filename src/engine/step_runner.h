// The model as the engine's loop sees it.
#pragma once
#include <span>

#include "cache/block_table.h"
#include "engine/sampling/draw_list.h"
#include "engine/sampling/drawn_tokens.h"
#include "engine/step_builder.h"

namespace ferrum {

constexpr int kMaxChoices = 128;  // of one request, which share a row of logits where they begin

// The rows of logits that a chunk of tokens gives.
inline int rows_of(const Chunk& chunk) {
  if (chunk.outputs == Outputs::kNone) return 0;
  return chunk.outputs != Outputs::kAll ? 1 : static_cast<int>(chunk.tokens.size());
}

class StepRunner {
 public:
  virtual ~StepRunner() = default;

  // Begins a step: the forward pass of the chunks, and the draws of its rows of logits, which are numbered in
  // the order of the chunks. May return before the work is done: chunks and draws stay as they are until
  // collect(). Error kBadFile if the checkpoint's file was cut meanwhile.
  virtual void launch(std::span<const Chunk> chunks, const DrawList& draws) = 0;
  // Waits for the step that was launched. The result is valid until the next launch. Errors as launch().
  virtual DrawnTokens collect() = 0;
  // Whether a step may be launched before the one before it is collected. Then all its chunks are tokens that
  // come from draws of that one (Chunk::drawn). Steps are collected in order, and the result is valid until
  // the launch of the second step behind it.
  virtual bool runs_ahead() const { return false; }

  // Gives blocks the keys and values of other blocks, in the order given. Not within a step: it allocates.
  virtual void copy_blocks(std::span<const BlockCopy> copies) = 0;

  // The hidden states behind the last norm, of which the last step's logits were made: [outputs, hidden()],
  // in the order of the logits. REQUIRES: `states` has that size.
  virtual void read_hidden(std::span<float> states) = 0;

  virtual int vocab() const = 0;
  virtual int hidden() const = 0;
};

}  // namespace ferrum
