// The loops over panels and tokens, common to all formats.
#pragma once
#include "backend/cpu/kernels/simd.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {  // nothing here may become a symbol that the linker merges: see kernels.h

// Prefetches a line of a panel long before its use, since hardware prefetchers stop at the end of a page:
// from far ahead into the second-level cache, from nearer into the first. Otherwise the few miss buffers of
// the first level would be held for a full memory latency.
inline void prefetch_ahead(const uint8_t* line) {
  __builtin_prefetch(line + 8192, 0, 2);
  __builtin_prefetch(line + 2048, 0, 3);
}

constexpr int kTileSizes[] = {1, 2, 4, 6, 8, 12};  // tokens

// Calls multiply.operator()<size>() with the smallest size that `tokens` fit into; kMost is one of the sizes.
template <int kMost, int kIndex = 0, class Multiply>
inline void with_size_for(int tokens, const Multiply& multiply) {
  constexpr int kSize = kTileSizes[kIndex];
  if constexpr (kSize < kMost)
    if (tokens > kSize) return with_size_for<kMost, kIndex + 1>(tokens, multiply);
  multiply.template operator()<kSize>();
}

// Calls multiply.operator()<size>(first, count) for tiles of about equal counts, at most kMost tokens each.
// Results past the count are computed as well and discarded.
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
