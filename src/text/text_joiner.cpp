#include "text/text_joiner.h"

#include <utility>

namespace ferrum {

std::string TextJoiner::push(TokenId id, TextAt text_at) {
  if (rules_.whole && rules_.whole->chain()) {
    chained_.push_back(id);
    return {};
  }
  if (rules_.repeats_count_once && previous_ == id) return {};
  std::string out;
  if (waits_)
    out = assembler_.push(text_at(*previous_, was_first_ ? TokenPlace::kFirst : TokenPlace::kInside));
  was_first_ = std::exchange(at_start_, false);
  previous_ = id;
  waits_ = rules_.last_differs;
  if (!waits_) out += assembler_.push(text_at(id, was_first_ ? TokenPlace::kFirst : TokenPlace::kInside));
  return filtered(std::move(out));
}

std::string TextJoiner::finish(TextAt text_at) {
  if (rules_.whole && rules_.whole->chain())
    return rules_.whole->chain()->decode(std::exchange(chained_, {}));
  std::string out;
  if (waits_) out = assembler_.push(text_at(*previous_, was_first_ ? TokenPlace::kOnly : TokenPlace::kLast));
  waits_ = false;
  out += assembler_.finish();
  for (const auto& filter : filters_) {
    out = filter->push(out);
    out += filter->finish();
  }
  return out;
}

std::string TextJoiner::filtered(std::string text) {
  for (const auto& filter : filters_) text = filter->push(text);
  return text;
}

}  // namespace ferrum
