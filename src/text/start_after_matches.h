// How many of a text's first bytes come from the first bytes of the one before it, where the matches of a
// pattern were replaced. What replaces a match counts as made of the match's last byte, as in the tokenizers
// library, and of an empty match as made of the byte before it.
#pragma once
#include <algorithm>
#include <cstddef>

namespace ferrum {

class StartAfterMatches {
 public:
  StartAfterMatches(size_t start, size_t with) : start_(start), with_(with) {}
  void add(size_t begin, size_t end) {
    take_text(begin);
    if (end == 0 || end <= start_) result_ += with_;
    from_ = end;
  }
  size_t finish() {
    take_text(start_);
    return result_;
  }

 private:
  void take_text(size_t end) {
    if (from_ < std::min(end, start_)) result_ += std::min(end, start_) - from_;
  }
  size_t start_;
  size_t with_;  // bytes of what replaces a match
  size_t from_ = 0;
  size_t result_ = 0;
};

}  // namespace ferrum
