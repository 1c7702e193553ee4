// Drawing tokens.
#include <algorithm>
#include <bit>

#include "backend/cuda/cuda_backend.h"
#include "backend/cuda/kernels/draw.h"
#include "backend/cuda/tensors.h"

namespace ferrum {

using namespace cuda;

void CudaBackend::draw(const DrawResults& out, Tensor logits, const Draws& draws, int first) {
  const int groups = draws.groups.rows - 1;
  if (draws.draws.rows == 0 || groups <= 0) return;
  const auto room = static_cast<int>(std::bit_ceil(static_cast<unsigned>(logits.cols)));
  const int head = std::clamp(logits.cols / 4, 16, 2048);
  const int most_edits = std::max(draws.edits.rows, 1);
  const size_t of_group =
      static_cast<size_t>(room) * sizeof(uint64_t) + static_cast<size_t>(most_edits) * sizeof(float);
  const size_t at_once =
      std::clamp<size_t>((workspace_.bytes() - 512) / of_group, 1, static_cast<size_t>(groups));
  for (int begin = 0; begin < groups; begin += static_cast<int>(at_once)) {
    const int count = std::min(static_cast<int>(at_once), groups - begin);
    Room memory(workspace_);
    auto* const sorted = memory.take<uint64_t>(static_cast<size_t>(count) * static_cast<size_t>(room));
    auto* const saved = memory.take<float>(static_cast<size_t>(count) * static_cast<size_t>(most_edits));
    launch("draw_tokens", {count}, kDrawThreads,
           DrawTokens{rows_of(logits), logits.cols, static_cast<const Draw*>(draws.draws.data),
                      integers_of(draws.groups), static_cast<const LogitEdit*>(draws.edits.data),
                      static_cast<const uint32_t*>(draws.masks.data), draws.masks.stride,
                      static_cast<Drawn*>(out.drawn.data), static_cast<int*>(out.top_ids.data),
                      static_cast<float*>(out.top_logprobs.data), out.top_ids.stride, out.top_logprobs.stride,
                      first, begin, saved, most_edits, sorted, room, head},
           gpu::SharedSize()
               .array<double>(kDrawThreads / 32)
               .array<float>(kDrawThreads / 32)
               .array<int>(kDrawThreads / 32)
               .bytes());
  }
}

}  // namespace ferrum
