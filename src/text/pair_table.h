// Maps pairs of neighbouring tokens to the token they join to: a flat hash table, built once, then read only.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "text/token.h"

namespace ferrum {

class PairTable {
 public:
  struct Entry {
    uint64_t key = kEmpty;
    uint32_t rank = 0;
    TokenId result = 0;
  };

  explicit PairTable(size_t most_entries = 0) {
    size_t slots = 16;
    while (slots < most_entries * 2) slots *= 2;
    entries_.resize(slots);
  }

  // If a pair is put several times, the last rank is used.
  void put(TokenId left, TokenId right, uint32_t rank, TokenId result) {
    Entry& entry = entries_[slot_of(key_of(left, right))];
    entry = {key_of(left, right), rank, result};
  }

  // Returns null if the two do not join. Ids must not be negative.
  const Entry* find(TokenId left, TokenId right) const {
    const Entry& entry = entries_[slot_of(key_of(left, right))];
    return entry.key == kEmpty ? nullptr : &entry;
  }

 private:
  static constexpr uint64_t kEmpty = ~uint64_t{0};

  static uint64_t key_of(TokenId left, TokenId right) {
    return (static_cast<uint64_t>(left) << 32) | static_cast<uint32_t>(right);
  }

  size_t slot_of(uint64_t key) const {
    const size_t mask = entries_.size() - 1;
    uint64_t h = key * 0x9E3779B97F4A7C15u;
    h ^= h >> 32;
    size_t slot = h & mask;
    while (entries_[slot].key != key && entries_[slot].key != kEmpty) slot = (slot + 1) & mask;
    return slot;
  }

  std::vector<Entry> entries_;
};

}  // namespace ferrum
