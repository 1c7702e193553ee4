// Steps that are launched before the one before them is collected: their tokens come from its draws. Answers
// are what they are without that.
#include <gtest/gtest.h>

#include <deque>
#include <random>

#include "backend/observers/forwarding_backend.h"
#include "base/error.h"
#include "engine/answers.h"
#include "engine/backend_factory.h"
#include "engine/memory_model.h"
#include "engine/runner.h"
#include "support/paths.h"

namespace ferrum {
namespace {

using test::alone;
using test::ask;
using test::Asked;
using test::kVocab;
using test::MemoryModel;
using test::options;

// Computes at once, and keeps what came of a step until it is collected.
class Ahead final : public StepRunner {
 public:
  explicit Ahead(StepRunner& model) : model_(model) {}

  void launch(std::span<const Chunk> chunks, const DrawList& draws) override {
    std::vector<Chunk> known(chunks.begin(), chunks.end());
    std::vector<TokenId> tokens(chunks.size());
    for (size_t c = 0; c < chunks.size(); ++c) {
      ASSERT_EQ(chunks[c].drawn >= 0, !results_.empty())
          << "of all chunks of a step that is ahead, and no other";
      if (results_.empty()) continue;
      tokens[c] = results_.back().drawn.at(static_cast<size_t>(chunks[c].drawn)).token;
      known[c].tokens = std::span(&tokens[c], 1);
    }
    ahead += !results_.empty();
    ASSERT_LT(results_.size(), 2u);
    model_.launch(known, draws);
    const DrawnTokens all = model_.collect();
    results_.push_back({{all.drawn.begin(), all.drawn.end()},
                        {all.top_ids.begin(), all.top_ids.end()},
                        {all.top_logprobs.begin(), all.top_logprobs.end()}});
  }
  DrawnTokens collect() override {
    collected_ = std::move(results_.front());
    results_.pop_front();
    if (on_collect) on_collect();
    return {collected_.drawn, collected_.top_ids, collected_.top_logprobs};
  }
  bool runs_ahead() const override { return true; }
  void copy_blocks(std::span<const BlockCopy> copies) override { model_.copy_blocks(copies); }
  void read_hidden(std::span<float>) override {}
  int hidden() const override { return 0; }
  int vocab() const override { return model_.vocab(); }

  std::function<void()> on_collect;
  int ahead = 0;  // steps

