// The CUDA backend on the emulated device, under three schedules: one block at a time, several side by side,
// and threads that are interrupted at their accesses.
#pragma once
#include <gtest/gtest.h>

#include "backend/cuda/cuda_backend.h"
#include "emulator.h"
#include "stand_in_driver.h"

namespace ferrum::test {

inline void set_schedule(int seed) {
  gpu::emulated::set_options({.seed = static_cast<uint64_t>(seed),
                              .resident_blocks = seed == 2 ? 3 : 1,
                              .preempt_every = seed == 3 ? 50 : 0});
}

// A small workspace, so that operations are done in pieces.
inline std::unique_ptr<CudaBackend> emulated_backend(int input_parts = 1) {
  static const void* const kImages[] = {""};
  return std::make_unique<CudaBackend>(
      CudaOptions{
          .input_parts = input_parts, .threads = 1, .workspace = size_t{4} << 20, .clears_memory = false},
      gpu::emulated::stand_in_driver(), kImages);
}

class CudaBackendUnder : public testing::TestWithParam<int> {
 protected:
  CudaBackendUnder() { set_schedule(GetParam()); }
  ~CudaBackendUnder() override { gpu::emulated::set_options({}); }

  const std::unique_ptr<CudaBackend> backend_ = emulated_backend();
  CudaBackend& backend = *backend_;
};

}  // namespace ferrum::test
