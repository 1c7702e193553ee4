// The pairs (token, chosen expert) of a batch in order of the expert, and the values that belong to each
// pair.
#pragma once

#include "backend/backend.h"
#include "backend/cpu/aligned_array.h"
#include "backend/cpu/matmul.h"

namespace ferrum::cpu {

class ExpertMemory {
 public:
  // Room for weights of so many groups and so wide; not within an operation.
  void reserve(int groups, int64_t cols);

  int capacity() const { return capacity_; }  // pairs

  // Tokens that fit when each has top_k experts and values are at most `width` to a pair; at least 1 for what
  // was reserved.
  int tokens_for(int top_k, int64_t width) const;

  // Gives each pair of routing's tokens [first, first + count) a slot; the slots of an expert are neighbours
  // and in order of the token.
  void assign(const Routing& routing, int first, int count, int groups);

  int pairs() const { return pairs_; }
  Range slots_of(int expert) const { return {first_slot_.data()[expert], first_slot_.data()[expert + 1]}; }
  const int32_t* tokens() const { return token_of_slot_.data(); }  // [pairs], counted from `first`
  int slot(int token, int i, int top_k) const { return slot_of_pair_.data()[token * top_k + i]; }

  float* inner() const { return inner_.data(); }  // [pairs, width]: silu(gate) × up
  const QuantizedArray& quantized_inner() const { return quantized_inner_; }
  float* result() const { return result_.data(); }  // [pairs, width]

 private:
  int capacity_ = 0;
  int groups_ = 0;
  int64_t values_ = 0;  // of inner_ and of result_
  int pairs_ = 0;
  AlignedArray<int32_t> first_slot_;  // [groups + 1]
  AlignedArray<int32_t> token_of_slot_;
  AlignedArray<int32_t> slot_of_pair_;
  AlignedArray<float> inner_;
  AlignedArray<float> result_;
  QuantizedArray quantized_inner_;
};

}  // namespace ferrum::cpu
