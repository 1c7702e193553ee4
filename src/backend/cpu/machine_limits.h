// What this machine can do at best, measured on the spot: figures drift by tens of percent within an hour
// where a machine is shared, so every speed is held against limits of the same minutes.
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

// Of all the threads of a pool together, with the best instruction set that the CPU has, whichever one the
// backend was told to use.
struct MachineLimits {
  double read_bandwidth = 0;  // bytes/s, from memory
  // Operations/s in registers, a multiply-add counted as two.
  double int8 = 0;  // exact dot products of bytes: VPDPBUSD, else VPMADDUBSW and VPMADDWD, else plain code
  double bf16 = 0;  // VDPBF16PS; 0 where the CPU lacks it
  double f32 = 0;   // fused multiply-add
};

// The median of each, of one measurement or more.
MachineLimits median_of(std::span<const MachineLimits> measured);

// Measures them as often as it is asked to, with threads and a buffer of its own.
class LimitMeter {
 public:
  // All threads together read `buffer_bytes`; less than 10 times the caches measures the caches as well.
  // Error kNoMemory.
  LimitMeter(int threads, size_t buffer_bytes = default_buffer());

  // Takes a quarter of a second.
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
