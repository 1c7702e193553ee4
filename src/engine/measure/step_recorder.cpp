#include "engine/measure/step_recorder.h"

namespace ferrum {

void StepRecorder::go() {
  steps_.clear();
  state_ = State::kRecords;
  state_.notify_one();
}

std::span<const float> StepRecorder::step(std::span<const Chunk> chunks) {
  if (state_ == State::kHolds) {
    state_ = State::kHeld;
    state_.notify_one();
    state_.wait(State::kHeld);
    return runner_.step(chunks);
  }
  RecordedStep step = {.begin = std::chrono::steady_clock::now(),
                       .sequences = static_cast<int>(chunks.size())};
  const std::span<const float> logits = runner_.step(chunks);
  step.end = std::chrono::steady_clock::now();
  step.outputs = static_cast<int>(logits.size()) / runner_.vocab();
  steps_.push_back(step);
  return logits;
}

}  // namespace ferrum
