// Ends a text before the first of some strings, and never lets a part of one out before it is certain that it
// is none.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace ferrum {

class StopStrings {
 public:
  static constexpr size_t kMaxStrings = 128;
  static constexpr size_t kMaxBytes = 1024;  // of one

  // Error kBadArgument: an empty string, one longer than kMaxBytes, more than kMaxStrings (fault B44).
  explicit StopStrings(std::vector<std::string> strings);

  // What may be shown of the text so far and was not yet. Gives nothing more once a string was met.
  std::string push(std::string_view text);
  // The same for text that no string may end: one that is complete within it does not count.
  std::string pass(std::string_view text);
  // The text is over: what was held back, since no stop string came of it.
  std::string finish();

  bool has(std::string_view string) const;  // whether it is one of the strings
  bool met() const { return met_ != nullptr; }
  const std::string& met_string() const { return *met_; }

 private:
  std::string take(size_t bytes);  // off the front of pending_
  size_t held_back() const;        // length of the longest end of pending_ that begins a stop string

  std::vector<std::string> strings_;
  const std::string* met_ = nullptr;
  std::string pending_;
  size_t passed_ = 0;  // bytes of pending_ within which no string counts
};

}  // namespace ferrum
