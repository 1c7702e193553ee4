// What clients may rely on once they have read an event: that it is counted, and what it says of the device.
#include "engine/local/engine_thread.h"

#include <gtest/gtest.h>

#include <functional>
#include <future>

#include "engine/backend_factory.h"
#include "engine/memory_model.h"

namespace ferrum {
namespace {

using test::MemoryModel;

// A model on a device that is lost at a launch, or when a step is collected.
class LostDevice final : public StepRunner, public DeviceReport {
 public:
  enum class When { kAtLaunch, kAtCollect };
  LostDevice(StepRunner& model, When when, int steps) : model_(model), when_(when), left_(steps) {}

  void launch(std::span<const Chunk> chunks, const DrawList& draws) override {
    if (when_ == When::kAtLaunch) count_step();
    model_.launch(chunks, draws);
  }
  DrawnTokens collect() override {
    const DrawnTokens drawn = model_.collect();
    if (when_ == When::kAtCollect) count_step();
    return drawn;
  }
  void copy_blocks(std::span<const BlockCopy> copies) override { model_.copy_blocks(copies); }
  void read_hidden(std::span<float>) override {}
  int hidden() const override { return 0; }
  int vocab() const override { return model_.vocab(); }

  DeviceInfo device() const override { return {.name = "a device", .memory = 1000}; }
  uint64_t free_device_memory() const override { return 10; }
  std::string device_failure() const override { return failure_; }

 private:
  void count_step() {
    if (left_-- > 0) return;
    failure_ = "it fell off the bus";
    throw DeviceLost(failure_);
  }

  StepRunner& model_;
  When when_;
  int left_;  // steps that work
  std::string failure_;
};

// Asks the engine for its state at each event, before the client can.
class Curious final : public EventSink {
 public:
  explicit Curious(std::function<EngineStats()> state) : state_(std::move(state)) {}
  void push(Event event) override {
    if (std::holds_alternative<FinishEvent>(event)) end.set_value(state_());
    if (std::holds_alternative<ErrorEvent>(event)) end.set_value(state_());
  }
  bool cancelled() const override { return false; }

  std::promise<EngineStats> end;

 private:
  std::function<EngineStats()> state_;
};

class EngineThreadTest : public ::testing::Test {
 protected:
  // The engine's state as the requests' last events come.
  std::vector<EngineStats> run(StepRunner& steps, const DeviceReport* device, int requests) {
    const std::shared_ptr<Backend> backend = make_backend({.name = "reference"});
    EngineThread thread(
        {.steps = steps, .backend = *backend, .tokenizer = nullptr, .drafter = nullptr, .device = device},
        test::options(60, 1, 64), {.queue = 8, .stall_seconds = 60});
    std::vector<std::shared_ptr<Curious>> sinks;
    for (int i = 0; i < requests; ++i) {
      const test::Asked asked = test::ask({5, 6, 7}, 4, static_cast<uint64_t>(i));
      asked.job->facts.ends.clear();
      sinks.push_back(std::make_shared<Curious>([&thread] { return thread.stats(); }));
      asked.job->sink = sinks.back();
      thread.send(asked.job);
    }
    thread.wake();
    std::vector<EngineStats> ends;
    for (const auto& sink : sinks) ends.push_back(sink->end.get_future().get());
    return ends;
  }
};

TEST_F(EngineThreadTest, ALastEventIsCountedBeforeItIsSent) {
  MemoryModel model(60);
  const std::vector<EngineStats> ends = run(model, nullptr, 3);
  for (size_t i = 0; i < ends.size(); ++i) EXPECT_EQ(ends[i].finished, static_cast<int64_t>(i) + 1);
}

TEST_F(EngineThreadTest, ALostDeviceIsKnownBeforeTheErrorThatTellsOfIt) {
  for (const auto when : {LostDevice::When::kAtLaunch, LostDevice::When::kAtCollect})
    for (const int steps : {0, 1, 2}) {
      MemoryModel model(60);
      LostDevice lost(model, when, steps);
      // While the first one fails, others wait: the loop goes on without a rest.
      for (const EngineStats& stats : run(lost, &lost, 3))
        EXPECT_EQ(stats.device.failure, "it fell off the bus") << steps;
    }
}

}  // namespace
}  // namespace ferrum
