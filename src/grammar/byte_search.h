// Finds patterns in a text of bytes, valid UTF-8 or not, as it comes.
#pragma once
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "grammar/refusal.h"
#include "grammar/structure.h"

namespace ferrum::grammar {

class ByteSearch {
 public:
  static constexpr uint32_t kFound = UINT32_MAX;

  // Refusal: the patterns need too many states.
  ByteSearch(const std::vector<TextPattern>& patterns, const Limits& limits);

  size_t bytes() const {
    return sizeof(ByteSearch) + (root_.size() + begins_.size() + 2 * edges_.size()) * sizeof(uint32_t);
  }
  // Classes of bytes (byte_classes.h) of which some lead from state 0 to another one.
  uint64_t leaving() const { return leaving_; }
  // The state behind `byte`, from 0 on; kFound: it completes a pattern.
  uint32_t step(uint32_t state, uint8_t byte) const {
    const uint32_t c = class_of_[byte];
    for (uint32_t e = begins_[state]; e < begins_[state + 1]; ++e)
      if (edges_[e].first == c) return edges_[e].second;
    return root_[c];
  }

 private:
  std::array<uint16_t, 256> class_of_{};
  uint64_t leaving_ = 0;
  // By class, the state behind a byte where nothing is found so far; of each state, where it differs from
  // that.
  std::vector<uint32_t> root_;
  std::vector<uint32_t> begins_;
  std::vector<std::pair<uint32_t, uint32_t>> edges_;
};

}  // namespace ferrum::grammar
