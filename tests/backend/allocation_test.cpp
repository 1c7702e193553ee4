// A step allocates nothing (promise 5): every operation runs once more under a counting operator new.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "backend/cpu/cpu_backend.h"
#include "operations.h"

namespace {

std::atomic<int64_t> allocations = 0;

void* counted(size_t bytes, size_t alignment) {
  ++allocations;
  void* p = alignment > alignof(std::max_align_t)
                ? std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment)
                : std::malloc(std::max<size_t>(bytes, 1));
  if (p == nullptr) throw std::bad_alloc();
  return p;
}

}  // namespace

void* operator new(size_t bytes) { return counted(bytes, 0); }
void* operator new[](size_t bytes) { return counted(bytes, 0); }
void* operator new(size_t bytes, std::align_val_t alignment) {
  return counted(bytes, static_cast<size_t>(alignment));
}
void* operator new[](size_t bytes, std::align_val_t alignment) {
  return counted(bytes, static_cast<size_t>(alignment));
}
void* operator new(size_t bytes, const std::nothrow_t&) noexcept { return counted(bytes, 0); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }
void operator delete[](void* p, size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, size_t, std::align_val_t) noexcept { std::free(p); }

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
