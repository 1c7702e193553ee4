#include "engine/measure/step_recorder.h"

namespace ferrum {

void StepRecorder::go() {
  steps_.clear();
  state_ = State::kRecords;
  state_.notify_one();
}

void StepRecorder::launch(std::span<const Chunk> chunks, const DrawList& draws) {
  if (state_ == State::kHolds) {
    state_ = State::kHeld;
    state_.notify_one();
    state_.wait(State::kHeld);
    running_.reset();
  } else {
    running_ = {.begin = std::chrono::steady_clock::now(),
                .end = {},
                .sequences = static_cast<int>(chunks.size()),
                .outputs = 0};
    for (const Chunk& chunk : chunks) running_->outputs += rows_of(chunk);
  }
  runner_.launch(chunks, draws);
}

DrawnTokens StepRecorder::collect() {
  const DrawnTokens drawn = runner_.collect();
  if (running_) {
    running_->end = std::chrono::steady_clock::now();
    steps_.push_back(*running_);
  }
  return drawn;
}

}  // namespace ferrum
