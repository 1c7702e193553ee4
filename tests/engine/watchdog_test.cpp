// Fault B70: the loop stops moving.
#include "engine/local/watchdog.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "engine/answers.h"
#include "engine/free_model.h"
#include "engine/local/event_queue.h"
#include "engine/loop/loop.h"

namespace ferrum {
namespace {

// A model that waits for permission before its second step.
class BlockingModel final : public test::LogitsModel {
 public:
  std::span<const float> step(std::span<const Chunk> chunks) override {
    if (++steps == 2) {
      blocked.set_value();
      permission.get_future().wait();
    }
    return model_.step(chunks);
  }
  void copy_blocks(std::span<const BlockCopy>) override {}
  void read_hidden(std::span<float>) override {}
  int hidden() const override { return 0; }
  int vocab() const override { return model_.vocab(); }

  int steps = 0;
  std::promise<void> blocked;
  std::promise<void> permission;

 private:
  test::FreeModel model_{4, 300};
};

std::shared_ptr<Job> job(int tokens, const std::shared_ptr<EventSink>& sink) {
  auto job = std::make_shared<Job>();
  job->prompt.assign(21, 5);
  job->request.max_tokens = tokens;
  job->limit = job->prompt.size() + static_cast<size_t>(tokens);
  job->sink = sink;
  return job;
}

TEST(WatchdogFaults, B70_AStepThatDoesNotEndIsReportedWithTheState) {
  BlockingModel model;
  std::promise<std::string> report;
  std::atomic<int> reports = 0;
  Watchdog watchdog({.limit = 0.05,
                     .state = [] { return "Two wait."; },
                     .report =
                         [&](const std::string& text) {
                           if (reports++ == 0) report.set_value(text);
                         }});
  WatchedRunner runner(model, watchdog);
  EXPECT_EQ(watchdog.seconds_in_turn(), 0);

  const auto reader = std::make_shared<EventQueue>(1);
  std::jthread thread([&] {
    Loop loop(runner, nullptr,
              {.limits = {.batch_tokens = 64, .max_sequences = 4, .block_tokens = 16},
               .cache = {.blocks = 10, .block_tokens = 16}});
    loop.add(job(3, reader));
    while (!loop.idle()) {
      watchdog.begin_turn();
      loop.step();
    }
    watchdog.rest();
  });
  model.blocked.get_future().wait();
  const std::string text = report.get_future().get();
  EXPECT_TRUE(watchdog.stalled());
  EXPECT_TRUE(text.starts_with("the engine has not moved for ")) << text;
  EXPECT_TRUE(text.ends_with("Two wait. The step has 1 sequences: 1 tokens from position 21 in 2 blocks"))
      << text;

  model.permission.set_value();
  const std::optional<Event> end = reader->next();
  ASSERT_TRUE(end && std::holds_alternative<FinishEvent>(*end));
  thread.join();
  EXPECT_FALSE(watchdog.stalled());
  EXPECT_EQ(watchdog.seconds_in_turn(), 0);
}

TEST(WatchdogFaults, B70_TheEngineReportsWhetherItMoves) {
  const auto engine = Engine::load({.model = test::demonstration("demo-dense"), .threads = 1});
  EXPECT_EQ(engine->stats().seconds_in_step, 0);
  Request r;
  r.prompt = TokenPrompt{std::vector<int32_t>(300, 500)};
  r.max_tokens = 100;
  const auto stream = engine->submit(r);
  double seconds = 0;
  while (seconds == 0 && engine->stats().finished == 0) seconds = engine->stats().seconds_in_step;
  EXPECT_GT(seconds, 0);
  EXPECT_FALSE(engine->stats().stalled);
  test::read(*stream, 1);
  while (engine->stats().seconds_in_step > 0) std::this_thread::yield();
}

}  // namespace
}  // namespace ferrum
