// How many texts an automaton accepts from a place on, up to a bound.
#pragma once
#include <algorithm>
#include <cstdint>
#include <unordered_map>

#include "grammar/automaton.h"
#include "grammar/code_points.h"

namespace ferrum::grammar {

// For one thread; remembers what it counted. `automaton` outlives it.
class TextCount {
 public:
  TextCount(const Automaton& automaton, uint64_t bound) : automaton_(automaton), bound_(bound) {}

  // Whether more texts than the bound go on from `state` behind `count` characters. Texts that need more than
  // kDeepest further characters are not counted, so false may also mean that only those exceed it.
  bool exceeds(uint32_t state, uint32_t count) {
    return of(state, std::min(count, automaton_.most_counted()), kDeepest) > bound_;
  }
  // The same of those whose next character is one of these.
  bool exceeds(uint32_t state, uint32_t count, char32_t first, char32_t last) {
    return over(state, std::min(count, automaton_.most_counted()), first, last, kDeepest) > bound_;
  }

 private:
  static constexpr uint32_t kDeepest = 256;  // characters ahead

  // At most bound_ + 1.
  uint64_t of(uint32_t state, uint32_t count, uint32_t deep) {
    if (!automaton_.is_live(state, count)) return 0;
    const uint64_t place = uint64_t{state} << 32 | count;
    if (const auto known = known_.find(place); known != known_.end()) return known->second;
    uint64_t texts = automaton_.accepts(state, count) ? 1 : 0;
    if (texts <= bound_ && deep > 0) texts += over(state, count, 0, kLastCodePoint, deep);
    texts = std::min(texts, bound_ + 1);
    known_.insert_or_assign(place, texts);
    return texts;
  }

  uint64_t over(uint32_t state, uint32_t count, char32_t first, char32_t last, uint32_t deep) {
    const uint32_t after = std::min(count + 1, automaton_.most_counted());
    uint64_t texts = 0;
    for (const Automaton::Transition& t : automaton_.transitions(state)) {
      const char32_t begin = std::max(t.first, first), end = std::min(t.last, last);
      if (begin > end) continue;
      const uint64_t behind = of(t.next, after, deep - 1);
      const uint64_t characters = uint64_t{end} - begin + 1;
      if (behind > 0 && characters > bound_ / behind) return bound_ + 1;
      texts += characters * behind;
      if (texts > bound_) return bound_ + 1;
    }
    return texts;
  }

  const Automaton& automaton_;
  const uint64_t bound_;
  std::unordered_map<uint64_t, uint64_t> known_;  // by state and count
};

}  // namespace ferrum::grammar
