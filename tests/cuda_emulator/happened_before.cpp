#include "happened_before.h"

#include <algorithm>

namespace gpu::emulated {
namespace {

// By the address of an atomic: what was published there, of each warp.
std::unordered_map<uintptr_t, std::unordered_map<uint32_t, Clock>> published;

uint32_t name_of(const Block& block, size_t warp) { return block.number << 5 | static_cast<uint32_t>(warp); }

}  // namespace

bool is_known_in_launch(uint32_t who, Clock when, const Lane& self) {
  const uint32_t block = who >> 10 & 0x1ffff;
  const int thread = static_cast<int>(who & 1023);
  if (block == self.block->number) {
    if (thread == self.thread) return true;
    const int w = thread / 32;
    if (w != self.warp->index) return when <= self.warp->knows[static_cast<size_t>(w)];
    if (when <= self.warp->all_know) return true;
    return !self.warp->lanes_know.empty() &&
           when <= self.warp->lanes_know[static_cast<size_t>(self.thread % 32 * 32 + thread % 32)];
  }
  if (self.warp->foreign.empty()) return false;
  const auto found = self.warp->foreign.find(block << 5 | static_cast<uint32_t>(thread / 32));
  return found != self.warp->foreign.end() && when <= found->second;
}

void meet_in_warp(Warp& warp, unsigned mask) {
  if (mask == warp.lanes) {
    warp.all_know = warp.now;
  } else {
    if (warp.lanes_know.empty()) warp.lanes_know.resize(32 * 32);
    for (size_t a = 0; a < 32; ++a)
      for (size_t b = 0; b < 32; ++b)
        if ((mask >> a & mask >> b & 1) != 0) warp.lanes_know[a * 32 + b] = warp.now;
  }
  warp.now = ++clock_now;
}

void meet_at_barrier(Block& block, Barrier& barrier) {
  std::vector<Clock> together(block.warps.size());
  std::unordered_map<uint32_t, Clock> foreign;
  for (size_t w = 0; w < block.warps.size(); ++w) {
    const Warp& warp = block.warps[w];
    if (barrier.warps[w] == 0) continue;
    for (size_t i = 0; i < together.size(); ++i) together[i] = std::max(together[i], warp.knows[i]);
    together[w] = std::max(together[w], warp.now);
    for (const auto& [who, when] : warp.foreign) foreign[who] = std::max(foreign[who], when);
  }
  for (size_t w = 0; w < block.warps.size(); ++w) {
    Warp& warp = block.warps[w];
    if (barrier.warps[w] == 0) continue;
    if (barrier.warps[w] == 1) {
      warp.knows = together;
      warp.foreign = foreign;
    }
    warp.all_know = warp.now;
    warp.now = ++clock_now;
  }
}

void meet_at_atomic(Lane& self, uintptr_t address) {
  Warp& warp = *self.warp;
  auto& of = published[address];
  for (const auto& [who, when] : of) {  // acquire
    Clock& known = who >> 5 == self.block->number ? warp.knows[who & 31] : warp.foreign[who];
    known = std::max(known, when);
  }
  const auto tell = [&](uint32_t who, Clock when) { of[who] = std::max(of[who], when); };
  for (size_t w = 0; w < warp.knows.size(); ++w) tell(name_of(*self.block, w), warp.knows[w]);
  tell(name_of(*self.block, static_cast<size_t>(warp.index)), warp.now);
  for (const auto& [who, when] : warp.foreign) tell(who, when);
  warp.now = ++clock_now;
}

void forget_atomics() { published.clear(); }

}  // namespace gpu::emulated
