// Every access of a kernel: is it allowed, and does it race with another thread's?
#pragma once
#include "launch.h"
#include "memory.h"

#define GPU_EMULATOR_CALLER reinterpret_cast<uintptr_t>(__builtin_return_address(0))

namespace gpu::emulated {

inline constexpr uintptr_t kStackBytes = 64 << 10;

enum class Access : uint8_t { kRead, kWrite, kAtomic };

// An access of the lane that runs, from the code at `pc`. Its own stack is not checked.
void access(Access kind, uintptr_t address, unsigned size, uintptr_t pc);
// A write that is seen as such only now, though it was issued before: the end of an asynchronous copy.
void record_write(uintptr_t address, unsigned size, Lane& lane, uintptr_t pc);

}  // namespace gpu::emulated
