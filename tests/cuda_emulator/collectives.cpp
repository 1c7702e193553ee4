#include "collectives.h"

#include <bit>

#include "happened_before.h"
#include "report.h"

namespace gpu::emulated {
namespace {

void shuffle_lanes(Lane* lanes, unsigned mask) {
  uint32_t values[32] = {};
  for (int i = 0; i < 32; ++i)
    if ((mask >> i & 1) != 0) values[i] = *static_cast<const ShuffleArgs*>(lanes[i].args)->x;
  for (int i = 0; i < 32; ++i) {
    if ((mask >> i & 1) == 0) continue;
    const auto& args = *static_cast<const ShuffleArgs*>(lanes[i].args);
    const int from = (args.is_xor ? i ^ args.from : args.from) & 31;
    if ((mask >> from & 1) == 0)
      fail_here(text("lane %d asks lane %d, which does not take part\n    %s at ", i, from,
                     thread_of(lanes[i].who).c_str()) +
                place_of(lanes[i].pc));
    *args.x = values[from];
  }
}

void vote(Lane* lanes, unsigned mask) {
  unsigned votes = 0;
  for (int i = 0; i < 32; ++i)
    if ((mask >> i & 1) != 0)
      votes |= static_cast<unsigned>(static_cast<const BallotArgs*>(lanes[i].args)->x) << i;
  for (int i = 0; i < 32; ++i)
    if ((mask >> i & 1) != 0) *static_cast<const BallotArgs*>(lanes[i].args)->result = votes;
}

void execute(Block& block, Warp& warp, Kind kind, unsigned mask) {
  ++totals.collectives;
  Lane* lanes = &block.lanes[static_cast<size_t>(warp.index) * 32];
  switch (kind) {
    case Kind::kNone:
      return;
    case Kind::kShuffle:
      return shuffle_lanes(lanes, mask);
    case Kind::kBallot:
      return vote(lanes, mask);
    case Kind::kSyncWarp:
      return meet_in_warp(warp, mask);
    default:
      break;
  }
  if (mask != kAllLanes || warp.lanes != kAllLanes)
    fail_here("a matrix instruction in a warp that is not whole\n    at " +
              place_of(lanes[std::countr_zero(mask)].pc));
  if (kind == Kind::kLoadMatrix) return load_matrices(block, lanes);
  ++totals.products;
  if (kind == Kind::kMmaBf16) multiply_bf16(lanes);
  if (kind == Kind::kMmaF16) multiply_f16(lanes);
  if (kind == Kind::kMmaTf32) multiply_tf32(lanes);
  if (kind == Kind::kMmaS8) multiply_s8(lanes);
}

void finish(Block& block, Warp& warp, Kind kind, unsigned mask) {
  execute(block, warp, kind, mask);
  for (size_t i = 0; i < 32; ++i)
    if ((mask >> i & 1) != 0) block.lanes[static_cast<size_t>(warp.index) * 32 + i].doing = Doing::kReady;
}

}  // namespace

void collective(Kind kind, unsigned mask, const void* args, int line, uintptr_t pc) {
  Lane& self = *current;
  Warp& warp = *self.warp;
  if ((mask >> (self.thread % 32) & 1) == 0)
    fail_here("a lane that is not in its own mask\n    " + thread_of(self.who) + " at " + place_of(pc));
  // A matrix instruction of a warp without some lanes would wait for these for ever.
  if ((mask & ~warp.lanes) != 0 && kind >= Kind::kLoadMatrix)
    fail_here("a matrix instruction in a warp that is not whole\n    " + thread_of(self.who) + " at " +
              place_of(pc));
  self.kind = kind;
  self.mask = mask;
  self.args = args;
  self.line = line;
  self.pc = pc;
  self.doing = Doing::kCollective;
  if (warp.arrived == 0) {
    warp.kind = kind;
    warp.mask = mask;
    warp.line = line;
  } else if (warp.kind != kind || warp.mask != mask || warp.line != line) {
    warp.mixed = true;
  }
  warp.arrived |= 1u << (self.thread % 32);
  if (!warp.mixed && warp.arrived == mask) {
    warp.arrived = 0;
    return finish(*self.block, warp, kind, mask);
  }
  yield();
}

void sort_out(Block& block, Warp& warp) {
  const auto lane_at = [&](int i) -> Lane& {
    return block.lanes[static_cast<size_t>(warp.index) * 32 + static_cast<size_t>(i)];
  };
  for (unsigned left = warp.lanes; left != 0; left &= left - 1) {
    Lane& lane = lane_at(std::countr_zero(left));
    if (lane.doing != Doing::kCollective) continue;
    bool all = true;
    for (unsigned m = lane.mask; m != 0 && all; m &= m - 1) {
      const int i = std::countr_zero(m);
      const Lane* other = (warp.lanes >> i & 1) != 0 ? &lane_at(i) : nullptr;
      all = other != nullptr && other->doing == Doing::kCollective && other->kind == lane.kind &&
            other->mask == lane.mask && other->line == lane.line;
    }
    if (all) finish(block, warp, lane.kind, lane.mask);
  }
  warp.arrived = 0;
  warp.mixed = false;
  for (unsigned left = warp.lanes; left != 0; left &= left - 1) {
    const int i = std::countr_zero(left);
    if (lane_at(i).doing != Doing::kCollective) continue;
    warp.arrived |= 1u << i;
    warp.mixed = true;
  }
}

}  // namespace gpu::emulated
