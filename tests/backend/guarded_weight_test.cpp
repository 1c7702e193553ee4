// Checkpoints are mapped: behind the last byte of a file there may be no memory at all. So packing must not
// read a byte past a tensor, nor one before it.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "backend/cpu/cpu_backend.h"
#include "operations.h"

namespace ferrum::test {
namespace {

// A copy of bytes whose end, or whose beginning, is that of the memory that may be read.
class GuardedBytes {
 public:
  enum class At : uint8_t { kEnd, kBegin };

  GuardedBytes(std::span<const std::byte> bytes, At at) {
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t inner = (bytes.size() + page - 1) / page * page;
    size_ = inner + 2 * page;
    memory_ = static_cast<std::byte*>(
        mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    std::byte* data = memory_ + page + (at == At::kEnd ? inner - bytes.size() : 0);
    std::memcpy(data, bytes.data(), bytes.size());
    mprotect(memory_, page, PROT_NONE);
    mprotect(memory_ + page + inner, page, PROT_NONE);
    bytes_ = {data, bytes.size()};
  }
  ~GuardedBytes() { munmap(memory_, size_); }
  GuardedBytes(const GuardedBytes&) = delete;
  GuardedBytes& operator=(const GuardedBytes&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::byte* memory_ = nullptr;
  size_t size_ = 0;
  std::span<const std::byte> bytes_;
};

class GuardedWeights : public testing::TestWithParam<Isa> {};

TEST_P(GuardedWeights, PackingReadsNothingAroundATensor) {
  CpuBackend backend({.threads = 2, .isa = GetParam()});
  for (const Format format : kAllFormats)
    for (const int rows : {1, 16, 19})
      for (const int cols : {256, 768}) {
        const RandomWeight weight(format, rows, cols, 1);
        for (const auto at : {GuardedBytes::At::kEnd, GuardedBytes::At::kBegin}) {
          WeightSource source = weight.source();
          const GuardedBytes guarded(source.parts[0][0].bytes, at);
          source.parts[0][0].bytes = guarded.bytes();
          EXPECT_EQ(backend.pack(source)->rows(), rows);
        }
      }
}

// Of floats, any number of columns.
TEST_P(GuardedWeights, PackingReadsNothingAroundRowsOfOddLength) {
  CpuBackend backend({.threads = 1, .isa = GetParam()});
  for (const Format format : {Format::kF32, Format::kF16, Format::kBF16})
    for (const int cols : {1, 31, 257}) {
      const RandomWeight weight(format, 5, cols, 2);
      WeightSource source = weight.source();
      const GuardedBytes guarded(source.parts[0][0].bytes, GuardedBytes::At::kEnd);
      source.parts[0][0].bytes = guarded.bytes();
      EXPECT_EQ(backend.pack(source)->cols(), cols);
    }
}

// A table that is only looked up stays in the file.
TEST_P(GuardedWeights, LookingUpReadsNothingAroundATable) {
  CpuBackend backend({.threads = 1, .isa = GetParam()});
  constexpr int kRows = 3;
  constexpr int kCols = 256;
  Bench bench(backend);
  const Tensor tokens = bench.integers({2, 1, 0}, kRows);
  const Tensor out = bench.tensor(DType::kF32, kRows, kCols);
  for (const Format format : kAllFormats)
    for (const auto at : {GuardedBytes::At::kEnd, GuardedBytes::At::kBegin}) {
      const RandomWeight weight(format, kRows, kCols, 3);
      WeightSource source = weight.source();
      source.use = WeightUse::kLookUp;
      const GuardedBytes guarded(source.parts[0][0].bytes, at);
      source.parts[0][0].bytes = guarded.bytes();
      const auto table = backend.pack(source);
      backend.embed(out, *table, tokens);
    }
}

INSTANTIATE_TEST_SUITE_P(Isa, GuardedWeights, testing::ValuesIn(available_isas()),
                         [](const auto& info) { return std::string(name_of(info.param)); });

}  // namespace
}  // namespace ferrum::test
