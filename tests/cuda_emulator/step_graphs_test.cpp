// Steps that come again are replayed as graphs, and steps that only look alike are not.
#include <cmath>

#include "backend/operations.h"
#include "cuda_fixture.h"

namespace ferrum::test {
namespace {

using gpu::emulated::stand_in_counts;
using gpu::emulated::stand_in_fault;

class StepGraphs : public testing::Test {
 protected:
  void SetUp() override { set_schedule(1); }

  std::vector<float> values_of(Tensor t) {
    std::vector<float> values(static_cast<size_t>(t.rows) * static_cast<size_t>(t.cols));
    backend->download(std::as_writable_bytes(std::span(values)), t);
    return values;
  }
  void step(Tensor to, float factor) {
    backend->run({.tokens = to.rows}, [&] {
      backend->scale(to, factor, 0);
      backend->add(to, to, 1);
    });
  }

  const std::unique_ptr<CudaBackend> backend = emulated_backend();
  Bench bench{*backend};
  const Tensor x = bench.floats({1, 2, 3, 4}, 2);
};

TEST_F(StepGraphs, TheSameStepIsRecordedTheSecondTimeAndReplayed) {
  for (int i = 0; i < 4; ++i) step(x, 1.5f);
  EXPECT_EQ(values_of(x), (std::vector<float>{81, 162, 243, 324}));
  EXPECT_EQ(stand_in_counts().graphs, 1);
  EXPECT_EQ(stand_in_counts().replays, 3);
}

TEST_F(StepGraphs, ThreeStepsOfOneShapeAreThreeGraphs) {
  const Tensor y = bench.floats({1, 1, 1, 1}, 2);
  for (int i = 0; i < 3; ++i) {
    step(x, 0.5f);
    step(x, 1);
    step(y, 1);
  }
  EXPECT_EQ(values_of(x), (std::vector<float>{8, 16, 24, 32}));
  EXPECT_EQ(values_of(y), (std::vector<float>{8, 8, 8, 8}));
  EXPECT_EQ(stand_in_counts().graphs, 3);
  EXPECT_EQ(stand_in_counts().replays, 6);
}

TEST_F(StepGraphs, AStepThatReadsOrUploadsIsDoneAtOnce) {
  for (int i = 0; i < 3; ++i)
    backend->run({}, [&] {
      backend->add(x, x, 1);
      const std::vector<float> values = values_of(x);
      backend->upload(x, std::as_bytes(std::span(values)));
      backend->add(x, x, 1);
    });
  EXPECT_EQ(values_of(x), (std::vector<float>{64, 128, 192, 256}));
  EXPECT_EQ(stand_in_counts().graphs, 0);
}

TEST_F(StepGraphs, ALargerWorkspaceMakesThemAnew) {
  const RandomWeight narrow(Format::kQ8_0, 8, 64, 1), wide(Format::kF32, 8, 200000, 2);
  const Weight& w = bench.weight(narrow);
  const Tensor in = bench.random(2, 64, 1), out = bench.tensor(DType::kF32, 2, 8);
  const auto multiply = [&] { backend->run({}, [&] { backend->linear(out, in, w); }); };
  multiply();
  const std::vector<float> expected = values_of(out);
  multiply();
  bench.weight(wide);
  for (int i = 0; i < 3; ++i) multiply();
  EXPECT_EQ(values_of(out), expected);
  EXPECT_EQ(stand_in_counts().graphs, 2);
}

TEST_F(StepGraphs, MoreStepsThanAreKept) {
  for (int round = 0; round < 2; ++round)
    for (int i = 0; i < 70; ++i) step(x, 0.5f + 0.0001f * static_cast<float>(i));
  for (const float value : values_of(x)) EXPECT_TRUE(std::isfinite(value));
  EXPECT_EQ(stand_in_fault(), "");
}

}  // namespace
}  // namespace ferrum::test
