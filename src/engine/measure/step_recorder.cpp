#include "engine/measure/step_recorder.h"

namespace ferrum {

void StepRecorder::go() {
  steps_.clear();
  state_ = State::kRecords;
  state_.notify_one();
}

void StepRecorder::launch(std::span<const Chunk> chunks, const DrawList& draws) {
  std::optional<RecordedStep> step;
  if (state_ == State::kHolds) {
    state_ = State::kHeld;
    state_.notify_one();
    state_.wait(State::kHeld);
  } else {
    step = {.begin = std::chrono::steady_clock::now(),
            .end = {},
            .sequences = static_cast<int>(chunks.size()),
            .outputs = 0};
    for (const Chunk& chunk : chunks) step->outputs += rows_of(chunk);
  }
  runner_.launch(chunks, draws);
  running_.push_back(step);
}

DrawnTokens StepRecorder::collect() {
  const std::optional<RecordedStep> step = running_.front();
  running_.pop_front();
  const DrawnTokens drawn = runner_.collect();
  const auto end = std::chrono::steady_clock::now();
  if (step) {
    steps_.push_back(*step);
    steps_.back().end = end;
  }
  if (!running_.empty() && running_.front()) running_.front()->begin = end;  // it begins where this one ends
  return drawn;
}

}  // namespace ferrum
