// Makes pieces of delimiters and the text between them, by one of five behaviours.
#pragma once
#include <string_view>

#include "text/regex.h"
#include "text/tokenizer_spec.h"

namespace ferrum {

class Splitter {
 public:
  Splitter(std::string_view text, SplitBehavior behavior, FunctionRef<void(std::string_view)> sink)
      : text_(text), behavior_(behavior), sink_(sink) {}

  // Takes the parts of the text from left to right, without gaps; then call finish().
  void add(size_t begin, size_t end, bool is_delimiter) {
    switch (behavior_) {
      case SplitBehavior::kIsolated:
        return give(begin, end);
      case SplitBehavior::kRemoved:
        if (!is_delimiter) give(begin, end);
        return;
      case SplitBehavior::kContiguous:
        return is_delimiter == held_is_delimiter_ ? extend(begin, end, is_delimiter)
                                                  : hold(begin, end, is_delimiter);
      case SplitBehavior::kMergedWithPrevious:
        return is_delimiter && !held_is_delimiter_ ? extend(begin, end, is_delimiter)
                                                   : hold(begin, end, is_delimiter);
      case SplitBehavior::kMergedWithNext:
        return !is_delimiter && held_is_delimiter_ ? extend(begin, end, is_delimiter)
                                                   : hold(begin, end, is_delimiter);
    }
  }

  void finish() {
    if (holds_) give(held_begin_, held_end_);
    holds_ = false;
  }

 private:
  void give(size_t begin, size_t end) {
    if (begin < end) sink_(text_.substr(begin, end - begin));
  }
  void hold(size_t begin, size_t end, bool is_delimiter) {
    finish();
    held_begin_ = begin;
    held_end_ = end;
    held_is_delimiter_ = is_delimiter;
    holds_ = true;
  }
  void extend(size_t begin, size_t end, bool is_delimiter) {
    if (!holds_) return hold(begin, end, is_delimiter);
    held_end_ = end;
    held_is_delimiter_ = is_delimiter;
  }

  std::string_view text_;
  SplitBehavior behavior_;
  FunctionRef<void(std::string_view)> sink_;
  size_t held_begin_ = 0, held_end_ = 0;
  bool holds_ = false;
  bool held_is_delimiter_ = false;  // whether the held part is a delimiter
};

}  // namespace ferrum
