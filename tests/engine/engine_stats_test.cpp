// The loop's counters, and the times of a request.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <thread>

#include "engine/logits_model.h"
#include "engine/loop/loop.h"

namespace ferrum {
namespace {

constexpr int kVocab = 16;
constexpr int kBlockTokens = 4;
constexpr auto kStep = std::chrono::milliseconds(1);

// Takes its time, and always finds token 3 the likeliest.
class SlowModel final : public test::LogitsModel {
 public:
  std::span<const float> step(std::span<const Chunk> chunks) override {
    std::this_thread::sleep_for(kStep);
    logits_.clear();
    for (const Chunk& chunk : chunks) {
      rows += static_cast<int>(chunk.tokens.size());
      sequences += 1;
      if (chunk.outputs == Outputs::kNone) continue;
      for (int v = 0; v < kVocab; ++v) logits_.push_back(v == 3 ? 5.0f : 0.0f);
    }
    return logits_;
  }
  void copy_blocks(std::span<const BlockCopy>) override {}
  void read_hidden(std::span<float>) override {}
  int hidden() const override { return 0; }
  int vocab() const override { return kVocab; }

  int rows = 0;
  int sequences = 0;

 private:
  std::vector<float> logits_;
};

class Reader final : public EventSink {
 public:
  void push(Event event) override {
    if (const auto* finish = std::get_if<FinishEvent>(&event)) ends.push_back(*finish);
  }
  bool cancelled() const override { return is_cancelled; }

