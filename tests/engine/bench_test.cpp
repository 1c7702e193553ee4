#include "engine/measure/bench.h"

#include <gtest/gtest.h>

#include <limits>

#include "engine/backend_factory.h"
#include "engine/measure/bench_row.h"
#include "support/errors.h"
#include "support/paths.h"

namespace ferrum {
namespace {

using Kind = BenchCase::Kind;

constexpr MachineLimits kMachine = {.read_bandwidth = 10e9, .int8 = 1000e9, .bf16 = 500e9, .f32 = 100e9};

TEST(BenchLimit, IsThePeakOfWhatTheWeightsAreIn) {
  EXPECT_EQ(limit_for(Format::kQ4_K, kMachine).operations_per_second, 1000e9);
  EXPECT_EQ(limit_for(Format::kBF16, kMachine).operations_per_second, 500e9);
  EXPECT_EQ(limit_for(Format::kF16, kMachine).operations_per_second, 100e9);
  MachineLimits without = kMachine;
  without.bf16 = 0;
  EXPECT_EQ(limit_for(Format::kBF16, without).peak, "f32");
}

TEST(BenchRow, TheLongerOfReadingAndComputing) {
  BenchRow row = {.work = {.bytes = 20e9, .operations = 500e9}, .limit = limit_for(Format::kQ8_0, kMachine)};
  EXPECT_DOUBLE_EQ(row.least_seconds(), 2);
  EXPECT_TRUE(row.is_bound_by_reading());
  row.work.operations = 3000e9;
  EXPECT_DOUBLE_EQ(row.least_seconds(), 3);
  EXPECT_FALSE(row.is_bound_by_reading());
}

TEST(BenchRow, SpeedsAndShares) {
  const BenchRow row = {.task = {.kind = Kind::kDecode, .tokens = 10, .batch = 4},
                        .work = {.bytes = 20e9, .operations = 500e9},
                        .seconds = {4, 8, 5},
                        .limit = limit_for(Format::kQ8_0, kMachine)};
  EXPECT_EQ(row.samples(), (std::vector<double>{10, 5, 8}));
  const Spread speed = row.speed();
  EXPECT_DOUBLE_EQ(speed.mean, 23.0 / 3);
  EXPECT_DOUBLE_EQ(speed.median, 8);
  EXPECT_NEAR(speed.deviation, 2.516611, 1e-6);
  EXPECT_DOUBLE_EQ(row.limit_speed(), 20);
  EXPECT_DOUBLE_EQ(row.limit_share(), 23.0 / 60);
  EXPECT_DOUBLE_EQ(row.bytes_per_second(), 20e9 * 23 / 3 / 40);
  EXPECT_EQ(spread_of({3}).deviation, 0);
  EXPECT_DOUBLE_EQ(spread_of({1, 4, 2, 8}).median, 3);
}

TEST(BenchWork, ADecodeRowAddsUpItsSteps) {
  const auto checkpoint = Checkpoint::open(test::data("goldens/qwen3"));
  const ModelVolume volume = volume_of(*checkpoint);
  const BenchCase task = {.kind = Kind::kDecode, .tokens = 3, .batch = 2, .depth = 40};
  Work expected;
  for (const int context : {41, 42, 43})
    expected += decode_work(volume, checkpoint->model(), DType::kF16, 2, context);
  EXPECT_EQ(work_of(task, volume, checkpoint->model(), DType::kF16), expected);
}

TEST(BenchPlan, HasRoomForTheLargestCase) {
  const auto checkpoint = Checkpoint::open(test::data("goldens/qwen3"));
  const std::vector<BenchCase> cases = {{.kind = Kind::kPrompt, .tokens = 300, .depth = 10},
                                        {.kind = Kind::kDecode, .tokens = 5, .batch = 7, .depth = 100}};
  const RunnerOptions o =
      bench_runner_options(cases, {.batch_tokens = 128, .kv_dtype = DType::kBF16}, checkpoint->model());
  EXPECT_EQ(o.max_tokens, 128);
  EXPECT_EQ(o.max_sequences, 7);
  EXPECT_EQ(o.max_context, 310);
  EXPECT_EQ(o.kv_tokens, 7 * 112);
  EXPECT_EQ(o.kv_dtype, DType::kBF16);

  const BenchCase long_prompt = {.kind = Kind::kPrompt, .tokens = 500, .depth = 100};
  test::expect_error(ErrorCode::kBadArgument, {"500", "100", "512"},
                     [&] { bench_runner_options(std::span(&long_prompt, 1), {}, checkpoint->model()); });
  const BenchCase huge = {.kind = Kind::kDecode, .tokens = 512, .batch = std::numeric_limits<int>::max()};
  test::expect_error(ErrorCode::kNoMemory, {"1099511627"},
                     [&] { bench_runner_options(std::span(&huge, 1), {}, checkpoint->model()); });
}

// The last logits after a bench must be those of a sequence that was computed token by token: the caches hold
// what they are said to hold.
TEST(Bench, CopiedSequencesDecodeAsTheFirst) {
  const std::shared_ptr<const Checkpoint> checkpoint = Checkpoint::open(test::data("goldens/qwen3"));
  const std::vector<BenchCase> cases = {{.kind = Kind::kPrompt, .tokens = 20},
                                        {.kind = Kind::kDecode, .tokens = 3, .batch = 3, .depth = 37}};
  const RunnerOptions options = bench_runner_options(cases, {.batch_tokens = 16}, checkpoint->model());
  Runner runner(make_backend({.threads = 2}), checkpoint, options);
  Bench bench(runner);
  for (const BenchCase& task : cases) {
    bench.prepare(task);
    EXPECT_GT(bench.repeat(task).count(), 0);
    EXPECT_GT(bench.repeat(task).count(), 0);
  }
  // Every sequence now has 37 tokens in common, block by block; the same next token gives the same logits.
  const TokenId token = 7;
  const std::vector<BlockId> blocks = first_blocks(9);
  std::vector<Chunk> chunks;
  for (size_t s = 0; s < 3; ++s)
    chunks.push_back(
        {.tokens = std::span(&token, 1), .position = 37, .blocks = std::span(blocks).subspan(3 * s, 3)});
  const std::span<const float> logits = runner.step(chunks);
  const auto vocab = static_cast<size_t>(runner.vocab());
  for (size_t s = 1; s < 3; ++s)
    for (size_t i = 0; i < vocab; ++i) ASSERT_EQ(logits[s * vocab + i], logits[i]) << s << ", " << i;
}

}  // namespace
}  // namespace ferrum
