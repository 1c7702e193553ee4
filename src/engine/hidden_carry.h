// Which hidden states a step of a model with an MTP head reads from earlier passes, and which it keeps
// (HiddenCarry, models/mtp_head.h).
#pragma once
#include <vector>

#include "backend/arena.h"
#include "backend/backend.h"
#include "engine/chunk.h"

namespace ferrum {

class CarryBuilder {
 public:
  struct Limits {
    int tokens = 0;  // of a step
    int block_tokens = 0;
    int kv_blocks = 0;
    int kept = 0;  // hidden states of a block
  };
  CarryBuilder(Backend& backend, Arena& arena, const Limits& limits);
  // What the constructor allocates.
  static HiddenCarry allocate(Arena& arena, const Limits& limits);

  // Of the whole model, or of its MTP head alone, which reads all hidden states that it needs from what was
  // kept, and keeps that of each chunk's last row.
  enum class Pass { kModel, kMtp };
  void begin(Pass pass);
  // Adds what the chunk reads and keeps. Its first row in the step is `row`.
  void add(const Chunk& chunk, int row);
  // Into the step's shape and carry, valid until the next begin().
  void finish(Step& step);

 private:
  Backend& backend_;
  Limits limits_;
  HiddenCarry room_;
  Pass pass_ = Pass::kModel;
  // Host copies, reused from step to step.
  std::vector<int32_t> rows_, from_, kept_rows_, kept_slots_;
};

}  // namespace ferrum
