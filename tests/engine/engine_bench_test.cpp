#include "engine/measure/engine_bench.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "engine/backend_factory.h"
#include "support/errors.h"
#include "support/paths.h"

namespace ferrum {
namespace {

using Kind = BenchCase::Kind;
using Through = BenchCase::Through;
using std::chrono::milliseconds;

// A step from `begin` to `end` milliseconds.
RecordedStep step(int begin, int end, int outputs) {
  const Clock::time_point zero;
  return {zero + milliseconds(begin), zero + milliseconds(end), outputs, outputs};
}

TEST(DecodePhase, IsFromTheLastFirstTokenToTheFirstEnd) {
  const std::vector<RecordedStep> steps = {step(0, 10, 1), step(11, 20, 2),  // the second's first token
                                           step(22, 30, 2), step(31, 40, 2), step(45, 50, 1)};
  const DecodePhase phase = decode_phase(steps, 2);
  ASSERT_EQ(phase.periods.size(), 2U);
  EXPECT_DOUBLE_EQ(phase.periods[0], 0.010);
  EXPECT_DOUBLE_EQ(phase.periods[1], 0.010);
  EXPECT_DOUBLE_EQ(phase.seconds, 0.020);
  EXPECT_DOUBLE_EQ(phase.model_seconds, 0.017);
  EXPECT_TRUE(decode_phase(steps, 3).periods.empty()) << "never did three";
  EXPECT_TRUE(decode_phase({}, 1).periods.empty());
}

TEST(Quantiles, OfFewAndOfMany) {
  EXPECT_EQ(quantiles_of({7}).median, 7);
  EXPECT_EQ(quantiles_of({7}).p99, 7);
  EXPECT_EQ(quantiles_of({3, 1, 2}).median, 2);
  std::vector<double> many(1000);
  for (size_t i = 0; i < many.size(); ++i) many[i] = static_cast<double>(1000 - i);
  EXPECT_EQ(quantiles_of(many).median, 500);
  EXPECT_EQ(quantiles_of(many).p99, 990);
}

TEST(BenchPlan, ARequestHasTwoTokensMore) {
  const auto checkpoint = Checkpoint::open(test::data("goldens/qwen3"));
  BenchCase task = {
      .kind = Kind::kDecode, .through = Through::kEngine, .tokens = 5, .batch = 7, .depth = 100};
  const RunnerOptions o =
      bench_runner_options(std::span(&task, 1), {.batch_tokens = 64}, checkpoint->model());
  EXPECT_EQ(o.max_context, 107);
  EXPECT_EQ(o.kv_tokens, 7 * 112);
  EXPECT_EQ(o.max_tokens, 64);
  task = {.kind = Kind::kDecode, .through = Through::kEngine, .tokens = 5, .batch = 7, .depth = 15};
  EXPECT_EQ(bench_runner_options(std::span(&task, 1), {.batch_tokens = 64}, checkpoint->model()).max_tokens,
            7 * 16)
      << "the ends of all prompts, which no full block holds";
  task.tokens = 496;
  test::expect_error(ErrorCode::kBadArgument, {"496", "after a prompt of 16", "512"},
                     [&] { bench_runner_options(std::span(&task, 1), {}, checkpoint->model()); });
}

TEST(EngineBench, DecodesTogetherWhatTheCacheHolds) {
  const std::shared_ptr<const Checkpoint> checkpoint = Checkpoint::open(test::data("goldens/qwen3"));
  for (const int depth : {0, 16, 37}) {
    const BenchCase task = {
        .kind = Kind::kDecode, .through = Through::kEngine, .tokens = 6, .batch = 5, .depth = depth};
    const RunnerOptions options =
        bench_runner_options(std::span(&task, 1), {.batch_tokens = 32}, checkpoint->model());
    Runner runner(make_backend({.threads = 2}), checkpoint, options);
    EngineBench bench(runner, checkpoint, {.threads = 2}, task);
    bench.repeat();
    for (int i = 0; i < 3; ++i) EXPECT_GT(bench.repeat().count(), 0);
    // Each decoded for the requested number of steps, not counting the first token.
    EXPECT_EQ(bench.steps().size(), 7U);
    for (const RecordedStep& step : bench.steps()) {
      EXPECT_EQ(step.sequences, 5);
      EXPECT_EQ(step.outputs, 5);
    }
    const EngineFigures f = bench.figures();
    EXPECT_GT(f.first_token.median, 0);
    EXPECT_GE(f.first_token.p99, f.first_token.median);
    EXPECT_GT(f.between_tokens.median, 0);
    EXPECT_GE(f.between_tokens.p99, f.between_tokens.median);
    EXPECT_GT(f.outside_share, 0);
    EXPECT_LT(f.outside_share, 1);
    EXPECT_GT(f.prompt_speed, 0);
    EXPECT_GT(f.total_speed, 0);
    EXPECT_GE(f.mean_sequences, 1);
    EXPECT_LE(f.mean_sequences, 5);
  }
}

}  // namespace
}  // namespace ferrum
