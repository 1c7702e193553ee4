// The CUDA backend on the emulated device, under three schedules: one block at a time, several side by side,
// and threads that are interrupted at their accesses. Against the reference, and against itself.
#include "backend/cuda/cuda_backend.h"

#include <gtest/gtest.h>

#include <chrono>
#include <map>

#include "backend/operations.h"
#include "backend/reference/reference_backend.h"
#include "emulator.h"
#include "stand_in_driver.h"

namespace ferrum::test {
namespace {

using gpu::emulated::stand_in_driver;
using gpu::emulated::stand_in_fault;
using Outputs = std::vector<std::vector<float>>;

const void* const kImages[] = {""};
constexpr CudaOptions kOptions = {.threads = 1, .workspace = size_t{4} << 20};

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
                           "first1_window0/", "_long", "both_ways_window", "dim256/", "experts/many"})
    if (operation.name.find(part) != std::string::npos) return true;
  return false;
}

class CudaBackendUnder : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    const auto seed = static_cast<uint64_t>(GetParam());
    gpu::emulated::set_options(
        {.seed = seed, .resident_blocks = seed == 2 ? 3 : 1, .preempt_every = seed == 3 ? 50 : 0});
  }
  void TearDown() override { gpu::emulated::set_options({}); }

  CudaBackend backend{kOptions, stand_in_driver(), kImages};
};
INSTANTIATE_TEST_SUITE_P(Schedules, CudaBackendUnder, testing::Values(1, 2, 3));

TEST_P(CudaBackendUnder, AgreesWithTheReference) {
  ReferenceBackend reference;
  const bool times = std::getenv("FERRUM_OPERATION_TIMES") != nullptr;
  for (const Operation& operation : all_operations()) {
    if (GetParam() != 1 && is_long(operation)) continue;
    if (operation.name.starts_with("draw/")) continue;  // still to come
    const auto begin = std::chrono::steady_clock::now();
    try {
      EXPECT_EQ(disagreement(results(reference, operation), results(backend, operation), operation.agreement),
                "")
          << operation.name;
    } catch (const Error& error) {
      FAIL() << operation.name << ": " << error.what();
    }
    if (times)
      fmt::print("{:8.1f} ms {}\n",
                 std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count(),
                 operation.name);
  }
}

}  // namespace
}  // namespace ferrum::test
