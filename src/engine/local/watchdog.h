// Notices when the loop stops moving (fault B70), and says what it was doing.
#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "engine/loop/sequence.h"
#include "engine/step_runner.h"

namespace ferrum {

class Watchdog {
 public:
  struct Options {
    double limit = 120;                  // seconds that a turn may take: EngineOptions::stall_seconds
    std::function<std::string()> state;  // what to add to a report; called on the watchdog's thread
    // Called once for each turn over the limit; null: the report is logged as an error.
    std::function<void(const std::string&)> report = {};
  };
  // Error kBadArgument for a limit that is not positive.
  explicit Watchdog(Options options);

  // Called by the loop's thread: a turn begins, and there is nothing to do until the next.
  void begin_turn();
  void rest();
  // The chunks that this turn computes.
  void note(std::span<const Chunk> chunks);

  // For any thread: how long the present turn has taken so far, 0 while the loop rests.
  double seconds_in_turn() const;
  bool stalled() const { return seconds_in_turn() > options_.limit; }

 private:
  struct Noted {
    int position;
    int tokens;
    int blocks;
  };

  void watch(const std::stop_token& stop);
  std::string description(double seconds);

  Options options_;
  std::atomic<Clock::rep> began_ = 0;  // ticks of the clock; 0: resting

  std::mutex mutex_;  // of what follows
  std::condition_variable_any changed_;
  std::vector<Noted> noted_;

  std::jthread thread_;  // last: it ends before the rest goes
};

// A StepRunner that notes for a watchdog what the model computes.
class WatchedRunner final : public StepRunner {
 public:
  WatchedRunner(StepRunner& runner, Watchdog& watchdog) : runner_(runner), watchdog_(watchdog) {}

  void launch(std::span<const Chunk> chunks, const DrawList& draws) override {
    watchdog_.note(chunks);
    runner_.launch(chunks, draws);
  }
  DrawnTokens collect() override { return runner_.collect(); }
  bool runs_ahead() const override { return runner_.runs_ahead(); }
  void copy_blocks(std::span<const BlockCopy> copies) override { runner_.copy_blocks(copies); }
  void read_hidden(std::span<float> states) override { runner_.read_hidden(states); }
  int hidden() const override { return runner_.hidden(); }
  int vocab() const override { return runner_.vocab(); }

 private:
  StepRunner& runner_;
  Watchdog& watchdog_;
};

}  // namespace ferrum
