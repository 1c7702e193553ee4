// The machine's peak rates, measured on the spot: on a shared machine they drift by tens of percent within an
// hour, so every speed is compared with limits measured in the same minutes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "backend/cpu/page_memory.h"
#include "base/thread_pool.h"

namespace ferrum {
namespace cpu {
struct Peaks;
}

// For all threads of a pool together, with the best instruction set that the CPU has, even if the backend
// uses another one.
struct MachineLimits {
  double read_bandwidth = 0;  // bytes/s, from memory
  // Operations/s in registers, a multiply-add counted as two.
  double int8 = 0;  // exact dot products of bytes: VPDPBUSD, else VPMADDUBSW and VPMADDWD, else plain code
  double bf16 = 0;  // VDPBF16PS; 0 if the CPU lacks it
  double f32 = 0;   // fused multiply-add
};

// The median of each; needs at least one measurement.
MachineLimits median_of(std::span<const MachineLimits> measured);

// Measures the limits repeatedly, with its own threads and buffer.
class LimitMeter {
 public:
  // All threads together read `buffer_bytes`; with less than 10 times the size of the caches, the caches are
  // measured as well. Throws kNoMemory.
  LimitMeter(int threads, size_t buffer_bytes = default_buffer());

  // Takes a third of a second.
  MachineLimits measure();

  // 512 MiB, or a quarter of the free memory if that is less.
  static size_t default_buffer();

 private:
  double read_bandwidth();                         // bytes/s
  double peak(int64_t (*kernel)(int64_t rounds));  // operations/s

  ThreadPool pool_;
  const cpu::Peaks& peaks_;
  cpu::PageMemory buffer_;
};
}  // namespace ferrum
