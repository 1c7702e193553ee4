// Barriers of a block: 0 is everybody's, 1 to 15 have a number of threads.
#pragma once
#include "launch.h"

namespace gpu::emulated {

// The running lane arrives; with `waits` it returns when all have.
void at_barrier(int id, int threads, bool waits, int line, uintptr_t pc);

}  // namespace gpu::emulated
