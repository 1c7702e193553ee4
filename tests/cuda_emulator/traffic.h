// What a launch moves, where Options::counts_traffic asks for it: waves through the banks of shared memory,
// and the global memory that it touches.
//
// Lanes run one after another here. The n-th time that the lanes of a warp come to an instruction counts as
// one access of theirs together. Shared memory has 32 banks of four bytes; an access of 4 bytes or less goes
// through them in one phase, one of 8 in two halves of a warp, one of 16 in four quarters. A phase takes a
// wave for each different word of the bank that has the most (CUDA C++ Programming Guide, "Shared Memory").
#pragma once
#include "launch.h"

namespace gpu::emulated {

// An access of the lane that runs.
void count_traffic(uintptr_t address, unsigned size, uintptr_t pc);
void end_traffic_of(const Block& block);  // adds up its waves
void end_traffic();                       // of the launch
void forget_traffic();

}  // namespace gpu::emulated
