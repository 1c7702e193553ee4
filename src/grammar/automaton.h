// A deterministic automaton over code points, with a counter of characters where lengths are bounded.
// Immutable.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "grammar/byte_classes.h"
#include "grammar/machine.h"
#include "grammar/refusal.h"

namespace ferrum::grammar {

// A character count is compared with thresholds; between two of them an automaton accepts the same states.
// Interval i holds the counts from thresholds[i-1] (or 0) to thresholds[i] - 1. Counts past the last
// threshold are equivalent.
class Automaton {
 public:
  static constexpr uint32_t kDead = UINT32_MAX;
  struct Transition {
    char32_t first, last;
    uint32_t next;
  };
  struct Builder;

  explicit Automaton(Builder builder);

  uint32_t states() const { return static_cast<uint32_t>(marks_.size()); }
  size_t bytes() const;  // of memory, about
  // kDead where no text that is accepted goes on with `c`, whatever its length.
  uint32_t next(uint32_t state, char32_t c) const;
  std::span<const Transition> transitions(uint32_t state) const {
    return std::span(transitions_).subspan(begins_[state], begins_[state + 1] - begins_[state]);
  }

  // What the builder's marks say of the state: 0 is no accepting state.
  uint32_t mark(uint32_t state) const { return marks_[state]; }
  // Bit m: a state marked m + 1 can be reached (marks of at most 64).
  uint64_t marks_ahead(uint32_t state) const { return ahead_[state]; }

  const std::vector<uint32_t>& thresholds() const { return thresholds_; }
  uint32_t most_counted() const { return thresholds_.empty() ? 0 : thresholds_.back(); }
  bool accepts(uint32_t state, uint32_t count) const { return (marks_[state] >> interval_of(count)) & 1; }
  // Whether something that is accepted begins with what led to `state` in `count` characters.
  bool is_live(uint32_t state, uint32_t count) const {
    return segments_.empty() || (count < roomy_counts_ && ahead_[state] != 0) || row_of(count)[state];
  }
  // Behind fewer characters than these, every state is live.
  uint32_t roomy_counts() const { return roomy_counts_; }
  // … and behind fewer than these, more than `used` texts end what began in a state of which `plenty` says
  // that without counting there is no end of them.
  uint32_t ample_counts(size_t used) const;
  // Whether one of the characters from `first` to `last` may come next.
  bool has_next_in(uint32_t state, uint32_t count, char32_t first, char32_t last) const;
  // Every character may follow in every state.
  bool takes_all() const { return takes_all_; }
  // Every character leads from the state back to it.
  bool loops(uint32_t state) const { return loops_[state] == byte_classes::kAll; }
  // The classes of bytes whose characters all do so.
  uint64_t looping_classes(uint32_t state) const { return loops_[state]; }
  // The state that all characters lead to whose first byte is like `lead`, beyond ASCII (byte_classes::Lead);
  // kDead: there is no such state.
  uint32_t next_above(uint32_t state, uint8_t lead) const {
    return next_above_[state * byte_classes::kLeadCount + byte_classes::lead_of(lead)];
  }
  // Characters of these classes of bytes lead from the state to one other, from there to one, and so on for
  // `run_length` characters.
  uint64_t run_classes(uint32_t state) const { return run_classes_[state]; }
  uint32_t run_length(uint32_t state) const { return run_lengths_[state]; }
  // Whatever characters follow, something that is accepted goes on with them.
  bool is_open(uint32_t state) const { return open_[state]; }
  uint32_t looping() const { return looping_; }  // one such state; kDead: there is none
  // From the state on, and behind any further characters as long as there are fewer than these, there is no
  // end of texts that are accepted. UINT32_MAX: however many there are.
  uint32_t plenty(uint32_t state) const { return plenty_.empty() ? UINT32_MAX : plenty_[state]; }
  // A count that any `reach` further characters cannot tell from `count`.
  uint32_t same_count(uint32_t count, uint32_t reach) const;
  // How many texts are accepted from `state` on, without counting characters; UINT32_MAX: more than that or
  // no end.
  uint32_t texts_ahead(uint32_t state) const { return sizes_.empty() ? UINT32_MAX : sizes_[state]; }
  // How many texts are accepted, with characters counted; UINT32_MAX: more than 65,536 or no end.
  uint32_t accepted_texts() const;
  void count_texts();

 private:
  uint32_t interval_of(uint32_t count) const {
    uint32_t i = 0;
    while (i < thresholds_.size() && count >= thresholds_[i]) ++i;
    return i;
  }
  struct Segment {
    uint32_t first;  // count
    std::vector<bool> live;
  };
  // The states with a way to each state.
  struct Sources {
    std::vector<uint32_t> begins, states;
    std::span<const uint32_t> of(uint32_t state) const {
      return std::span(states).subspan(begins[state], begins[state + 1] - begins[state]);
    }
  };
  Sources sources() const;
  const std::vector<bool>& row_of(uint32_t count) const;
  void find_live(const Limits& limits);
  void find_room();
  void find_ahead(const std::vector<bool>& kept);
  void prune();
  void find_loops();
  std::pair<uint32_t, uint64_t> widest_way(uint32_t state) const;
  void find_runs();
  void find_plenty(const Sources& ways);

  std::vector<uint32_t> begins_;
  std::vector<Transition> transitions_;
  std::vector<uint32_t> ascii_;  // [state][128]; empty where the automaton is large
  std::vector<uint32_t> marks_;
  std::vector<uint64_t> ahead_;
  std::vector<uint32_t> sizes_;
  std::vector<uint32_t> thresholds_;
  std::vector<Segment> segments_;      // ascending; empty without thresholds
  std::vector<uint64_t> loops_;        // classes of bytes
  std::vector<uint32_t> next_above_;   // [state][group of leads]
  std::vector<uint64_t> run_classes_;  // of bytes
  std::vector<uint32_t> run_lengths_;  // characters
  std::vector<uint32_t> plenty_;
  std::vector<bool> open_;
  uint32_t looping_ = kDead;
  uint32_t roomy_counts_ = UINT32_MAX;
  bool takes_all_ = false;
};

struct Automaton::Builder {
  std::vector<std::vector<Transition>> rows;  // by state; ascending; state 0 is the first
  std::vector<uint32_t> marks;  // without thresholds any number; with them a bit for each interval
  std::vector<uint32_t> thresholds;
  Limits limits;
  std::vector<bool> kept;  // states that lead on by other means than characters; empty: none
};

// The product of `machines`; `mark` says what a state is of which it gets the states of all machines. Refusal
// naming `keyword` and `path`: too many states. Where machine `needed` is dead, nothing is accepted any more.
inline constexpr size_t kNoneNeeded = SIZE_MAX;
Automaton::Builder product(std::span<const std::unique_ptr<Machine>> machines,
                           const std::function<uint32_t(std::span<const uint32_t>)>& mark,
                           const Limits& limits, const std::string& keyword, const std::string& path,
                           size_t needed = kNoneNeeded);

// Whether `is_in` is true of the states behind one of the shortest texts that lead to them; it gets the
// text's length as well. Nothing: that many states are not enough to tell.
std::optional<bool> has_short_text(std::span<const std::unique_ptr<Machine>> machines,
                                   const std::function<bool(std::span<const uint32_t>, uint32_t)>& is_in,
                                   size_t most_states);

// `texts[i]` is marked i + 1; every other text, if any is accepted, `other`.
Automaton::Builder trie_of(const std::vector<std::u32string>& texts, uint32_t other);

}  // namespace ferrum::grammar
