// Draws of tokens: the groups are shared out among the workers that have memory for them.
#include <algorithm>
#include <atomic>
#include <new>

#include "backend/cpu/cpu_backend.h"

namespace ferrum {

void CpuBackend::draw(const DrawResults& out, Tensor logits, const Draws& draws, int first) {
  const cpu::DrawCall call = {out, logits, draws, first};
  const int groups = draws.groups.rows - 1;
  const int parts = std::min(groups, static_cast<int>(memory_.drawers.size()));
  std::atomic<bool> lacks_memory = false;
  pool_.parallel_for(parts, [&](int64_t begin, int64_t end, int worker) noexcept {
    cpu::Drawer& drawer = memory_.drawers[static_cast<size_t>(worker)];
    try {
      for (int64_t part = begin; part < end; ++part) {
        const Range range = part_of(groups, parts, static_cast<int>(part));
        for (int64_t group = range.begin; group < range.end; ++group)
          drawer.draw_group(call, static_cast<int>(group));
      }
    } catch (const std::bad_alloc&) {
      lacks_memory = true;  // an exception could not cross threads
    }
  });
  if (lacks_memory) throw std::bad_alloc();
}

}  // namespace ferrum
