#include "engine/stop_strings.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace ferrum {

StopStrings::StopStrings(std::vector<std::string> strings) : strings_(std::move(strings)) {
  if (strings_.size() > kMaxStrings)
    fail(ErrorCode::kBadArgument, "stop: {} strings, at most {} are allowed", strings_.size(), kMaxStrings);
  for (const std::string& s : strings_) {
    if (s.empty()) fail(ErrorCode::kBadArgument, "stop: a stop string is empty");
    if (s.size() > kMaxBytes)
      fail(ErrorCode::kBadArgument, "stop: a stop string of {} bytes, at most {} are allowed", s.size(),
           kMaxBytes);
  }
}

bool StopStrings::has(std::string_view string) const {
  return std::find(strings_.begin(), strings_.end(), string) != strings_.end();
}

std::string StopStrings::push(std::string_view text) {
  if (met_) return {};
  pending_ += text;
  size_t first = std::string::npos;
  for (const std::string& s : strings_) {
    const size_t at = pending_.find(s, passed_ < s.size() ? 0 : passed_ - s.size() + 1);
    if (at < first) {
      first = at;
      met_ = &s;
    }
  }
  if (!met_) return take(pending_.size() - held_back());
  std::string out = pending_.substr(0, first);
  pending_.clear();
  return out;
}

std::string StopStrings::pass(std::string_view text) {
  pending_ += text;
  passed_ = pending_.size();
  return take(pending_.size() - held_back());
}

std::string StopStrings::take(size_t bytes) {
  std::string out = pending_.substr(0, bytes);
  pending_.erase(0, bytes);
  passed_ -= std::min(passed_, bytes);
  return out;
}

std::string StopStrings::finish() { return std::exchange(pending_, {}); }

size_t StopStrings::held_back() const {
  size_t longest = 0;
  for (const std::string& s : strings_) {
    for (size_t n = std::min(s.size() - 1, pending_.size()); n > longest; --n) {
      if (std::string_view(pending_).substr(pending_.size() - n) == std::string_view(s).substr(0, n)) {
        longest = n;
        break;
      }
    }
  }
  return longest;
}

}  // namespace ferrum
