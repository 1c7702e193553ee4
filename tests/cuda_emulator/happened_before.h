// Who knows of whom: what a thread may rely on because a synchronisation lies between.
#pragma once
#include "launch.h"

namespace gpu::emulated {

// Whether `self` knows what thread `who` did at `when`, of the same launch.
[[gnu::noinline]] bool is_known_in_launch(uint32_t who, Clock when, const Lane& self);

inline bool is_known(uint32_t who, Clock when, const Lane& self, Clock begin) {
  return when <= begin || (who & 0x07ffffff) == self.who || is_known_in_launch(who, when, self);
}

void meet_in_warp(Warp& warp, unsigned mask);          // all lanes of `mask`
void meet_at_barrier(Block& block, Barrier& barrier);  // those that wait learn of those that arrived
void meet_at_atomic(Lane& self, uintptr_t address);    // publishes and learns; forgotten at the next launch
void forget_atomics();

}  // namespace gpu::emulated
