// Hashes of JSON values that are equal for equal values, whatever their writing, and sets of them that grow
// without changing what was shared before.
#pragma once
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "grammar/node.h"

namespace ferrum::grammar {

struct ValueHash {
  uint64_t high = 0, low = 0;
  auto operator<=>(const ValueHash&) const = default;

  void add(uint64_t value) {
    high = mixed(high ^ value, 0x9E3779B97F4A7C15ULL);
    low = mixed(low + value, 0xD1B54A32D192ED03ULL);
  }
  void add(const ValueHash& other) {
    add(other.high);
    add(other.low);
  }
  void add(std::string_view text) {
    for (const char c : text) add(static_cast<uint8_t>(c));
  }

 private:
  static uint64_t mixed(uint64_t x, uint64_t key) {
    const auto product = static_cast<unsigned __int128>(x ^ (key >> 7)) * (key | 1);
    x = static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
    return (x ^ (x >> 29)) * 0xBF58476D1CE4E5B9ULL + key;
  }
};

// A set as sorted runs, each at least twice as long as the one in front of it.
class HashSet final : public Node {
 public:
  static Ref<const HashSet> with(Ref<const HashSet> set, ValueHash more) {
    std::vector<ValueHash> run = {more};
    while (set && set->run_.size() < 2 * run.size()) {
      std::vector<ValueHash> merged(run.size() + set->run_.size());
      std::merge(run.begin(), run.end(), set->run_.begin(), set->run_.end(), merged.begin());
      run = std::move(merged);
      set = set->rest_;
    }
    auto* node = new HashSet;
    node->size_ = run.size() + (set ? set->size_ : 0);
    node->run_ = std::move(run);
    node->rest_ = std::move(set);
    return Ref<const HashSet>(node);
  }

  static bool contains(const HashSet* set, ValueHash hash) {
    for (; set; set = set->rest_.get())
      if (std::binary_search(set->run_.begin(), set->run_.end(), hash)) return true;
    return false;
  }
  static size_t size_of(const HashSet* set) { return set ? set->size_ : 0; }
  // Of sets to which the same was added in the same order. Others may count as different though they are not.
  static bool equal(const HashSet* one, const HashSet* other) {
    for (; one != other; one = one->rest_.get(), other = other->rest_.get())
      if (size_of(one) != size_of(other) || one->run_ != other->run_) return false;
    return true;
  }

 private:
  std::vector<ValueHash> run_;
  Ref<const HashSet> rest_;
  size_t size_ = 0;
};

}  // namespace ferrum::grammar
