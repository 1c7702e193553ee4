#include "text/text_joiner.h"

#include <utility>

namespace ferrum {

std::string TextJoiner::push(TokenId id, TextAt text_at) {
  if (rules_.repeats_count_once && previous_ == id) return {};
  std::string out;
  if (waits_)
    out = assembler_.push(text_at(*previous_, was_first_ ? TokenPlace::kFirst : TokenPlace::kInside));
  was_first_ = std::exchange(at_start_, false);
  previous_ = id;
  waits_ = rules_.last_differs;
  if (!waits_) out += assembler_.push(text_at(id, was_first_ ? TokenPlace::kFirst : TokenPlace::kInside));
  return strip(std::move(out));
}

std::string TextJoiner::finish(TextAt text_at) {
  std::string out;
  if (waits_) out = assembler_.push(text_at(*previous_, was_first_ ? TokenPlace::kOnly : TokenPlace::kLast));
  waits_ = false;
  out += assembler_.finish();
  out = strip(std::move(out));
  held_.clear();
  return out;
}

// Removes what is stripped at the start, and holds back what would be stripped if the text ended here.
std::string TextJoiner::strip(std::string text) {
  while (left_at_start_ > 0 && !text.empty()) {
    const bool is_stripped = text.starts_with(rules_.stripped);
    if (is_stripped) text.erase(0, rules_.stripped.size());
    left_at_start_ = is_stripped ? left_at_start_ - 1 : 0;
  }
  if (rules_.most_at_end == 0) return text;
  text.insert(0, held_);
  size_t kept = text.size();
  for (size_t n = 0; n < rules_.most_at_end; ++n) {
    if (!std::string_view(text).substr(0, kept).ends_with(rules_.stripped)) break;
    kept -= rules_.stripped.size();
  }
  held_ = text.substr(kept);
  text.resize(kept);
  return text;
}

}  // namespace ferrum
