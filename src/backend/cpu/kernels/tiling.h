// How products walk through panels and tokens, whatever the format.
#pragma once
#include "backend/cpu/kernels/simd.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {  // nothing here may become a symbol that the linker merges: see kernels.h

// Asks for a line of a panel's memory, `at` bytes into what a tile of kTokens is at, long before its use:
// hardware prefetches stop at the end of a page. One or two tokens take lines as fast as they come, into the
// first-level cache. More take longer over each, so that lines come early enough to the second level from
// twice as far; asked for in the first, they would hold its few buffers for misses.
template <int kTokens>
inline void prefetch_ahead(const uint8_t* panel, int at) {
  if constexpr (kTokens <= 2)
    __builtin_prefetch(panel + 4096 + at, 0, 3);
  else
    __builtin_prefetch(panel + 8192 + at, 0, 2);
}

constexpr int kTileSizes[] = {1, 2, 4, 6, 8, 12};  // tokens

// multiply.operator()<size>() with the least size that `tokens` fit into; kMost is one of the sizes.
template <int kMost, int kIndex = 0, class Multiply>
inline void with_size_for(int tokens, const Multiply& multiply) {
  constexpr int kSize = kTileSizes[kIndex];
  if constexpr (kSize < kMost)
    if (tokens > kSize) return with_size_for<kMost, kIndex + 1>(tokens, multiply);
  multiply.template operator()<kSize>();
}

// multiply.operator()<size>(first, count) for tiles of about equal counts, at most kMost tokens each. What is
// past the count is computed with the rest and thrown away.
template <int kMost, class Multiply>
inline void in_tiles(int tokens, const Multiply& multiply) {
  if (tokens <= 0) return;
  const int tiles = (tokens + kMost - 1) / kMost;
  const int least = tokens / tiles;
  const int longer = tokens % tiles;
  for (int tile = 0, first = 0; tile < tiles; ++tile) {
    const int count = least + (tile < longer ? 1 : 0);
    with_size_for<kMost>(count, [&]<int kSize>() { multiply.template operator()<kSize>(first, count); });
    first += count;
  }
}

}  // namespace
}  // namespace ferrum::cpu::FERRUM_ISA
