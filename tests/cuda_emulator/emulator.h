// Runs kernels on the CPU, each of their threads on a stack of its own, and checks what no GPU checks: every
// byte that is read or written (in bounds, of this block, aligned, written before it is read), races (by
// happens-before, whatever the order in which threads ran), collectives and barriers that not all threads
// reach, asynchronous copies that are used before they have arrived. One launch at a time, on one host
// thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string_view>

#include "backend/cuda/device/gpu_kernel.h"
#include "backend/cuda/device/gpu_types.h"

namespace gpu::emulated {

// What is wrong with a kernel, and where: one message of several lines.
struct Fault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Options {
  uint64_t seed = 1;            // of the order of blocks, warps and lanes
  int resident_blocks = 1;      // that run side by side
  int preempt_every = 0;        // accesses after which a thread may have to wait, on average; 0: never
  int shared_limit = 101376;    // bytes a block may ask for: 99 KiB on sm_86, sm_89 and sm_120
  bool counts_traffic = false;  // slow
};

struct Counts {
  uint64_t blocks, threads, accesses, switches, collectives, products, barriers;
  // Eight rows of ldmatrix are a phase. It takes one wave through the banks, or more where these collide.
  uint64_t matrix_phases, matrix_waves;
  // Where Options::counts_traffic: the same of other accesses (traffic.h), and bytes of global memory, in
  // sectors of 32 that a launch touches.
  uint64_t shared_phases, shared_waves, global_bytes;
};

void set_options(const Options& options);
const Counts& counts();
void reset_counts();

// Memory of the device, with gaps in which every access is a fault. It counts as not written.
void* allocate(size_t bytes);  // Fault if there is no room
void release(void* memory);
void copy_in(void* device, const void* host, size_t bytes);
void copy_out(void* host, const void* device, size_t bytes);  // Fault where a byte was never written
void copy_within(void* to, const void* from, size_t bytes);
void fill(void* device, uint8_t value, size_t bytes);

// Called behind each launch that ends without a fault; null: nothing is.
using Observer = void (*)(const Kernel& kernel, Index grid, int threads, int shared_bytes);
void set_observer(Observer observer);

const Kernel* find_kernel(std::string_view name);  // null if there is none
void launch(const Kernel& kernel, Index grid, int threads, int shared_bytes, const void* params);

}  // namespace gpu::emulated
