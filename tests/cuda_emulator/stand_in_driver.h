// A driver whose GPU is the emulator, as a table of calls. Streams are queues: nothing of them runs before a
// call waits, as late as a real device might run it. So a missing wait shows in what is read, and these are
// refused:
//   memory allocated, or results waited for, while a stream is captured;
//   pinned memory that changes before it was copied;
//   launches of kernels, in graphs as well, that use memory which has been freed (a fault of the emulator).
// As with a real driver, nothing works after a fault. One device, used by one thread.
#pragma once
#include <string>

#include "backend/cuda/driver/driver.h"

namespace gpu::emulated {

struct StandIn {
  int devices = 1;
  int version = 13000;
  int capability = 86;  // 8.6
  size_t memory = size_t{900} << 20;
  size_t others = 0;    // bytes of it that other processes have
  int lost_behind = 0;  // launches of kernels after which the next fails; 0: none does
};

// Forgets all queues, graphs and faults; what is allocated stays.
const ferrum::cuda::Driver& stand_in_driver(const StandIn& device = {});

// Of the fault that ended everything; empty: none.
const std::string& stand_in_fault();

// Since stand_in_driver(). Of graphs: replays, and kernels launched by them. Copies to the device, and those
// of them that are not from pinned memory.
struct StandInCounts {
  int launches, graphs, replays, uploads, unpinned_uploads;
};
const StandInCounts& stand_in_counts();

}  // namespace gpu::emulated
