#include "engine/hidden_carry.h"

#include <algorithm>

#include "models/mtp_head.h"

namespace ferrum {

void CarryBuilder::begin(Pass pass) {
  pass_ = pass;
  for (std::vector<int32_t>* v : {&rows_, &from_, &kept_rows_, &kept_slots_}) v->clear();
}

void CarryBuilder::add(const Chunk& chunk, int row) {
  const int size = limits_.block_tokens;
  const int end = chunk.position + static_cast<int>(chunk.tokens.size());
  const auto slot = [&](int position) {
    if (position < 0) return limits_.kv_blocks * limits_.kept;
    return mtp_slot(static_cast<int>(chunk.blocks[static_cast<size_t>(position / size)]), position % size,
                    limits_.kept);
  };
  for (int position = chunk.position; position < end; ++position, ++row) {
    if (pass_ == Pass::kMtp || position == chunk.position) {
      rows_.push_back(row);
      from_.push_back(slot(position - 1));
    }
    // Of what a chunk writes to a block, the last positions.
    const int written = pass_ == Pass::kMtp ? end : std::min(end, (position / size + 1) * size);
    if (position < written - (pass_ == Pass::kMtp ? 1 : limits_.kept)) continue;
    kept_rows_.push_back(row);
    kept_slots_.push_back(slot(position));
  }
}

void CarryBuilder::finish(Step& step) {
  step.shape.carried = static_cast<int>(rows_.size());
  step.shape.kept = static_cast<int>(kept_rows_.size());
  step.carry = {upload_.add(rows_), upload_.add(from_), upload_.add(kept_rows_), upload_.add(kept_slots_)};
}

}  // namespace ferrum
