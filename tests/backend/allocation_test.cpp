// A step allocates nothing (promise 5): every operation runs once more under a counting operator new.
#include <gtest/gtest.h>

#include "backend/cpu/cpu_backend.h"
#include "operations.h"
#include "support/allocations.h"

namespace ferrum::test {
namespace {

TEST(Allocations, TheCounterCounts) {
  const int64_t before = allocations;
  delete new int(1);  // NOLINT: it is what is counted
  std::vector<int> v(10);
  EXPECT_GE(allocations - before, 1);
  EXPECT_EQ(v.size(), 10U);
}

TEST(Allocations, NoOperationOfTheCpuBackendAllocates) {
  for (const cpu::Activations activations :
       {cpu::Activations::kInt8, cpu::Activations::kBf16, cpu::Activations::kFloat32}) {
    CpuBackend backend({.threads = 2, .activations = activations});
    for (const Operation& operation : all_operations()) {
      Bench bench(backend);
      operation.prepare(bench);
      const int64_t before = allocations;
      bench.run();  // the very first time: memory was made when weights were packed
      EXPECT_EQ(allocations - before, 0) << operation.name;
    }
  }
}

}  // namespace
}  // namespace ferrum::test
