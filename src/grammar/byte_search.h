// Finds patterns in a text of bytes, valid UTF-8 or not, as it comes.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "grammar/refusal.h"
#include "grammar/structure.h"

namespace ferrum::grammar {

class ByteSearch {
 public:
  static constexpr uint32_t kFound = UINT32_MAX;

  // Refusal: the patterns need too many states.
  ByteSearch(const std::vector<TextPattern>& patterns, const Limits& limits);

  uint32_t states() const { return static_cast<uint32_t>(next_.size() / classes_); }
  size_t bytes() const { return sizeof(ByteSearch) + next_.size() * sizeof(uint32_t); }
  // Classes of bytes (byte_classes.h) of which some lead from state 0 to another one.
  uint64_t leaving() const { return leaving_; }
  // The state behind `byte`, from 0 on; kFound: it completes a pattern.
  uint32_t step(uint32_t state, uint8_t byte) const {
    return next_[state * size_t{classes_} + class_of_[byte]];
  }

 private:
  std::array<uint16_t, 256> class_of_{};
  uint32_t classes_ = 1;
  uint64_t leaving_ = 0;
  std::vector<uint32_t> next_;  // [state][class]
};

}  // namespace ferrum::grammar
