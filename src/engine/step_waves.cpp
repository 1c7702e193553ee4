#include "engine/step_waves.h"

#include <algorithm>

#include "base/check.h"

namespace ferrum {

std::span<const StepWave> WaveBuilder::build(std::span<const Chunk> chunks,
                                             std::span<const int32_t> query_start,
                                             std::span<const int32_t> state_slots) {
  for (std::vector<int32_t>* v : {&rows_, &query_start_, &slots_}) v->clear();
  waves_.clear();
  size_t count = 0;
  for (const Chunk& chunk : chunks) count = std::max(count, chunk.row_states.size());
  if (count < 2) return {};
  check(query_start.back() <= most_rows_, "nothing but drafts and single tokens goes in waves");
  for (size_t wave = 0; wave < count; ++wave) add_wave(chunks, wave, query_start, state_slots);
  Tensor rows = upload_.add(rows_), starts = upload_.add(query_start_), slots = upload_.add(slots_, 2);
  const auto next = [](Tensor& left, int rows) {
    const Tensor taken = left.first_rows(rows);
    left = left.rows_at(rows, left.rows - rows);
    return taken;
  };
  for (StepWave& wave : waves_) {
    wave.rows = next(rows, wave.tokens);
    wave.query_start = next(starts, wave.sequences + 1);
    wave.state_slots = next(slots, wave.sequences);
  }
  return waves_;
}

void WaveBuilder::add_wave(std::span<const Chunk> chunks, size_t wave, std::span<const int32_t> query_start,
                           std::span<const int32_t> state_slots) {
  const size_t first_row = rows_.size(), first_slot = slots_.size() / 2;
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
  waves_.push_back({.tokens = static_cast<int>(rows_.size() - first_row),
                    .sequences = static_cast<int>(slots_.size() / 2 - first_slot),
                    .rows = {},
                    .query_start = {},
                    .state_slots = {}});
}

}  // namespace ferrum