  std::vector<FinishEvent> ends;
  bool is_cancelled = false;
};

struct Asked {
  std::shared_ptr<Job> job = std::make_shared<Job>();
  std::shared_ptr<Reader> reader = std::make_shared<Reader>();
  const Usage& usage() const { return reader->ends.at(0).usage; }
};

Asked ask(std::vector<TokenId> prompt, int max_tokens) {
  Asked asked;
  Job& job = *asked.job;
  job.request.max_tokens = max_tokens;
  job.request.sampling.temperature = 0;
  job.limit = prompt.size() + static_cast<size_t>(max_tokens);
  job.facts = {.prompt_tokens = prompt.size()};
  job.prompt = std::move(prompt);
  job.root = root_key("", "", "");
  job.sink = asked.reader;
  return asked;
}

LoopOptions options(int blocks, int sequences) {
  return {.limits = {.batch_tokens = 8, .max_sequences = sequences, .block_tokens = kBlockTokens},
          .cache = {.blocks = blocks, .block_tokens = kBlockTokens}};
}

void run(Loop& loop) {
  for (int i = 0; !loop.idle(); ++i) {
    ASSERT_LT(i, 10'000);
    loop.step();
  }
}

double seconds(int steps) { return std::chrono::duration<double>(steps * kStep).count(); }

TEST(Histogram, AValueBelongsToTheFirstBucketThatReachesIt) {
  static constexpr std::array kBounds = {1.0, 2.0, 5.0};
  Histogram h{kBounds};
  EXPECT_EQ(h.count(), 0);
  for (const double value : {0.5, 1.0, 1.5, 2.0, 5.0, 5.1, 1e9}) h.observe(value);
  const std::vector<int64_t> expected = {2, 2, 1, 2};
  EXPECT_EQ(std::vector(h.counts().begin(), h.counts().end()), expected);
  EXPECT_EQ(h.count(), 7);
  EXPECT_DOUBLE_EQ(h.sum(), 0.5 + 1 + 1.5 + 2 + 5 + 5.1 + 1e9);
}

TEST(Histogram, BoundsAscend) {
  const EngineStats stats;
  for (const Histogram* h : {&stats.queue_seconds, &stats.inter_token_seconds, &stats.step_tokens}) {
    EXPECT_LE(h->bounds().size(), Histogram::kMaxBounds);
    EXPECT_EQ(std::adjacent_find(h->bounds().begin(), h->bounds().end(), std::greater_equal<>()),
              h->bounds().end());
  }
}

TEST(EngineStats, HistogramsAgreeWithTheCounters) {
  SlowModel model;
  Loop loop(model, nullptr, options(100, 4));
  std::vector<Asked> all;
  int64_t generated = 0;
  for (int i = 0; i < 6; ++i) {
    std::vector<TokenId> prompt(13);
    std::iota(prompt.begin(), prompt.end(), i);
    all.push_back(ask(prompt, 2 + i));
    all.back().job->root = root_key("", "", std::to_string(i));
    generated += 2 + i;
  }
  all[5].job->request.choices = 3;
  generated += 2 * 7;
  for (const Asked& asked : all) loop.add(asked.job);
  run(loop);

  const EngineStats& stats = loop.stats();
  EXPECT_EQ(stats.finished, 6);
  EXPECT_EQ(stats.generated_tokens, generated);
  EXPECT_EQ(stats.queue_seconds.count(), 6);
  EXPECT_EQ(stats.first_token_seconds.count(), 6);
  EXPECT_EQ(stats.request_seconds.count(), 6);
  EXPECT_EQ(stats.inter_token_seconds.count(), generated - 8) << "8 answers, each with a first token";
  EXPECT_EQ(stats.step_sequences.count(), stats.steps);
  EXPECT_EQ(stats.step_tokens.count(), stats.steps);
  EXPECT_EQ(stats.step_sequences.sum(), model.sequences);
  EXPECT_EQ(stats.step_tokens.sum(), model.rows);

  double queued = 0, first = 0, decoded = 0, total = 0;
  for (const Asked& asked : all) {
    queued += asked.usage().queue_seconds;
    first += asked.usage().prompt_seconds;
    double last_end = 0;
    for (const FinishEvent& end : asked.reader->ends) {
      decoded += end.usage.decode_seconds;
      last_end = end.usage.total_seconds;
    }
    total += last_end;
  }
  EXPECT_NEAR(stats.queue_seconds.sum(), queued, 1e-9);
  EXPECT_NEAR(stats.first_token_seconds.sum(), first, 1e-9);
  EXPECT_NEAR(stats.inter_token_seconds.sum(), decoded, 1e-9);
  EXPECT_NEAR(stats.request_seconds.sum(), total, 1e-9);
}

TEST(EngineStats, ARequestThatFindsItsPromptInTheCacheIsAHit) {
  SlowModel model;
  Loop loop(model, nullptr, options(100, 1));
  for (int i = 0; i < 3; ++i) {
    loop.add(ask(std::vector<TokenId>(13, 5), 2).job);
    run(loop);
  }
  EXPECT_EQ(loop.stats().prefix_hits, 2);
  EXPECT_EQ(loop.stats().cached_tokens, 2 * 12);
}

TEST(Timeline, QueuedPrefilledDecodedDone) {
  SlowModel model;
  Loop loop(model, nullptr, options(100, 1));
  const Asked first = ask(std::vector<TokenId>(20, 5), 4);  // three steps of the prompt, three more tokens
  const Asked second = ask(std::vector<TokenId>(3, 6), 2);
  loop.add(first.job);
  loop.add(second.job);
  run(loop);

  EXPECT_LT(first.usage().queue_seconds, first.usage().prompt_seconds);
  EXPECT_GE(first.usage().prompt_seconds, seconds(3));
  EXPECT_GE(first.usage().decode_seconds, seconds(3));
  EXPECT_GE(second.usage().queue_seconds, seconds(6)) << "it waits for the first";
  EXPECT_GE(second.usage().prompt_seconds, second.usage().queue_seconds + seconds(1));
  EXPECT_GE(second.usage().decode_seconds, seconds(1));
  for (const Asked* asked : {&first, &second}) {
    const Usage& u = asked->usage();
    EXPECT_GE(u.total_seconds, u.prompt_seconds + u.decode_seconds);
    EXPECT_EQ(u.preemptions, 0);
  }
}

TEST(Timeline, WhoLeavesTheQueueWasThereAllTheTime) {
  SlowModel model;
  Loop loop(model, nullptr, options(100, 1));
  const Asked running = ask({5}, 20);
  const Asked queued = ask({5}, 20);
  loop.add(running.job);
  loop.add(queued.job);
  for (int i = 0; i < 3; ++i) loop.step();
  queued.reader->is_cancelled = true;
  loop.step();
  EXPECT_GE(queued.usage().queue_seconds, seconds(3));
  EXPECT_EQ(queued.usage().queue_seconds, queued.usage().total_seconds);
  EXPECT_EQ(queued.usage().prompt_seconds, 0);
  EXPECT_EQ(loop.stats().queue_seconds.count(), 1);
}

TEST(Timeline, PreemptionsAreReportedWithoutASecondQueueTime) {
  SlowModel model;
  Loop loop(model, nullptr, options(12, 3));
  std::vector<Asked> all;
  for (int i = 0; i < 3; ++i) {
    all.push_back(ask(std::vector<TokenId>(8, 5 + i), 24));
    loop.add(all.back().job);
  }
  run(loop);
  int preemptions = 0;
  for (const Asked& asked : all) preemptions += asked.usage().preemptions;
  EXPECT_GT(preemptions, 0);
  EXPECT_EQ(preemptions, loop.stats().preemptions);
  EXPECT_EQ(loop.stats().queue_seconds.count(), 3);
  EXPECT_EQ(loop.stats().inter_token_seconds.count(), 3 * 23);
}

}  // namespace
}  // namespace ferrum
