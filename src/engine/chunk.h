// A run of consecutive positions of one sequence, as a part of a step.
#pragma once
#include <optional>
#include <span>
#include <vector>

#include "cache/block_table.h"
#include "engine/vector_rows.h"
#include "text/token.h"

namespace ferrum {

// The rows of a chunk that the model gives out: logits, or hidden states alone.
enum class Outputs { kNone, kLast, kAll, kFirst };

// What an adapter adds to the rows of a sequence.
struct AdapterUse {
  int slot = -1;  // of the adapter, among those in use; −1: none
  float scale = 1;
  bool changes_experts = false;
};

struct Chunk {
  std::span<const TokenId> tokens;  // kVectorRow where a vector comes instead
  int position = 0;                 // of the first of them
  std::span<const BlockId> blocks;  // the sequence's blocks, enough for all its tokens so far
  Outputs outputs = Outputs::kLast;
  int first_output = 0;                 // of kAll and kFirst: tokens before it give none
  const VectorRows* vectors = nullptr;  // the sequence's; may be null where no token is kVectorRow
  // The sequence's pages of each window, beside the blocks (BlockTable::pages); none: the blocks serve for
  // all layers.
  std::span<const std::vector<BlockId>> pages = {};
  std::span<const int32_t> types = {};  // of the tokens; none: all 0
  // None: the slot of its place among the chunks, for callers whose chunks are the same sequences each time.
  std::optional<StateSlots> states = {};
  // Of a draft: where the state behind each of its tokens is left. None: that behind the last, as `states`
  // says.
  std::span<const BlockId> row_states = {};
  AdapterUse adapter = {};
  // The draw of the step before whose token is the chunk's only one, which is not known yet: `tokens` has
  // anything in its place. −1: `tokens` says it.
  int drawn = -1;

  // Whether a row is given out of token i.
  bool gives(int i) const {
    switch (outputs) {
      case Outputs::kNone:
        return false;
      case Outputs::kLast:
        return i == static_cast<int>(tokens.size()) - 1;
      case Outputs::kAll:
        return i >= first_output;
      case Outputs::kFirst:
        return i == first_output;
    }
    return false;
  }
};

}  // namespace ferrum
