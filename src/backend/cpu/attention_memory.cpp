#include "backend/cpu/attention_memory.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/check.h"

namespace ferrum::cpu {
namespace {

constexpr int64_t floats_of_state(int rows, int padded) { return int64_t{rows} * (padded + 2); }

AttentionState state_at(float* memory, int rows, int padded) {
  float* highest = memory + int64_t{rows} * padded;
  return {.highest = highest, .total = highest + rows, .values = memory};
}

}  // namespace

AttentionLimits AttentionMemory::limits(const HeadShape& heads) {
  check(heads.score_dim() <= kMaxHeadDim && heads.value_size() <= kMaxHeadDim,
        "heads that the CPU backend has room for");
  const int64_t of_key = padded_dim(heads.score_dim());
  const int64_t of_value = padded_dim(heads.value_size());
  const int64_t blocks = kRunKeys * (of_key + of_value);
  const int64_t per_row = of_key + 2 * (of_value + 2) + kRunKeys + kMostLanes + 1;
  // A multiple of 16, so that every array begins on a cache line.
  const int64_t rows = std::min<int64_t>(kMaxRows, (kTileFloats - blocks) / per_row / 16 * 16);
  check(rows > 0, "room for a tile of rows");
  return {.rows = static_cast<int>(rows), .kept_floats = kKeptFloats};
}

void AttentionMemory::begin(const HeadShape& heads) {
  padded_ = padded_dim(heads.value_size());
  const int64_t of_key = padded_dim(heads.score_dim());
  const int rows = limits(heads).rows;
  float* next = tile_.data();
  const auto take = [&](int64_t floats) { return std::exchange(next, next + floats); };
  scratch_.keys = take(kRunKeys * of_key);
  scratch_.values = take(int64_t{kRunKeys} * padded_);
  scratch_.scores = take(int64_t{rows} * kRunKeys);
  scratch_.lane_totals = take(int64_t{rows} * kMostLanes);
  scratch_.corrections = take(rows);
  queries_ = take(rows * of_key);
  partition_ = state_at(take(floats_of_state(rows, padded_)), rows, padded_);
  total_ = state_at(take(floats_of_state(rows, padded_)), rows, padded_);
  owns_ = open_ = false;
  kept_ = 0;
}

void AttentionMemory::own(const AttentionItem& item, Range partitions) {
  owns_ = true;
  item_ = item;
  open_ = partitions.end < item.partitions.end;
  std::fill_n(total_.highest, item.rows(), std::numeric_limits<float>::lowest());
  std::fill_n(total_.total, item.rows(), 0.0f);
  std::fill_n(total_.values, int64_t{item.rows()} * padded_, 0.0f);
}

AttentionState AttentionMemory::keep(int rows) {
  kept_rows_ = rows;
  ++kept_;
  check(kept_ * floats_of_state(rows, padded_) <= kKeptFloats, "room for the states of shared items");
  return kept_state(kept_ - 1);
}

AttentionState AttentionMemory::kept_state(int index) const {
  return state_at(kept_states_.data() + index * floats_of_state(kept_rows_, padded_), kept_rows_, padded_);
}

}  // namespace ferrum::cpu
