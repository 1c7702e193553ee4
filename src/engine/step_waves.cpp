#include "engine/step_waves.h"

#include <algorithm>

#include "base/check.h"

namespace ferrum {

// A wave has a row or more, and one beginning more than it has sequences.
StepWave WaveBuilder::allocate(Arena& arena, int rows) {
  StepWave room;
  room.rows = arena.allocate(DType::kI32, rows, 1);
  room.query_start = arena.allocate(DType::kI32, int64_t{2} * rows, 1);
  room.state_slots = arena.allocate(DType::kI32, rows, 2);
  return room;
}

WaveBuilder::WaveBuilder(Backend& backend, Arena& arena, int rows)
    : backend_(backend), room_(allocate(arena, rows)) {}

std::span<const StepWave> WaveBuilder::build(std::span<const Chunk> chunks,
                                             std::span<const int32_t> query_start,
                                             std::span<const int32_t> state_slots) {
  for (std::vector<int32_t>* v : {&rows_, &query_start_, &slots_}) v->clear();
  waves_.clear();
  size_t count = 0;
  for (const Chunk& chunk : chunks) count = std::max(count, chunk.row_states.size());
  if (count < 2) return {};
  check(query_start.back() <= room_.rows.rows, "nothing but drafts and single tokens goes in waves");
  for (size_t wave = 0; wave < count; ++wave) add_wave(chunks, wave, query_start, state_slots);
  const auto upload = [&](const Tensor& room, const std::vector<int32_t>& values) {
    const Tensor to = room.first_rows(static_cast<int>(values.size()) / room.cols);
    backend_.upload(to, std::as_bytes(std::span(values)));
  };
  upload(room_.rows, rows_);
  upload(room_.query_start, query_start_);
  upload(room_.state_slots, slots_);
  return waves_;
}

void WaveBuilder::add_wave(std::span<const Chunk> chunks, size_t wave, std::span<const int32_t> query_start,
                           std::span<const int32_t> state_slots) {
  const size_t first_row = rows_.size(), first_start = query_start_.size(), first_slot = slots_.size() / 2;
  for (size_t c = 0; c < chunks.size(); ++c) {
    const std::span<const BlockId> states = chunks[c].row_states;
    const bool keeps = states.size() > 1;
    if (wave >= (keeps ? states.size() : 1)) continue;
    query_start_.push_back(static_cast<int32_t>(rows_.size() - first_row));
    const int begin = query_start[c] + static_cast<int>(wave);
    for (int row = begin; row < (keeps ? begin + 1 : query_start[c + 1]); ++row) rows_.push_back(row);
    const int32_t from = wave == 0 ? state_slots[2 * c] : static_cast<int32_t>(states[wave - 1]);
    const int32_t to = keeps ? static_cast<int32_t>(states[wave]) : state_slots[2 * c + 1];
    slots_.insert(slots_.end(), {from, to});
  }
  query_start_.push_back(static_cast<int32_t>(rows_.size() - first_row));
  const auto part = [](const Tensor& all, size_t first, size_t end) {
    return all.rows_at(static_cast<int>(first), static_cast<int>(end - first));
  };
  const size_t slots = slots_.size() / 2;
  waves_.push_back({.tokens = static_cast<int>(rows_.size() - first_row),
                    .sequences = static_cast<int>(slots - first_slot),
                    .rows = part(room_.rows, first_row, rows_.size()),
                    .query_start = part(room_.query_start, first_start, query_start_.size()),
                    .state_slots = part(room_.state_slots, first_slot, slots)});
}

}  // namespace ferrum
