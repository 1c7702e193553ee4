#include "engine/hidden_carry.h"

#include <algorithm>

#include "models/mtp_head.h"

namespace ferrum {

HiddenCarry CarryBuilder::allocate(Arena& arena, const Limits& limits) {
  HiddenCarry room;
  for (Tensor* t : {&room.rows, &room.from, &room.kept_rows, &room.kept_slots})
    *t = arena.allocate(DType::kI32, limits.tokens, 1);
  return room;
}

CarryBuilder::CarryBuilder(Backend& backend, Arena& arena, const Limits& limits)
    : backend_(backend), limits_(limits), room_(allocate(arena, limits)) {}

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
  const auto take = [&](const Tensor& room, const std::vector<int32_t>& values) {
    const Tensor part = room.first_rows(static_cast<int>(values.size()));
    backend_.upload(part, std::as_bytes(std::span(values)));
    return part;
  };
  step.carry = {take(room_.rows, rows_), take(room_.from, from_), take(room_.kept_rows, kept_rows_),
                take(room_.kept_slots, kept_slots_)};
}

}  // namespace ferrum
