// Which hidden states a step of a model with an MTP head reads from earlier passes, and which it keeps
// (HiddenCarry, models/mtp_head.h).
#pragma once
#include <vector>

#include "engine/chunk.h"
#include "engine/step_upload.h"

namespace ferrum {

class CarryBuilder {
 public:
  struct Limits {
    int tokens = 0;  // of a step
    int block_tokens = 0;
    int kv_blocks = 0;
    int kept = 0;  // hidden states of a block
  };
  CarryBuilder(StepUpload& upload, const Limits& limits) : upload_(upload), limits_(limits) {}
  // What a step uploads at most.
  static size_t upload_bytes(const Limits& limits) { return 4 * StepUpload::of_words(limits.tokens); }

  // Of the whole model, or of its MTP head alone, which reads all hidden states that it needs from what was
  // kept, and keeps that of each chunk's last row.
  enum class Pass { kModel, kMtp };
  void begin(Pass pass);
  // Adds what the chunk reads and keeps. Its first row in the step is `row`.
  void add(const Chunk& chunk, int row);
  // Into the step's shape and carry.
  void finish(Step& step);

 private:
  StepUpload& upload_;
  Limits limits_;
  Pass pass_ = Pass::kModel;
  // Host copies, reused from step to step.
  std::vector<int32_t> rows_, from_, kept_rows_, kept_slots_;
};

}  // namespace ferrum
