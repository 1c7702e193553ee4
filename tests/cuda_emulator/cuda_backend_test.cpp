// The CUDA backend on the emulated device, against the reference.
#include <chrono>
#include <cmath>
#include <map>

#include "backend/operations.h"
#include "backend/reference/reference_backend.h"
#include "cuda_fixture.h"
#include "support/errors.h"

namespace ferrum::test {
namespace {

using Outputs = std::vector<std::vector<float>>;

Outputs results(Backend& backend, const Operation& operation) {
  Bench bench(backend);
  operation.prepare(bench);
  bench.run();
  return bench.outputs();
}

// Operations that take long to emulate: one schedule is enough for these.
bool is_long(const Operation& operation) {
  for (const char* part : {"partitions/", "prompt/", "heads_together/", "values64of96/", "values128of192/",
                           "joined20of", "joined130of", "group130/", "window512/", "window700/",
                           "first1_window0/", "_long", "both_ways_window", "both_ways_slopes",
                           "slopes_of_many_heads", "dim256/", "experts/many", "/rows300", "/1100x1300"})
    if (operation.name.find(part) != std::string::npos) return true;
  return operation.name.starts_with("draw/") && operation.name.ends_with("/1000");
}

INSTANTIATE_TEST_SUITE_P(Schedules, CudaBackendUnder, testing::Values(1, 2, 3));

TEST_P(CudaBackendUnder, AgreesWithTheReference) {
  ReferenceBackend reference;
  const bool prints_times = std::getenv("FERRUM_OPERATION_TIMES") != nullptr;
  for (const Operation& operation : all_operations()) {
    if (GetParam() != 1 && is_long(operation)) continue;
    const auto begin = std::chrono::steady_clock::now();
    // Tensor cores take q and the weights of values as sums of 16-bit numbers (attention_tiles.h).
    const double slack = operation.name.starts_with("attend/") ? 2 : 1;
    try {
      EXPECT_EQ(disagreement(results(reference, operation), results(backend, operation), operation.agreement,
                             slack),
                "")
          << operation.name;
    } catch (const Error& error) {
      FAIL() << operation.name << ": " << error.what();
    }
    const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - begin;
    if (prints_times) fmt::print("{:8.1f} ms {}\n", time.count(), operation.name);
  }
}

// Inputs as the sum of two bf16 numbers: as near to the reference as float32.
TEST(CudaBackend, InputsOfTwoParts) {
  set_schedule(1);
  const auto backend = emulated_backend(2);
  ReferenceBackend reference;
  for (const Operation& operation : all_operations()) {
    if (!operation.name.starts_with("linear/18rows") && !operation.name.starts_with("experts/odd")) continue;
    EXPECT_EQ(disagreement(results(reference, operation), results(*backend, operation), Agreement::kRounded),
              "")
        << operation.name;
  }
}

TEST(CudaBackend, SaysWhatItIs) {
  const auto backend = emulated_backend();
  EXPECT_EQ(backend->name(), "cuda (emulated GPU, bf16 activations)");
  EXPECT_EQ(backend->arithmetic(), "cuda, sm_86, 1 bf16 activations");
}

TEST(CudaBackend, B59_MoreExpertsThanAWarpHoldsAreRefusedAtLoad) {
  const auto backend = emulated_backend();
  const RandomWeight most(1024, 32, {{Format::kQ8_0, 1}}, false, 1);
  backend->pack(most.source());
  const RandomWeight more(1025, 32, {{Format::kQ8_0, 1}}, false, 1);
  WeightSource source = more.source();
  source.parts[0][0].name = "blk.3.ffn_up_exps.weight";
  expect_error(ErrorCode::kUnsupported,
               {"'blk.3.ffn_up_exps.weight' has 1025 experts; the CUDA backend takes up to 1024 in a layer"},
               [&] { backend->pack(source); });
}

// As in the CPU's B58 tests: what cannot be computed must show.
TEST(CudaBackend, B58_NotANumberAndInfinityComeThrough) {
  set_schedule(1);
  const auto backend = emulated_backend();
  for (const Format format : kAllFormats)
    for (const float bad : {std::nanf(""), HUGE_VALF, -HUGE_VALF}) {
      Bench bench(*backend);
      const RandomWeight random(format, 6, 256, 1);
      std::vector<float> x = random_floats(size_t{3} * 256, 2);
      x[256 + 200] = bad;
      const Tensor out = bench.tensor(DType::kF32, 3, 6);
      bench.add_output(out);
      backend->linear(out, bench.floats(x, 3), bench.weight(random));
      const std::vector<float> values = bench.outputs()[0];
      for (size_t r = 0; r < 6; ++r) {
        EXPECT_TRUE(std::isfinite(values[r]));
        EXPECT_FALSE(std::isfinite(values[6 + r])) << name_of(format) << " " << bad;
        EXPECT_TRUE(std::isfinite(values[12 + r]));
      }
    }
}

}  // namespace
}  // namespace ferrum::test
