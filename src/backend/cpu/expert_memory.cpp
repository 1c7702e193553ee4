#include "backend/cpu/expert_memory.h"

#include <algorithm>

#include "base/check.h"

namespace ferrum::cpu {
namespace {

// Enough that the experts of a large model get some dozens of tokens each in a long prompt; more would only
// cost memory.
constexpr int kPairs = 4096;
constexpr int kMostTokens = 512;
// A weight with a single group may still be used as a mixture, but rarely: little memory, many small batches.
constexpr int kPairsOfOneGroup = 16;

int64_t padded_to_span(int64_t cols) { return spans_of(cols) * kSpan; }

}  // namespace

void ExpertMemory::reserve(const WeightShape& w, Forms forms) {
  groups_ = std::max(groups_, w.groups);
  const int pairs = w.groups == 1 ? kPairsOfOneGroup : std::max(kPairs, w.groups);
  capacity_ = std::max(capacity_, pairs);
  chosen_.grow(static_cast<size_t>(groups_), room_);
  first_slot_.grow(static_cast<size_t>(groups_) + 1, room_);
  for (AlignedArray<int32_t>* const slots : {&token_of_slot_, &expert_of_slot_, &slot_of_pair_})
    slots->grow(static_cast<size_t>(capacity_), room_);
  values_ = std::max(values_, pairs * padded_to_span(w.cols));
  inner_.grow(static_cast<size_t>(values_), room_);
  result_.grow(static_cast<size_t>(values_), room_);
  token_inputs_.grow(std::min(pairs, kMostTokens), w.cols, forms, room_);
  gathered_.grow(pairs * w.orders, w.cols, forms, room_);
  inner_inputs_.grow(pairs * w.orders, w.cols, forms, room_);
}

size_t ExpertMemory::bytes() const {
  return chosen_.bytes() + first_slot_.bytes() + token_of_slot_.bytes() + expert_of_slot_.bytes() +
         slot_of_pair_.bytes() + inner_.bytes() + result_.bytes() + token_inputs_.bytes() +
         gathered_.bytes() + inner_inputs_.bytes();
}

int ExpertMemory::tokens_for(int top_k, int64_t width) const {
  const int64_t pairs = std::min<int64_t>(capacity_, values_ / padded_to_span(width));
  check(top_k >= 1 && top_k <= pairs, "experts of a token fit into the memory reserved");
  return static_cast<int>(std::min<int64_t>(pairs / top_k, kMostTokens));
}

void ExpertMemory::assign(const Routing& routing, int groups) {
  check(groups <= groups_, "memory is reserved for the groups");
  const int count = routing.expert_ids.rows;
  const int top_k = routing.expert_ids.cols;
  int32_t* starts = first_slot_.data();
  std::fill_n(starts, groups + 1, 0);
  for (int t = 0; t < count; ++t)
    for (int i = 0; i < top_k; ++i) {
      const int expert = *routing.expert_ids.at<int32_t>(t, i);
      check(expert >= 0 && expert < groups, "an expert's id");
      ++starts[expert + 1];
    }
  chosen_count_ = 0;
  for (int e = 0; e < groups; ++e) {
    if (starts[e + 1] > 0) chosen_.data()[chosen_count_++] = e;
    starts[e + 1] += starts[e];
  }

  pairs_ = starts[groups];
  for (int t = 0; t < count; ++t)
    for (int i = 0; i < top_k; ++i) {
      const int expert = *routing.expert_ids.at<int32_t>(t, i);
      const int slot = starts[expert]++;
      token_of_slot_.data()[slot] = t;
      expert_of_slot_.data()[slot] = expert;
      slot_of_pair_.data()[t * top_k + i] = slot;
    }
  // Each start has moved to that of the next expert: shift back by one.
  for (int e = groups; e > 0; --e) starts[e] = starts[e - 1];
  starts[0] = 0;
}

SpanPlace ExpertMemory::place_of(int slot, int64_t cols) const {
  const Range slots = slots_of(expert_of_slot_.data()[slot]);
  // The first slot of its batch.
  const int64_t batch = slots.begin + (slot - slots.begin) / kMaxBatch * kMaxBatch;
  return {batch * spans_of(cols) + (slot - batch), std::min<int64_t>(kMaxBatch, slots.end - batch),
          order_stride(cols)};
}

}  // namespace ferrum::cpu
