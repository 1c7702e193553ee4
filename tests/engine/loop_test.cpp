// The loop over a model that costs nothing and reveals any mix-up of sequences.
#include "engine/loop/loop.h"
#include "engine/thought_tokens.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <new>
#include <random>

#include "base/error.h"
#include "engine/memory_model.h"

namespace ferrum {
namespace {

using namespace test;

// Of a prompt's tokens but the first, each with its alternatives.
std::vector<float> logprobs(const std::optional<PromptEvent>& prompt) {
  std::vector<float> all;
  if (!prompt) return all;
  for (const PromptToken& t : std::span(prompt->tokens).subspan(1)) {
    all.push_back(t.token.logprob);
    for (const TokenChance& other : t.top) all.push_back(other.logprob);
  }
  return all;
}

TEST(Loop, EveryRequestGetsWhatItGetsAlone) {
  int64_t preemptions = 0;
  int64_t cached = 0;
  int cancelled = 0;
  for (uint64_t mix = 0; mix < 200; ++mix) {
    std::mt19937_64 random(mix);
    const auto below = [&](int n) { return static_cast<int>(random() % static_cast<uint64_t>(n)); };
    const int blocks = mix % 3 == 0 ? 45 : mix % 3 == 1 ? 80 : 400;  // the longest request takes 40
    const int sequences = 1 + below(20);
    const int batch_tokens = std::max(sequences, 1 + below(mix % 2 == 0 ? 8 : 200));
    const auto windows = windows_for(some_windows(mix), sequences, batch_tokens);
    MemoryModel model(blocks, windows);
    LoopOptions o = options(blocks, sequences, batch_tokens,
                            mix % 4 == 0 ? PrefixCache::Reuse::kOff : PrefixCache::Reuse::kOn, windows);
    o.limits.spare_rows = static_cast<int>(mix % 7);
    Loop loop(model, nullptr, o);
    std::vector<Asked> all;
    for (int i = 0; i < 64; ++i) {
      Asked asked = ask(random_prompt(random, 60), 1 + below(40), random());
      asked.job->request.choices = below(4) == 0 ? 2 + below(3) : 1;
      asked.job->request.priority = below(3);
      if (below(8) == 0) asked.reader->cancel_after = 1 + below(20);
      if (below(8) == 0) asked.job->request.prompt_logprobs = below(4);
      all.push_back(asked);
    }
    for (const Asked& asked : all) {
      loop.add(asked.job);
      for (int i = below(4); i > 0; --i) loop.step();
    }
    run(loop);
    preemptions += loop.stats().preemptions;
    cached += loop.stats().cached_tokens;

    for (const Asked& asked : all) {
      ASSERT_EQ(asked.reader->error.message, "");
      const std::shared_ptr<const Reader> expected = told_alone(*asked.job);
      ASSERT_EQ(logprobs(asked.reader->prompt), logprobs(expected->prompt)) << "mix " << mix;
      ASSERT_EQ(asked.reader->choices.size(), static_cast<size_t>(asked.job->request.choices));
      for (const auto& [number, choice] : asked.reader->choices) {
        ASSERT_TRUE(choice.finish);
        const Choice& wanted = expected->choices.at(number);
        if (choice.finish->reason == FinishReason::kCancelled) {
          ++cancelled;
          ASSERT_LE(choice.tokens.size(), wanted.tokens.size());
          ASSERT_TRUE(std::equal(choice.tokens.begin(), choice.tokens.end(), wanted.tokens.begin()));
        } else {
          ASSERT_EQ(choice.tokens, wanted.tokens) << "mix " << mix;
          ASSERT_EQ(choice.logprobs, wanted.logprobs) << "mix " << mix;
          ASSERT_EQ(choice.finish->reason, wanted.finish->reason);
        }
      }
    }
  }
  EXPECT_GT(preemptions, 100);
  EXPECT_GT(cached, 10'000);
  EXPECT_GT(cancelled, 50);
}

TEST(Loop, ASharedPromptIsComputedOnce) {
  MemoryModel model(400);
  Loop loop(model, nullptr, options(400, 16, 64));
  std::vector<Asked> all;
  for (int i = 0; i < 16; ++i) {
    std::vector<TokenId> prompt(400, 5);
    prompt.push_back(10 + i);
    all.push_back(ask(prompt, 4, 1));
    loop.add(all.back().job);
  }
  run(loop);
  // 400 tokens, and for each request its last; a second one may have begun in the same step as the first.
  EXPECT_GE(loop.stats().cached_tokens, 15 * 400 - 64);
  for (size_t i = 1; i < all.size(); ++i)
    EXPECT_GE(all[i].reader->choices[0].finish->usage.cached_tokens, 400 - 64);
}

TEST(Loop, ChoicesShareThePromptAndDifferAfterIt) {
  MemoryModel model(100);
  Loop loop(model, nullptr, options(100, 8, 64));
  const Asked asked = ask(std::vector<TokenId>(42, 5), 12, 7);
  asked.job->request.choices = 5;
  asked.job->facts.ends.clear();
  loop.add(asked.job);
  run(loop);
  ASSERT_EQ(asked.reader->choices.size(), 5u);
  EXPECT_NE(asked.reader->choices[0].tokens, asked.reader->choices[1].tokens);
  EXPECT_EQ(loop.stats().prompt_tokens, 42);
  EXPECT_EQ(model.steps(), 12);
}

TEST(Loop, APromptsChancesAreThoseThatItsTokensHaveWhenDrawn) {
  MemoryModel model(100);
  LoopOptions o = options(100, 4, 64);
  o.limits.spare_rows = 6;
  Loop loop(model, nullptr, o);
  const Asked drawn = ask({5, 6, 7}, 20, 3);
  drawn.job->facts.ends.clear();
  loop.add(drawn.job);
  run(loop);
  const Choice& answer = drawn.reader->choices[0];
  std::vector<TokenId> whole = {5, 6, 7};
  whole.insert(whole.end(), answer.tokens.begin(), answer.tokens.end());

  const Asked again = ask(whole, 0, 3);
  again.job->request.prompt_logprobs = 0;
  again.job->request.choices = 2;
  loop.add(again.job);
  run(loop);
  ASSERT_TRUE(again.reader->prompt);
  const std::vector<PromptToken>& told = again.reader->prompt->tokens;
  ASSERT_EQ(told.size(), whole.size());
  EXPECT_TRUE(std::isnan(told[0].token.logprob));
  for (size_t i = 0; i < whole.size(); ++i) EXPECT_EQ(told[i].token.id, whole[i]);
  std::vector<float> chances = logprobs(again.reader->prompt);
  chances.erase(chances.begin(), chances.begin() + 2);  // of 6 and 7
  EXPECT_EQ(chances, answer.logprobs);
  for (int choice = 0; choice < 2; ++choice) {
    EXPECT_EQ(again.reader->choices[choice].finish->reason, FinishReason::kMaxTokens);
    EXPECT_TRUE(again.reader->choices[choice].tokens.empty());
  }
  EXPECT_EQ(again.reader->choices[0].finish->usage.cached_tokens, 0);

  const Asked one = ask({5}, 1, 3);
  one.job->request.prompt_logprobs = 2;
  loop.add(one.job);
  run(loop);
  EXPECT_EQ(one.reader->prompt->tokens.size(), 1u);
  EXPECT_EQ(one.reader->choices[0].tokens.size(), 1u);
}

TEST(Loop, HigherPrioritiesGoFirstAndNoneStarves) {
  MemoryModel model(60);
  Loop loop(model, nullptr, options(60, 1, 8));
  std::vector<Asked> high;
  for (int i = 0; i < 3; ++i) {
    high.push_back(ask({5, 6}, 3, 1));
    high.back().job->request.priority = 1;
  }
  const Asked low = ask({5, 6}, 3, 1);
  loop.add(low.job);
  for (const Asked& asked : high) loop.add(asked.job);
  while (!high[2].reader->choices[0].finish) {
    EXPECT_FALSE(low.reader->choices[0].finish);
    ASSERT_TRUE(loop.step());
  }
  // However many come later, it is served.
  int later = 0;
  for (; !low.reader->choices[0].finish; ++later) {
    ASSERT_LT(later, 2 * kAging);
    const Asked asked = ask({5, 6}, 1, 1);
    asked.job->request.priority = 1;
    loop.add(asked.job);
    loop.step();
  }
  EXPECT_GT(later, kAging / 2);
}

TEST(Loop, ThoughtsAreCounted) {
  constexpr TokenId kBegin = 3;
  constexpr TokenId kEnd = 4;
  const auto marks = test::thought_tokens(kBegin, kEnd, 100);
  const auto thought_of = [&](std::vector<TokenId> prompt, const std::shared_ptr<const ThoughtMarks>& known) {
    MemoryModel model(100);
    Loop loop(model, nullptr, options(100, 8, 64));
    const Asked asked = ask(std::move(prompt), 150, 7);
    asked.job->facts.ends.clear();
    asked.job->thoughts = known;
    asked.job->prompt_thinks = asked.job->prompt.back() == kBegin;
    loop.add(asked.job);
    run(loop);
    const Choice& choice = asked.reader->choices[0];
    bool inside = asked.job->prompt.back() == kBegin;
    int expected = 0;
    for (const TokenId id : choice.tokens) {
      expected += inside || id == kBegin;
      inside = id == kBegin || (inside && id != kEnd);
    }
    EXPECT_EQ(choice.finish->usage.reasoning_tokens, known ? expected : 0);
    return choice.finish->usage.reasoning_tokens;
  };
  EXPECT_GT(thought_of({5, 6, 7}, marks), 0) << "in 150 of 50 kinds of token both marks come";
  EXPECT_GT(thought_of({5, 6, 3}, marks), 0);
  thought_of({3, 6, 4}, marks);
  EXPECT_EQ(thought_of({5, 6, 3}, nullptr), 0);
}

TEST(LoopFaults, B49_WhoGoesAwayLeavesNothingBehindAfterOneStep) {
  MemoryModel model(60);
  Loop loop(model, nullptr, options(60, 2, 8));
  const Asked decoding = ask({5, 6}, 30, 1);
  const Asked in_prompt = ask(std::vector<TokenId>(40, 7), 30, 1);
  const Asked queued = ask({5, 6}, 30, 1);
  decoding.job->facts.ends.clear();
  decoding.job->request.choices = 2;
  for (const Asked* asked : {&decoding, &in_prompt, &queued}) loop.add(asked->job);
  for (int i = 0; i < 3; ++i) loop.step();
  ASSERT_GT(loop.cache().pool().used(), 0);
  for (const Asked* asked : {&decoding, &in_prompt, &queued}) {
    asked->reader->is_cancelled = true;
    loop.step();
    for (int choice = 0; choice < asked->job->request.choices; ++choice)
      EXPECT_EQ(asked->reader->choices[choice].finish->reason, FinishReason::kCancelled);
  }
  EXPECT_TRUE(loop.idle());
  EXPECT_EQ(loop.cache().pool().used(), 0);
}

TEST(LoopFaults, B53_ADeadlineEndsWithAnErrorAndTheOthersGoOn) {
  MemoryModel model(60);
  Loop loop(model, nullptr, options(60, 4, 8));
  const Asked late = ask({5, 6}, 30, 1);
  const Asked other = ask({5, 6}, 3, 1);
  late.job->deadline = Clock::now() - std::chrono::seconds(1);
  loop.add(late.job);
  loop.add(other.job);
  run(loop);
  EXPECT_EQ(late.reader->error.code, "deadline");
  EXPECT_TRUE(other.reader->choices[0].finish);
}

TEST(LoopFaults, B58_LogitsThatAreNoNumbersEndOneSequenceAndAreNotCached) {
  MemoryModel model(60);
  Loop loop(model, nullptr, options(60, 4, 64));
  std::vector<TokenId> poisoned(12, 5);
  poisoned.push_back(kPoison);
  const Asked bad = ask(poisoned, 5, 1);
  const Asked good = ask(std::vector<TokenId>(13, 9), 5, 1);
  loop.add(bad.job);
  loop.add(good.job);
  run(loop);
  EXPECT_EQ(bad.reader->error.code, "not_finite");
  EXPECT_TRUE(good.reader->choices[0].finish);
  EXPECT_EQ(loop.cache().probe(root_key("", "", ""), poisoned).tokens, 0);

  // In the middle of a prompt only requests for its logits see them.
  poisoned.insert(poisoned.end(), 5, 6);
  const Asked within = ask(poisoned, 0, 1);
  within.job->request.prompt_logprobs = 3;
  loop.add(within.job);
  run(loop);
  EXPECT_EQ(within.reader->error.code, "not_finite");
  EXPECT_EQ(loop.cache().probe(root_key("", "", ""), poisoned).tokens, 0);
  EXPECT_GT(loop.cache().probe(root_key("", "", ""), std::vector<TokenId>(13, 9)).tokens, 0);
}

// Fails at a given step.
class Failing final : public StepRunner {
 public:
  explicit Failing(StepRunner& model) : model_(model) {}
  void launch(std::span<const Chunk> chunks, const DrawList& draws) override {
    if (failure) failure();
    model_.launch(chunks, draws);
  }
  DrawnTokens collect() override { return model_.collect(); }
  void copy_blocks(std::span<const BlockCopy> copies) override { model_.copy_blocks(copies); }
  void read_hidden(std::span<float>) override {}
  int hidden() const override { return 0; }
  int vocab() const override { return model_.vocab(); }
  std::function<void()> failure;

 private:
  StepRunner& model_;
};

void expect_one_is_refused_and_the_next_served(std::function<void()> failure, const char* code) {
  MemoryModel model(60);
  Failing failing(model);
  failing.failure = std::move(failure);
  Loop loop(failing, nullptr, options(60, 4, 64));
  const Asked first = ask({5, 6}, 3, 1);
  loop.add(first.job);
  run(loop);
  EXPECT_EQ(first.reader->error.code, code);
  failing.failure = nullptr;
  const Asked second = ask({5, 6}, 3, 1);
  loop.add(second.job);
  run(loop);
  EXPECT_TRUE(second.reader->choices[0].finish);
}

TEST(LoopFaults, AModelThatFailsEndsWhatItComputedAndTheNextRequestIsServed) {
  expect_one_is_refused_and_the_next_served([] { ferrum::fail(ErrorCode::kBadFile, "cut"); }, "bad_file");
}

TEST(LoopFaults, B55_NoMemoryForAStepEndsWhatItComputedAndTheNextRequestIsServed) {
  expect_one_is_refused_and_the_next_served([] { throw std::bad_alloc(); }, "no_memory");
}

TEST(LoopFaults, B50_AThousandTailsOfOnePrefix) {
  MemoryModel model(400);
  Loop loop(model, nullptr, options(400, 24, 64));
  std::vector<Asked> all;
  for (int i = 0; i < 1000; ++i) {
    std::vector<TokenId> prompt(41, 5);
    for (const int digit : {i % 10, i / 10 % 10, i / 100}) prompt.push_back(10 + digit);  // the canary
    all.push_back(ask(prompt, 6, 1));
    loop.add(all.back().job);
    loop.step();
  }
  run(loop);  // which finds every reference given back
  EXPECT_GT(loop.stats().cached_tokens, 900 * 36);
  for (const Asked& asked : all) {
    const std::map<int, Choice> expected = alone(*asked.job);
    ASSERT_EQ(asked.reader->choices[0].tokens, expected.at(0).tokens);
    ASSERT_EQ(asked.reader->choices[0].logprobs, expected.at(0).logprobs);
  }
}

}  // namespace
}  // namespace ferrum
