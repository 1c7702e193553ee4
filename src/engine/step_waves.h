// Splits a step whose drafts keep a recurrent state behind each of their tokens into waves (StepWave).
#pragma once
#include <span>
#include <vector>

#include "backend/arena.h"
#include "backend/backend.h"
#include "engine/chunk.h"

namespace ferrum {

class WaveBuilder {
 public:
  // Room for steps of at most `rows` rows.
  WaveBuilder(Backend& backend, Arena& arena, int rows);
  // What the constructor allocates.
  static StepWave allocate(Arena& arena, int rows);

  // The waves of a step with these chunks, whose rows and slots begin where these say (Step); none where no
  // chunk keeps its state behind each row. Valid until the next call.
  std::span<const StepWave> build(std::span<const Chunk> chunks, std::span<const int32_t> query_start,
                                  std::span<const int32_t> state_slots);

 private:
  void add_wave(std::span<const Chunk> chunks, size_t wave, std::span<const int32_t> query_start,
                std::span<const int32_t> state_slots);

  Backend& backend_;
  StepWave room_;  // of all waves, one behind the other
  std::vector<StepWave> waves_;
  // Host copies, reused from step to step.
  std::vector<int32_t> rows_, query_start_, slots_;
};

}  // namespace ferrum
