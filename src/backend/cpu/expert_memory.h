// The pairs (token, chosen expert) of a batch, sorted by expert, and the values of each pair.
#pragma once
#include <span>

#include "backend/backend.h"
#include "backend/cpu/aligned_array.h"
#include "backend/cpu/inputs.h"
#include "backend/cpu/matmul.h"

namespace ferrum::cpu {

class ExpertMemory {
 public:
  explicit ExpertMemory(Room room = Room::kTaken) : room_(room) {}

  // Makes room for a weight's groups and inputs; not called within an operation. Throws std::bad_alloc.
  void reserve(const WeightShape& w, Forms forms);
  size_t bytes() const;

  // The number of tokens that fit if each has top_k experts and at most `width` values per pair; at least 1
  // for what was reserved.
  int tokens_for(int top_k, int64_t width) const;

  // Gives each pair of the routing a slot. The slots of an expert are adjacent and ordered by token.
  void assign(const Routing& routing, int groups);

  int pairs() const { return pairs_; }
  std::span<const int32_t> chosen() const { return {chosen_.data(), chosen_count_}; }  // ascending
  Range slots_of(int expert) const { return {first_slot_.data()[expert], first_slot_.data()[expert + 1]}; }
  int expert_of(int slot) const { return expert_of_slot_.data()[slot]; }
  int token_of(int slot) const { return token_of_slot_.data()[slot]; }
  int slot(int token, int i, int top_k) const { return slot_of_pair_.data()[token * top_k + i]; }

  // The place of a slot's input in both arrays below: the slots of an expert, at most kMaxBatch at a time,
  // are laid out like the tokens of one product.
  SpanPlace place_of(int slot, int64_t cols) const;

  const InputArray& token_inputs() const { return token_inputs_; }  // [tokens]
  const InputArray& gathered_array() const { return gathered_; }    // [pairs]: each pair's token
  const InputArray& inner_array() const { return inner_inputs_; }   // [pairs]: each pair's activated values
  Inputs gathered(int64_t slot, int count, int64_t cols, Forms forms) const {
    return gathered_.inputs(count, forms, order_stride(cols), slot * spans_of(cols));
  }
  Inputs inner_inputs(int64_t slot, int count, int64_t cols, Forms forms) const {
    return inner_inputs_.inputs(count, forms, order_stride(cols), slot * spans_of(cols));
  }

  float* inner() const { return inner_.data(); }    // [pairs, width]: activated values
  float* result() const { return result_.data(); }  // [pairs, width]

 private:
  int64_t order_stride(int64_t cols) const { return pairs_ * spans_of(cols); }

  Room room_;
  int capacity_ = 0;  // in pairs
  int groups_ = 0;
  int64_t values_ = 0;  // of inner_ and of result_
  int pairs_ = 0;
  size_t chosen_count_ = 0;
  AlignedArray<int32_t> chosen_;      // experts that have tokens
  AlignedArray<int32_t> first_slot_;  // [groups + 1]
  AlignedArray<int32_t> token_of_slot_;
  AlignedArray<int32_t> expert_of_slot_;
  AlignedArray<int32_t> slot_of_pair_;
  AlignedArray<float> inner_;
  AlignedArray<float> result_;
  InputArray token_inputs_;
  InputArray gathered_;
  InputArray inner_inputs_;
};

}  // namespace ferrum::cpu