 private:
  struct Results {
    std::vector<Drawn> drawn;
    std::vector<int32_t> top_ids;
    std::vector<float> top_logprobs;
  };
  StepRunner& model_;
  std::deque<Results> results_;
  Results collected_;
};

void expect_as_alone(const Asked& asked) {
  const auto expected = alone(*asked.job);
  for (const auto& [choice, answer] : expected) {
    const test::Choice& found = asked.reader->choices.at(choice);
    EXPECT_EQ(found.tokens, answer.tokens);
    EXPECT_EQ(found.logprobs, answer.logprobs);
    ASSERT_TRUE(found.finish);
    EXPECT_EQ(found.finish->reason, answer.finish->reason);
    EXPECT_EQ(found.finish->usage.generated_tokens, answer.finish->usage.generated_tokens);
  }
}

TEST(RunAhead, StepsOfAnAnswerFollowEachOtherWithoutAWait) {
  MemoryModel model(60);
  Ahead ahead(model);
  Loop loop(ahead, nullptr, options(60, 4, 64));
  const Asked asked = ask({5, 6, 7}, 10, 1);
  asked.job->facts.ends.clear();
  loop.add(asked.job);
  test::run(loop);
  EXPECT_EQ(ahead.ahead, 9) << "all but the first";
  EXPECT_EQ(model.steps(), 10) << "none behind the last token";
  expect_as_alone(asked);
}

TEST(RunAhead, RandomMixesAnswerAsEachAlone) {
  int steps_ahead = 0;
  for (uint64_t mix = 0; mix < 60; ++mix) {
    std::mt19937_64 random(mix);
    const int sequences = 1 + static_cast<int>(random() % 5);
    const auto windows = test::windows_for(test::some_windows(mix), sequences, 16);
    MemoryModel model(70, windows);
    Ahead ahead(model);
    Loop loop(ahead, nullptr, options(70, sequences, 16, PrefixCache::Reuse::kOn, windows));
    std::vector<Asked> all;
    for (int r = 0; r < 12; ++r) {
      Asked asked = ask(test::random_prompt(random, 20), 1 + static_cast<int>(random() % 40), random());
      Request& request = asked.job->request;
      if (random() % 5 == 0) request.sampling.repetition_penalty = 1.5f;
      if (random() % 5 == 0) request.sampling.mirostat = 2;
      if (random() % 5 == 0) request.choices = 2;
      if (random() % 3 == 0) asked.job->facts.min_tokens = 6;
      if (random() % 6 == 0) asked.reader->cancel_after = static_cast<int>(random() % 10);
      all.push_back(asked);
      loop.add(asked.job);
      for (auto steps = random() % 12; steps > 0; --steps) loop.step();
      if (random() % 4 == 0) loop.settle();
    }
    test::run(loop);
    for (const Asked& asked : all)
      if (asked.reader->cancel_after < 0) expect_as_alone(asked);
    steps_ahead += ahead.ahead;
  }
  EXPECT_GT(steps_ahead, 500);
}

TEST(RunAhead, WhatArrivesMeanwhileIsTakenIntoTheNextStep) {
  MemoryModel model(60);
  Ahead ahead(model);
  Loop loop(ahead, nullptr, options(60, 4, 64));
  const Asked first = ask({5, 6, 7}, 20, 1), second = ask({8, 9}, 5, 2);
  first.job->facts.ends.clear();
  loop.add(first.job);
  for (int i = 0; i < 4; ++i) loop.step();
  EXPECT_FALSE(loop.is_settled());
  loop.add(second.job);
  loop.step();
  EXPECT_TRUE(loop.is_settled()) << "nothing was launched beside a request that waits";
  loop.step();
  EXPECT_EQ(loop.waiting(), 0);
  test::run(loop);
  expect_as_alone(first);
  expect_as_alone(second);
}

TEST(RunAheadFaults, AStepThatFailsEndsWhatItComputedAndWhatFollowsIt) {
  MemoryModel model(60);
  Ahead ahead(model);
  Loop loop(ahead, nullptr, options(60, 4, 64));
  const Asked first = ask({5, 6}, 20, 1), second = ask({5, 6}, 3, 1);
  first.job->facts.ends.clear();
  loop.add(first.job);
  for (int i = 0; i < 3; ++i) loop.step();
  ahead.on_collect = [] { fail(ErrorCode::kBadFile, "cut"); };
  test::run(loop);
  EXPECT_EQ(first.reader->error.code, "bad_file");
  EXPECT_EQ(first.reader->choices[0].tokens.size(), 3u);
  ahead.on_collect = nullptr;
  loop.add(second.job);
  test::run(loop);
  expect_as_alone(second);
}

// Says that its operations return before their work is done.
class Early final : public ForwardingBackend {
 public:
  using ForwardingBackend::ForwardingBackend;
  bool works_ahead() const override { return true; }
};

TEST(RunAhead, TokensOfAStepComeFromTheDrawsOfTheOneBefore) {
  const std::shared_ptr<const Checkpoint> checkpoint =
      Checkpoint::open(std::filesystem::path(FERRUM_SOURCE_DIR) / "models" / "demo-dense.gguf");
  const std::shared_ptr<Backend> cpu = make_backend({.name = "cpu", .threads = 1});
  Runner runner(
      std::make_shared<Early>(*cpu), checkpoint,
      {.max_tokens = 16, .max_sequences = 2, .max_outputs = 2, .max_context = 64, .kv_tokens = 128});
  ASSERT_TRUE(runner.runs_ahead());
  const std::vector<std::vector<TokenId>> prompts = {{10, 20, 30}, {40, 50}};
  const std::vector<std::vector<BlockId>> blocks = {{BlockId{0}}, {BlockId{1}}};
  const auto greedy = [&](const std::vector<int>& rows) {
    DrawList draws(runner.vocab());
    for (const int row : rows) {
      draws.begin_group();
      draws.add(row).chain.temperature = 0;
    }
    return draws;
  };
  const std::vector<Chunk> first = {{.tokens = prompts[0], .blocks = blocks[0]},
                                    {.tokens = prompts[1], .blocks = blocks[1]}};
  const DrawList of_first = greedy({0, 1});
  runner.launch(first, of_first);
  // The other way round, so that rows and draws differ.
  const std::vector<TokenId> unknown = {0};
  const std::vector<Chunk> second = {{.tokens = unknown, .position = 2, .blocks = blocks[1], .drawn = 1},
                                     {.tokens = unknown, .position = 3, .blocks = blocks[0], .drawn = 0}};
  const DrawList of_second = greedy({0, 1});
  runner.launch(second, of_second);
  const DrawnTokens drawn = runner.collect();
  const std::vector<TokenId> tokens = {drawn.drawn[0].token, drawn.drawn[1].token};
  const DrawnTokens next = runner.collect();
  const std::vector<TokenId> found = {next.drawn[0].token, next.drawn[1].token};
  // The same with tokens that are known.
  const std::vector<Chunk> known = {{.tokens = std::span(&tokens[1], 1), .position = 2, .blocks = blocks[1]},
                                    {.tokens = std::span(&tokens[0], 1), .position = 3, .blocks = blocks[0]}};
  runner.launch(known, of_second);
  const DrawnTokens again = runner.collect();
  EXPECT_EQ(found, (std::vector<TokenId>{again.drawn[0].token, again.drawn[1].token}));
  EXPECT_NE(tokens[0], tokens[1]);
}

}  // namespace
}  // namespace ferrum
