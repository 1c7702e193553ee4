// The product of machines, state by state as they are reached.
#include <algorithm>

#include "grammar/automaton.h"
#include "grammar/value_hash.h"

namespace ferrum::grammar {
namespace {

// Tuples of the machines' states, each once and numbered in the order in which they came.
class Tuples {
 public:
  explicit Tuples(size_t width) : width_(width), slots_(64) {}

  size_t size() const { return count_; }
  // Valid until the next one comes.
  std::span<const uint32_t> operator[](size_t id) const {
    return std::span(values_).subspan(id * width_, width_);
  }

  // A new one gets the number size().
  uint32_t id_of(std::span<const uint32_t> tuple) {
    if (count_ * 2 >= slots_.size()) grow();
    uint32_t& slot = slot_of(tuple);
    if (slot == 0) {
      values_.insert(values_.end(), tuple.begin(), tuple.end());
      slot = ++count_;
    }
    return slot - 1;
  }

 private:
  uint32_t& slot_of(std::span<const uint32_t> tuple) {
    ValueHash hash;
    for (const uint32_t value : tuple) hash.add(value);
    for (size_t at = hash.low;; ++at) {
      uint32_t& slot = slots_[at & (slots_.size() - 1)];
      if (slot == 0 || std::equal(tuple.begin(), tuple.end(), (*this)[slot - 1].begin())) return slot;
    }
  }

  void grow() {
    slots_.assign(slots_.size() * 2, 0);
    for (uint32_t id = 0; id < count_; ++id) slot_of((*this)[id]) = id + 1;
  }

  size_t width_;
  uint32_t count_ = 0;
  std::vector<uint32_t> values_;
  std::vector<uint32_t> slots_;  // a power of two; number + 1, or 0: free
};

// The symbols of machines, which are bound to them, and the tuples that they reach.
struct Search {
  explicit Search(std::span<const std::unique_ptr<Machine>> of)
      : machines(of), alphabet(told_apart_by(of)), states(of.size()), from(of.size()), to(of.size()) {
    for (size_t m = 0; m < of.size(); ++m) {
      of[m]->bind(alphabet);
      from[m] = of[m]->initial();
    }
    states.id_of(from);
  }

  static std::vector<CodePointSet> told_apart_by(std::span<const std::unique_ptr<Machine>> machines) {
    std::vector<CodePointSet> sets;
    for (const auto& machine : machines) machine->tell_apart(sets);
    return sets;
  }

  void begin(size_t state) {
    const auto tuple = states[state];
    from.assign(tuple.begin(), tuple.end());
  }
  // Leaves in `to` what `symbol` leads to.
  void step(uint32_t symbol) {
    for (size_t m = 0; m < from.size(); ++m)
      to[m] = from[m] == Machine::kDead ? Machine::kDead : machines[m]->step(from[m], symbol);
  }

  std::span<const std::unique_ptr<Machine>> machines;
  Alphabet alphabet;
  Tuples states;
  std::vector<uint32_t> from, to;
};

}  // namespace

std::optional<bool> has_short_text(std::span<const std::unique_ptr<Machine>> machines,
                                   const std::function<bool(std::span<const uint32_t>, uint32_t)>& is_in,
                                   size_t most_states) {
  Search search(machines);
  std::vector<bool> is_character(search.alphabet.size());  // not only surrogates, which texts have not
  for (const Alphabet::Interval& interval : search.alphabet.intervals())
    if (interval.first < kFirstSurrogate || interval.last > kLastSurrogate)
      is_character[interval.symbol] = true;
  uint32_t length = 0;
  for (size_t q = 0, longer = 1; q < search.states.size(); ++q) {  // `longer`: the first that is
    if (q == longer) {
      ++length;
      longer = search.states.size();
    }
    search.begin(q);
    if (is_in(search.from, length)) return true;
    for (uint32_t symbol = 0; symbol < search.alphabet.size(); ++symbol) {
      if (!is_character[symbol]) continue;
      search.step(symbol);
      search.states.id_of(search.to);
    }
    if (search.states.size() > most_states) return std::nullopt;
  }
  return false;
}

Automaton::Builder product(std::span<const std::unique_ptr<Machine>> machines,
                           const std::function<uint32_t(std::span<const uint32_t>)>& mark,
                           const Limits& limits, const std::string& keyword, const std::string& path,
                           size_t needed) {
  Search search(machines);
  const Alphabet& alphabet = search.alphabet;
  Automaton::Builder out = {.limits = limits};
  std::vector<uint32_t> targets(alphabet.size());
  size_t cells = 0;
  for (size_t q = 0; q < search.states.size(); ++q) {
    search.begin(q);
    out.marks.push_back(mark(search.from));
    cells += alphabet.size();
    if (cells > limits.max_total_states * 4) throw Refusal(keyword, path, "it needs too many states");
    for (uint32_t symbol = 0; symbol < alphabet.size(); ++symbol) {
      search.step(symbol);
      if (needed != kNoneNeeded && search.to[needed] == Machine::kDead)
        search.to.assign(search.to.size(), Machine::kDead);
      targets[symbol] = search.states.id_of(search.to);
      if (search.states.size() > limits.max_states) throw Refusal(keyword, path, "it needs too many states");
    }
    auto& row = out.rows.emplace_back();
    for (const Alphabet::Interval& interval : alphabet.intervals()) {
      const uint32_t next = targets[interval.symbol];
      if (!row.empty() && row.back().next == next)
        row.back().last = interval.last;
      else
        row.push_back({interval.first, interval.last, next});
    }
  }
  return out;
}

}  // namespace ferrum::grammar
