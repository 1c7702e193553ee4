// Splits a step whose drafts keep a recurrent state behind each of their tokens into waves (StepWave).
#pragma once
#include <span>
#include <vector>

#include "engine/chunk.h"
#include "engine/step_upload.h"

namespace ferrum {

class WaveBuilder {
 public:
  // For steps of at most `rows` rows.
  WaveBuilder(StepUpload& upload, int rows) : upload_(upload), most_rows_(rows) {}
  // What a step uploads at most: a wave has a row or more, and one beginning more than it has sequences.
  static size_t upload_bytes(int rows) {
    return StepUpload::of_words(rows) + 2 * StepUpload::of_words(int64_t{2} * rows);
  }

  // The waves of a step with these chunks, whose rows and slots begin where these say (Step); none where no
  // chunk keeps its state behind each row. Valid until the next call.
  std::span<const StepWave> build(std::span<const Chunk> chunks, std::span<const int32_t> query_start,
                                  std::span<const int32_t> state_slots);

 private:
  void add_wave(std::span<const Chunk> chunks, size_t wave, std::span<const int32_t> query_start,
                std::span<const int32_t> state_slots);

  StepUpload& upload_;
  int most_rows_;
  std::vector<StepWave> waves_;
  // Of all waves, one behind the other; reused from step to step.
  std::vector<int32_t> rows_, query_start_, slots_;
};

}  // namespace ferrum
