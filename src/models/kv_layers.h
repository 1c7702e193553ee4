// Keys and values of every layer, in groups of layers that keep the same positions.
#pragma once
#include <cstddef>
#include <vector>

#include "backend/arena.h"
#include "backend/backend.h"
#include "checkpoint/model_description.h"

namespace ferrum {

// Layers that see only the last `window` positions and have blocks of their own, in which positions that no
// token sees any more are given back.
struct KvWindow {
  int window = 0;
  int blocks = 0;
};

// The sizes of a cache. Layers whose window is none of `windows` keep all positions, in `blocks`: they are
// group 0, those of windows[i] group i + 1 (KvLayer::group).
struct KvSizes {
  int blocks = 0;
  int block_tokens = 16;
  DType dtype = DType::kF16;
  std::vector<KvWindow> windows = {};  // at most kMaxKvGroups − 1
  // Nothing is kept from one step to the next: layers of one shape share their room.
  bool shared = false;

  int groups() const { return 1 + static_cast<int>(windows.size()); }
  int group_of(const AttentionDescription& attention) const;
  int blocks_of(int group) const {
    return group == 0 ? blocks : windows[static_cast<size_t>(group) - 1].blocks;
  }
};

// The windows that are worth blocks of their own: a sequence of `context` tokens in steps of at most
// `step_tokens` holds what a window sees and what a step adds, which must be fewer blocks for `sequences` of
// them than `blocks`. The blocks are enough for all sequences at once, so that a window never limits which
// sequences run.
struct WindowUse {
  int context = 0;
  int step_tokens = 0;
  int sequences = 0;
};
std::vector<KvWindow> windows_of(const ModelDescription& model, const WindowUse& use, int blocks,
                                 int block_tokens);

// Keys and values of one token in one layer's cache, with the scales of an int8 cache.
size_t kv_bytes_of_token(const HeadShape& heads, DType kv_dtype);

HeadShape head_shape(const AttentionDescription& attention);

// The last layer that keeps keys and values or a state of its own. Behind it only rows that are read out
// matter.
int last_keeping_layer(const ModelDescription& model);

// [layers]; with an MTP head then that of its layer, and as `k` of another, f32, the hidden states of
// mtp_rows positions of each block [blocks, mtp_rows × hidden], with one more behind the last block.
std::vector<KvLayer> allocate_kv(KvLayout layout, Arena& arena, const ModelDescription& model,
                                 const KvSizes& sizes, int mtp_rows = 0);

}  // namespace ferrum
