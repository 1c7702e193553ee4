#include "backend/cpu/machine_limits.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <new>
#include <vector>

#include "backend/cpu/kernels.h"
#include "base/check.h"
#include "base/error.h"
#include "base/machine.h"

namespace ferrum {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

// Several short runs: if other processes run as well, some runs fall between their time slices.
constexpr int kReadings = 3;  // for each distance
constexpr int kRuns = 20;
// Which distance of prefetches reads fastest differs between CPUs: 1 KiB on Intel's, none or 256 bytes on
// AMD's.
constexpr size_t kReadAhead[] = {0, 256, 1024};
constexpr Seconds kLeastRun = std::chrono::milliseconds(2);

template <class Body>
Seconds time_of(const Body& body) {
  const auto start = Clock::now();
  body();
  return Clock::now() - start;
}

cpu::PageMemory buffer_for(size_t bytes) try {
  return cpu::PageMemory(bytes);
} catch (const std::bad_alloc&) {
  fail(ErrorCode::kNoMemory, "the system refused {} bytes for measuring the read bandwidth", bytes);
}

}  // namespace

LimitMeter::LimitMeter(int threads, size_t buffer_bytes)
    : pool_(threads), peaks_(cpu::kernels_for(selected_isa()).peaks), buffer_(buffer_for(buffer_bytes)) {
  // Each thread reads what it wrote, as with packed weights.
  pool_.parallel_for(static_cast<int64_t>(buffer_.bytes()),
                     [&](int64_t begin, int64_t end, int worker) noexcept {
                       std::memset(buffer_.data() + begin, worker + 1, static_cast<size_t>(end - begin));
                     });
}

MachineLimits LimitMeter::measure() {
  return {.read_bandwidth = read_bandwidth(),
          .int8 = peak(peaks_.dot_int8),
          .bf16 = peaks_.dot_bf16 != nullptr ? peak(peaks_.dot_bf16) : 0,
          .f32 = peak(peaks_.multiply_add_f32)};
}

double LimitMeter::read_bandwidth() {
  std::atomic<uint64_t> sum = 0;  // keeps the reads from being optimised away
  const auto bytes = static_cast<int64_t>(buffer_.bytes());
  double best = 0;
  for (int i = 0; i < kReadings; ++i)
    for (const size_t ahead : kReadAhead) {
      const Seconds time = time_of([&] {
        pool_.parallel_for(bytes, [&](int64_t begin, int64_t end, int) noexcept {
          sum += peaks_.read(buffer_.data() + begin, static_cast<size_t>(end - begin), ahead);
        });
      });
      best = std::max(best, static_cast<double>(bytes) / time.count());
    }
  return best;
}

double LimitMeter::peak(int64_t (*kernel)(int64_t rounds)) {
  int64_t rounds = 1000;
  double best = 0;
  for (int run = 0; run < kRuns;) {
    std::atomic<int64_t> operations = 0;
    const Seconds time =
        time_of([&] { pool_.on_each_worker([&](int) noexcept { operations += kernel(rounds); }); });
    if (time < kLeastRun) {
      rounds *= 2;
      continue;
    }
    best = std::max(best, static_cast<double>(operations.load()) / time.count());
    ++run;
  }
  return best;
}

size_t LimitMeter::default_buffer() { return std::min(size_t{512} << 20, available_memory() / 4); }

MachineLimits median_of(std::span<const MachineLimits> measured) {
  check(!measured.empty(), "there are measurements");
  const auto median = [&](double MachineLimits::*limit) {
    std::vector<double> values;
    for (const MachineLimits& m : measured) values.push_back(m.*limit);
    std::sort(values.begin(), values.end());
    return (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
  };
  return {.read_bandwidth = median(&MachineLimits::read_bandwidth),
          .int8 = median(&MachineLimits::int8),
          .bf16 = median(&MachineLimits::bf16),
          .f32 = median(&MachineLimits::f32)};
}

}  // namespace ferrum
