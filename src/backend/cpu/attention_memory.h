// One worker's memory for attention: scratch for a tile, its states, and the states of partitions whose item
// another worker owns. Allocated once; the layout depends on the head size.
#pragma once
#include "backend/cpu/aligned_array.h"
#include "backend/cpu/attention_work.h"
#include "backend/cpu/kernels.h"

namespace ferrum::cpu {

class AttentionMemory {
 public:
  static AttentionLimits limits(const HeadShape& heads);

  explicit AttentionMemory(Room room = Room::kTaken)
      : tile_(kTileFloats, room), kept_states_(kKeptFloats, room) {}
  size_t bytes() const { return tile_.bytes() + kept_states_.bytes(); }

  void begin(const HeadShape& heads);  // begins a step
  // The worker owns `item` and computes `partitions` of it; total() becomes the softmax over nothing.
  void own(const AttentionItem& item, Range partitions);
  AttentionState keep(int rows);  // for the next partition of an item that another worker owns

  float* queries() const { return queries_; }  // [rows, score_dim]
  const AttentionScratch& scratch() const { return scratch_; }
  const AttentionState& partition() const { return partition_; }
  const AttentionState& total() const { return total_; }

  bool owns() const { return owns_; }                // any item
  bool continued() const { return owns_ && open_; }  // other workers continue the last one
  const AttentionItem& item() const { return item_; }
  int kept() const { return kept_; }
  AttentionState kept_state(int index) const;

 private:
  static constexpr int kMaxRows = 240;  // whole tiles of 12, 6 and 4 rows
  static constexpr int64_t kTileFloats = 256 << 10;
  static constexpr int64_t kKeptFloats = 128 << 10;

  AlignedArray<float> tile_;
  AlignedArray<float> kept_states_;
  int padded_ = 0;
  float* queries_ = nullptr;
  AttentionScratch scratch_ = {};
  AttentionState partition_ = {};
  AttentionState total_ = {};

  bool owns_ = false;
  bool open_ = false;
  AttentionItem item_;  // the last owned item
  int kept_ = 0;
  int kept_rows_ = 0;
};

}  // namespace ferrum::cpu
