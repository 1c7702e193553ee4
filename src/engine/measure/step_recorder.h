// What lies between an engine and its model when a bench looks on: notes when each step was in the model.
#pragma once
#include <atomic>
#include <chrono>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "engine/step_runner.h"

namespace ferrum {

struct RecordedStep {
  std::chrono::steady_clock::time_point begin, end;  // of the model's part, the draws included
  int sequences = 0;
  int outputs = 0;  // rows of logits, each of which gives a token
};

class StepRecorder final : public StepRunner {
 public:
  // The runner outlives this.
  explicit StepRecorder(StepRunner& runner) : runner_(runner) {}

  // The next step waits for go(), and is not recorded.
  void hold() { state_ = State::kHolds; }
  // Until a step waits so.
  void await_held() const { state_.wait(State::kHolds); }
  void go();
  // Those since go(). To be read while the engine has nothing to do.
  std::span<const RecordedStep> steps() const { return steps_; }

  void launch(std::span<const Chunk> chunks, const DrawList& draws) override;
  DrawnTokens collect() override;
  bool runs_ahead() const override { return runner_.runs_ahead(); }
  void copy_blocks(std::span<const BlockCopy> copies) override { runner_.copy_blocks(copies); }
  void read_hidden(std::span<float> states) override { runner_.read_hidden(states); }
  int hidden() const override { return runner_.hidden(); }
  int vocab() const override { return runner_.vocab(); }

 private:
  enum class State { kRecords, kHolds, kHeld };

  StepRunner& runner_;
  std::atomic<State> state_ = State::kRecords;
  // Those under way, in order; none if it is not recorded.
  std::deque<std::optional<RecordedStep>> running_;
  std::vector<RecordedStep> steps_;
};

}  // namespace ferrum
