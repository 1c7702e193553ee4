// The adapters of a step's rows (StepAdapters), as its chunks name them.
#pragma once
#include <vector>

#include "backend/arena.h"
#include "backend/backend.h"
#include "engine/chunk.h"

namespace ferrum {

class StepAdapterBuilder {
 public:
  struct Limits {
    int tokens = 0;   // rows of a step
    int outputs = 0;  // of those: rows that are read out
    int top_k = 0;    // experts of a row; 0: there are none
  };
  StepAdapterBuilder(Backend& backend, Arena& arena, const Limits& limits);
  // What the constructor allocates, for that many rows.
  static StepAdapters allocate(Arena& arena, int rows, int top_k);

  // Into the step, whose rows are built; nothing where no chunk has an adapter. Valid until the next call.
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
  StepAdapters upload(const StepAdapters& room, const Rows& rows);

  Backend& backend_;
  Limits limits_;
  StepAdapters room_, output_room_;
  Rows rows_, output_rows_;
};

}  // namespace ferrum
