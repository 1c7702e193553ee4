// All operations in memory that does not forgive mistakes: memory that is full of numbers that are none, and
// memory that reaches further than 32 bits count.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>

#include "backend/cpu/cpu_backend.h"
#include "backend/observers/observing_backend.h"
#include "backend/reference/reference_backend.h"
#include "operations.h"

namespace ferrum::test {
namespace {

using Outputs = std::vector<std::vector<float>>;

Outputs results(Backend& backend, const Operation& operation, Bench::Rows rows = Bench::Rows::kNear) {
  Bench bench(backend, rows);
  operation.prepare(bench);
  bench.run();
  return bench.outputs();
}

class ForwardingBackend : public ObservingBackend {
 public:
  using ObservingBackend::ObservingBackend;

 private:
  void observe(const OperationCall&, FunctionRef<void()> operation) override { operation(); }
};

// A new buffer holds NaN in every floating-point format.
class PoisonedBackend final : public ForwardingBackend {
 public:
  using ForwardingBackend::ForwardingBackend;
  std::unique_ptr<Buffer> allocate(size_t bytes) override {
    std::unique_ptr<Buffer> buffer = inner().allocate(bytes);
    std::memset(buffer->data(), 0xff, bytes);
    return buffer;
  }
};

// Addresses that take memory only where they are touched.
class SparseBuffer final : public Buffer {
 public:
  explicit SparseBuffer(size_t bytes)
      : data_(
            mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)),
        bytes_(bytes) {
    if (data_ == MAP_FAILED) throw std::bad_alloc();
  }
  ~SparseBuffer() override { munmap(data_, bytes_); }
  void* data() override { return data_; }
  size_t bytes() const override { return bytes_; }

 private:
  void* data_;
  size_t bytes_;
};

class SparseBackend final : public ForwardingBackend {
 public:
  using ForwardingBackend::ForwardingBackend;
  std::unique_ptr<Buffer> allocate(size_t bytes) override { return std::make_unique<SparseBuffer>(bytes); }
};

template <class Memory>
void expect_same_results(Backend& backend, Bench::Rows rows) {
  Memory memory(backend);
  for (const Operation& operation : all_operations())
    EXPECT_EQ(results(memory, operation, rows), results(backend, operation))
        << operation.name << " on " << backend.name();
}

class MemoryFaults : public testing::TestWithParam<Isa> {};

TEST_P(MemoryFaults, N14_NoOperationReadsWhatWasNotWritten) {
  CpuBackend backend({.threads = 2, .isa = GetParam()});
  expect_same_results<PoisonedBackend>(backend, Bench::Rows::kNear);
}

TEST_P(MemoryFaults, N13_IndicesHave64Bits) {
  CpuBackend backend({.threads = 2, .isa = GetParam()});
  expect_same_results<SparseBackend>(backend, Bench::Rows::kFar);
}

INSTANTIATE_TEST_SUITE_P(Cpu, MemoryFaults, testing::ValuesIn(available_isas()),
                         [](const auto& info) { return std::string(name_of(info.param)); });

TEST(ReferenceMemoryFaults, N14_NoOperationReadsWhatWasNotWritten) {
  ReferenceBackend backend;
  expect_same_results<PoisonedBackend>(backend, Bench::Rows::kNear);
}

TEST(ReferenceMemoryFaults, N13_IndicesHave64Bits) {
  ReferenceBackend backend;
  expect_same_results<SparseBackend>(backend, Bench::Rows::kFar);
}

}  // namespace
}  // namespace ferrum::test
