#include "barriers.h"

#include "happened_before.h"
#include "report.h"

namespace gpu::emulated {
namespace {

// All have arrived: those that wait go on.
void release_all(Block& block, Barrier& barrier, int id) {
  ++totals.barriers;
  for (Lane& lane : block.lanes) {
    if (lane.doing != Doing::kBarrier || lane.barrier != id) continue;
    const Lane& first = block.lanes[static_cast<size_t>(lane.warp->index) * 32];
    if (first.doing == Doing::kBarrier && first.barrier == id && first.line != lane.line)
      fail_here("lanes of one warp meet at different barriers\n    " + thread_of(first.who) + " at " +
                place_of(first.pc) + "\n    " + thread_of(lane.who) + " at " + place_of(lane.pc));
  }
  for (Lane& lane : block.lanes) {
    if (lane.doing != Doing::kBarrier || lane.barrier != id) continue;
    lane.doing = Doing::kReady;
    lane.warp->ready = true;
  }
  meet_at_barrier(block, barrier);
  barrier.arrived = 0;
}

}  // namespace

void at_barrier(int id, int threads, bool waits, int line, uintptr_t pc) {
  Lane& self = *current;
  Block& block = *self.block;
  const auto fail_at = [&](const std::string& what) {
    fail_here(what + "\n    " + thread_of(self.who) + " at " + place_of(pc));
  };
  if (id < 0 || id > 15) fail_at(text("barrier %d, of 16", id));
  if (id != 0 && (threads <= 0 || threads % 32 != 0))
    fail_at(text("a barrier of %d threads, which are no whole warps", threads));
  Barrier& barrier = block.barriers[static_cast<size_t>(id)];
  if (barrier.arrived == 0) {
    barrier.expected = threads;
    barrier.warps.assign(block.warps.size(), 0);
  } else if (barrier.expected != threads) {
    fail_at(text("barrier %d with %d threads, and with %d", id, threads, barrier.expected));
  }
  uint8_t& role = barrier.warps[static_cast<size_t>(self.warp->index)];
  if (role != 0 && role != (waits ? 1 : 2)) fail_at("a warp that both arrives and waits");
  role = waits ? 1 : 2;
  self.line = line;
  self.pc = pc;
  self.barrier = id;
  self.doing = waits ? Doing::kBarrier : Doing::kReady;
  if (++barrier.arrived == barrier.expected) return release_all(block, barrier, id);
  if (waits) yield();
}

}  // namespace gpu::emulated
