// The adapters of a step's rows (StepAdapters), as its chunks name them.
#pragma once
#include <vector>

#include "engine/chunk.h"
#include "engine/step_upload.h"

namespace ferrum {

class StepAdapterBuilder {
 public:
  struct Limits {
    int tokens = 0;   // rows of a step
    int outputs = 0;  // of those: rows that are read out
    int top_k = 0;    // experts of a row; 0: there are none
  };
  StepAdapterBuilder(StepUpload& upload, const Limits& limits) : upload_(upload), limits_(limits) {}
  // What a step uploads at most.
  static size_t upload_bytes(const Limits& limits);

  // Into the step, whose rows are built; nothing where no chunk has an adapter.
  void build(std::span<const Chunk> chunks, Step& step);

 private:
  // Host copies of one StepAdapters, reused from step to step.
  struct Rows {
    std::vector<int32_t> slots, order, expert_rows, pair_rows, pair_slots;
    std::vector<float> scales, pair_scales;

    void clear();
    void sort();
    void add(const AdapterUse& use, int top_k);
  };
  StepAdapters upload(const Rows& rows);

  StepUpload& upload_;
  Limits limits_;
  Rows rows_, output_rows_;
};

}  // namespace ferrum
