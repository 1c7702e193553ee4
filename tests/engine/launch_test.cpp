// A step is launched and collected: what happens between the two, and what a failure of either does.
#include <gtest/gtest.h>

#include <functional>

#include "backend/observers/observing_backend.h"
#include "base/error.h"
#include "engine/backend_factory.h"
#include "engine/memory_model.h"
#include "engine/runner.h"
#include "support/paths.h"

namespace ferrum {
namespace {

using test::alone;
using test::ask;
using test::Asked;
using test::MemoryModel;
using test::options;

// Calls back before a step is launched and before it is collected.
class Told final : public StepRunner {
 public:
  explicit Told(StepRunner& model) : model_(model) {}
  void launch(std::span<const Chunk> chunks, const DrawList& draws) override {
    if (on_launch) on_launch();
    model_.launch(chunks, draws);
  }
  DrawnTokens collect() override {
    if (on_collect) on_collect();
    return model_.collect();
  }
  void copy_blocks(std::span<const BlockCopy> copies) override { model_.copy_blocks(copies); }
  void read_hidden(std::span<float>) override {}
  int hidden() const override { return 0; }
  int vocab() const override { return model_.vocab(); }

  std::function<void()> on_launch, on_collect;

 private:
  StepRunner& model_;
};

TEST(Launch, EventsOfAStepAreSentWhileTheNextOneRuns) {
  MemoryModel model(60);
  Told told(model);
  Loop loop(told, nullptr, options(60, 4, 64));
  const Asked asked = ask({5, 6, 7}, 6, 1);
  asked.job->facts.ends.clear();
  loop.add(asked.job);
  std::vector<int> at_launch, at_collect;
  told.on_launch = [&] { at_launch.push_back(asked.reader->told); };
  told.on_collect = [&] { at_collect.push_back(asked.reader->told); };
  for (bool has_work = true; has_work;) {
    has_work = loop.launch();
    loop.deliver();
    if (has_work) loop.collect();
  }
  EXPECT_EQ(at_launch, (std::vector<int>{0, 0, 1, 2, 3, 4}));
  EXPECT_EQ(at_collect, (std::vector<int>{0, 1, 2, 3, 4, 5}));
  EXPECT_TRUE(loop.idle());
  EXPECT_TRUE(asked.reader->choices[0].finish) << "they are sent where a launch finds nothing to do";
  EXPECT_EQ(asked.reader->choices.at(0).tokens, alone(*asked.job).at(0).tokens);
}

TEST(Launch, ARequestMayComeWhileAStepRuns) {
  MemoryModel model(60);
  Told told(model);
  Loop loop(told, nullptr, options(60, 4, 64));
  const Asked first = ask({5, 6, 7}, 6, 1), second = ask({8, 9}, 5, 2);
  loop.add(first.job);
  ASSERT_TRUE(loop.launch());
  loop.add(second.job);
  EXPECT_EQ(loop.waiting(), 1);
  loop.collect();
  test::run(loop);
  for (const Asked& asked : {first, second}) {
    const auto expected = alone(*asked.job);
    EXPECT_EQ(asked.reader->choices.at(0).tokens, expected.at(0).tokens);
    EXPECT_EQ(asked.reader->choices.at(0).logprobs, expected.at(0).logprobs);
  }
}

TEST(LaunchFaults, AStepThatFailsWhenItIsCollectedEndsWhatItComputed) {
  MemoryModel model(60);
  Told told(model);
  Loop loop(told, nullptr, options(60, 4, 64));
  const Asked first = ask({5, 6}, 3, 1), second = ask({5, 6}, 3, 1);
  loop.add(first.job);
  told.on_collect = [] { fail(ErrorCode::kBadFile, "cut"); };
  test::run(loop);
  EXPECT_EQ(first.reader->error.code, "bad_file");
  told.on_collect = nullptr;
  loop.add(second.job);
  test::run(loop);
  EXPECT_TRUE(second.reader->choices[0].finish);
}

// Counts operations, and says that they return before their work is done, or not.
class Counting final : public ObservingBackend {
 public:
  Counting(Backend& inner, bool works_ahead) : ObservingBackend(inner), works_ahead_(works_ahead) {}
  bool works_ahead() const override { return works_ahead_; }
  int operations = 0;

 protected:
  void observe(const OperationCall&, FunctionRef<void()> operation) override {
    ++operations;
    operation();
  }

 private:
  bool works_ahead_;
};

TEST(Launch, WorkIsIssuedAtOnceWhereTheBackendDoesNotWaitForIt) {
  const std::shared_ptr<const Checkpoint> checkpoint =
      Checkpoint::open(std::filesystem::path(FERRUM_SOURCE_DIR) / "models" / "demo-dense.gguf");
  const std::shared_ptr<Backend> cpu = make_backend({.name = "cpu", .threads = 1});
  std::vector<TokenId> tokens;
  for (const bool works_ahead : {false, true}) {
    const auto backend = std::make_shared<Counting>(*cpu, works_ahead);
    Runner runner(backend, checkpoint, {.max_tokens = 8, .max_context = 64, .kv_tokens = 64});
    const std::vector<TokenId> prompt = {10, 20, 30};
    const std::vector<BlockId> blocks = {BlockId{0}};
    const Chunk chunk = {.tokens = prompt, .blocks = blocks};
    DrawList draws(runner.vocab());
    draws.begin_group();
    draws.add(0).chain.temperature = 0;
    backend->operations = 0;
    runner.launch(std::span(&chunk, 1), draws);
    EXPECT_EQ(backend->operations > 0, works_ahead);
    const DrawnTokens drawn = runner.collect();
    EXPECT_GT(backend->operations, 0);
    ASSERT_EQ(drawn.drawn.size(), 1u);
    EXPECT_EQ(drawn.drawn[0].state, Drawn::State::kDrawn);
    tokens.push_back(drawn.drawn[0].token);
    const std::span<const float> logits = runner.step(std::span(&chunk, 1));
    EXPECT_EQ(std::max_element(logits.begin(), logits.end()) - logits.begin(), tokens.back());
  }
  EXPECT_EQ(tokens[0], tokens[1]);
}

}  // namespace
}  // namespace ferrum
