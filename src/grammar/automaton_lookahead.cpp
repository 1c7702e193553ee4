// What an automaton knows of the texts ahead of a state, so that masks need not walk them.
#include <algorithm>
#include <array>
#include <bit>
#include <bitset>
#include <optional>
#include <tuple>

#include "grammar/automaton.h"

namespace ferrum::grammar {
namespace {

// The characters of each group of leads; those of the first are all that no other group has.
const std::array<std::vector<CodePointSet::Range>, byte_classes::kLeadCount>& ranges_of_leads() {
  using namespace byte_classes;
  static const auto kRanges = [] {
    std::array<std::vector<CodePointSet::Range>, kLeadCount> out;
    char32_t from = 0x80;
    for (size_t i = 1; i < kLeadCount; ++i) {
      out[i] = {{kLeads[i].first, kLeads[i].last}};
      if (from < kLeads[i].first) out[0].push_back({from, kLeads[i].first - 1});
      from = kLeads[i].last + 1;
    }
    out[0].push_back({from, kLastCodePoint});
    return out;
  }();
  return kRanges;
}

// Where the characters of one group beyond ASCII lead, if it is one state.
uint32_t common_target(std::span<const Automaton::Transition> ways, size_t group) {
  uint32_t target = Automaton::kDead;
  for (const CodePointSet::Range& range : ranges_of_leads()[group]) {
    uint32_t missing = range.last - range.first + 1;
    if (range.first <= kFirstSurrogate && range.last >= kLastSurrogate)
      missing -= kLastSurrogate - kFirstSurrogate + 1;
    for (const Automaton::Transition& t : ways) {
      if (t.last < range.first) continue;
      if (t.first > range.last) break;
      if (target == Automaton::kDead) target = t.next;
      if (t.next != target) return Automaton::kDead;
      missing -= std::min(t.last, range.last) - std::max(t.first, range.first) + 1;
    }
    if (missing != 0) return Automaton::kDead;
  }
  return target;
}

// The state that all characters beyond ASCII lead to; nothing: that takes a closer look.
std::optional<uint32_t> only_target(std::span<const Automaton::Transition> ways) {
  if (ways.empty() || ways.back().last < 0x80) return Automaton::kDead;
  if (ways.size() < 2) return std::nullopt;
  const Automaton::Transition &below = ways[ways.size() - 2], &above = ways.back();
  const bool is_whole = below.first <= 0x80 && below.last == kFirstSurrogate - 1 &&
                        above.first == kLastSurrogate + 1 && above.last == kLastCodePoint;
  return is_whole && below.next == above.next ? std::optional(above.next) : std::nullopt;
}

}  // namespace

void Automaton::find_loops() {
  using namespace byte_classes;
  for (uint32_t q = 0; q < states(); ++q) {
    const auto ways = transitions(q);
    const std::optional<uint32_t> only = only_target(ways);
    uint64_t loops = 0;
    for (size_t group = 0; group < kLeadCount; ++group) {
      const uint32_t target = only ? *only : common_target(ways, group);
      if (target == q) loops |= bit_of(kLeads[group].byte);
      next_above_.push_back(target);
    }
    std::bitset<128> ascii;
    for (const Transition& t : ways)
      if (t.next == q)
        for (char32_t c = t.first; c <= t.last && c < 0x80; ++c) ascii.set(c);
    if (ascii.all()) {
      loops |= kAscii;
    } else if (ascii.any()) {
      uint64_t missing = 0;
      for (uint8_t c = 0; c < 0x80; ++c)
        if (!ascii[c]) missing |= bit_of(c);
      loops |= kAscii & ~missing;
    }
    loops_.push_back(loops);
    if (loops == kAll) looping_ = q;
  }
  find_runs();
  // A state is open where all that follow it are. States that it takes long to tell are taken for closed.
  constexpr int kMostRounds = 32;
  bool changed = std::find(open_.begin(), open_.end(), true) != open_.end();
  for (int round = 0; changed && round < kMostRounds; ++round) {
    changed = false;
    for (uint32_t q = states(); q-- > 0;)
      for (const Transition& t : transitions(q))
        if (open_[q] && !open_[t.next]) {
          open_[q] = false;
          changed = true;
        }
  }
  if (changed) open_.assign(states(), false);
}

void Automaton::find_room() {
  for (const Segment& segment : segments_)
    for (uint32_t q = 0; q < states(); ++q)
      if (ahead_[q] != 0 && !segment.live[q]) {
        roomy_counts_ = segment.first;
        return;
      }
}

// A state that is live behind roomy_counts() - 1 characters ends a text within `longest` more. So of a way
// through states that has no end, every place that is `longest` + 1 characters behind the last one ends
// another text.
uint32_t Automaton::ample_counts(size_t used) const {
  if (thresholds_.empty() || roomy_counts_ == UINT32_MAX) return UINT32_MAX;
  uint32_t counted = 0;  // the intervals in which texts are accepted
  for (const uint32_t mark : marks_) counted |= mark;
  if (!std::has_single_bit(counted)) return 0;
  const auto interval = static_cast<size_t>(std::countr_zero(counted));
  if (interval >= thresholds_.size()) return 0;
  const uint32_t least = interval == 0 ? 0 : thresholds_[interval - 1], end = thresholds_[interval];
  const uint64_t longest = end - std::min(end, roomy_counts_);
  const uint64_t taken = (used + 1) * (longest + 2);
  const uint64_t ample = roomy_counts_ > taken ? roomy_counts_ - taken : 0;
  return ample > least ? static_cast<uint32_t>(ample) : 0;
}

// The state that most classes of bytes lead to as a whole, and those classes; kDead where few characters lead
// on.
std::pair<uint32_t, uint64_t> Automaton::widest_way(uint32_t state) const {
  using namespace byte_classes;
  constexpr uint32_t kFew = 16;
  uint32_t characters = 0;
  for (const Transition& t : transitions(state)) characters += t.last - t.first + 1;
  if (characters <= kFew) return {kDead, 0};
  std::array<uint32_t, 64> targets{};
  uint64_t known = 0, mixed = 0, seen = 0;
  std::array<uint8_t, 64> sizes{};
  for (const Transition& t : transitions(state))
    for (char32_t c = t.first; c <= t.last && c < 0x80; ++c) {
      const uint8_t of = kClassOf[c];
      const uint64_t bit = uint64_t{1} << of;
      if ((known & bit) == 0) targets[of] = t.next;
      if (targets[of] != t.next) mixed |= bit;
      known |= bit;
      ++sizes[of];
    }
  for (uint64_t left = known & ~mixed; left != 0; left &= left - 1) {
    const auto of = static_cast<size_t>(std::countr_zero(left));
    if (sizes[of] == kSizeOf[of]) seen |= uint64_t{1} << of;
  }
  for (size_t group = 0; group < kLeadCount; ++group) {
    const uint8_t of = kClassOf[kLeads[group].byte];
    targets[of] = next_above_[state * kLeadCount + group];
    if (targets[of] != kDead) seen |= uint64_t{1} << of;
  }
  std::pair<uint32_t, uint64_t> widest = {kDead, 0};
  for (uint64_t left = seen; left != 0;) {
    const uint32_t target = targets[static_cast<size_t>(std::countr_zero(left))];
    uint64_t same = 0;
    for (uint64_t rest = left; rest != 0; rest &= rest - 1)
      if (targets[static_cast<size_t>(std::countr_zero(rest))] == target) same |= rest & ~(rest - 1);
    if (std::popcount(same) > std::popcount(widest.second)) widest = {target, same};
    left &= ~same;
  }
  return widest;
}

// A state's run: the classes of bytes that lead on to one state, and from there to one, and so on. Where all
// that is usual leads to one state, there is nothing to gain.
void Automaton::find_runs() {
  run_classes_.assign(states(), 0);
  run_lengths_.assign(states(), 0);
  if (looping_ != kDead) return;
  std::vector<uint32_t> next(states(), kDead);
  for (uint32_t q = 0; q < states(); ++q) std::tie(next[q], run_classes_[q]) = widest_way(q);
  // A run is as long as all of its classes lead on; one that comes back to where it was has no end.
  std::vector<uint32_t> path;
  std::vector<bool> is_known(states()), is_on_path(states());
  for (uint32_t root = 0; root < states(); ++root) {
    for (uint32_t q = root; !is_known[q] && !is_on_path[q]; q = next[q]) {
      path.push_back(q);
      is_on_path[q] = true;
      if (next[q] == kDead || (run_classes_[q] & ~run_classes_[next[q]]) != 0) break;
    }
    while (!path.empty()) {
      const uint32_t q = path.back();
      path.pop_back();
      const bool leads_on = next[q] != kDead && (run_classes_[q] & ~run_classes_[next[q]]) == 0;
      if (next[q] == kDead)
        run_lengths_[q] = 0;
      else if (!leads_on)
        run_lengths_[q] = 1;
      else if (!is_known[next[q]])
        run_lengths_[q] = UINT32_MAX;  // a circle
      else
        run_lengths_[q] = run_lengths_[next[q]] == UINT32_MAX ? UINT32_MAX : run_lengths_[next[q]] + 1;
      is_known[q] = true;
      is_on_path[q] = false;
    }
  }
}

void Automaton::count_texts() {
  // Depth first; a state that can come back to itself has no end of texts, as every state here is live.
  enum : uint8_t { kNew, kOpen, kDone };
  std::vector<uint8_t> progress(states(), kNew);
  std::vector<uint32_t> sizes(states(), 0);
  std::vector<std::pair<uint32_t, size_t>> path;
  for (uint32_t root = 0; root < states(); ++root) {
    if (progress[root] != kNew) continue;
    path.emplace_back(root, 0);
    progress[root] = kOpen;
    while (!path.empty()) {
      auto& [q, at] = path.back();
      const auto of = transitions(q);
      if (at == of.size()) {
        uint64_t size = marks_[q] != 0 ? 1 : 0;
        for (const Transition& t : of) {
          const uint64_t each = progress[t.next] == kOpen ? UINT32_MAX : sizes[t.next];
          size = each == UINT32_MAX ? UINT32_MAX : size + each * (t.last - t.first + 1);
          if (size >= UINT32_MAX) break;
        }
        sizes[q] = static_cast<uint32_t>(std::min<uint64_t>(size, UINT32_MAX));
        progress[q] = kDone;
        path.pop_back();
        continue;
      }
      const uint32_t next = of[at++].next;
      if (progress[next] != kNew) continue;
      progress[next] = kOpen;
      path.emplace_back(next, 0);
    }
  }
  // What was open when a state behind it was sized may have been part of a cycle through it: spread that.
  const Sources ways = sources();
  std::vector<uint32_t> todo;
  for (uint32_t q = 0; q < states(); ++q)
    if (sizes[q] == UINT32_MAX) todo.push_back(q);
  while (!todo.empty()) {
    const uint32_t q = todo.back();
    todo.pop_back();
    for (const uint32_t source : ways.of(q))
      if (sizes[source] != UINT32_MAX) {
        sizes[source] = UINT32_MAX;
        todo.push_back(source);
      }
  }
  sizes_ = std::move(sizes);
  find_plenty(ways);
}

// Over beginnings that something accepted goes on from, by their length: each of them is one text more at
// least.
uint32_t Automaton::accepted_texts() const {
  constexpr uint64_t kMost = 1 << 16;
  if (thresholds_.empty()) return texts_ahead(0) <= kMost ? texts_ahead(0) : UINT32_MAX;
  const uint32_t most = most_counted();
  std::vector<uint64_t> ways(states());
  ways[0] = 1;
  uint64_t sum = 0, beginnings = 1;
  for (uint32_t length = 0; beginnings != 0; ++length) {
    // Behind more characters than are counted, as many states later one has been met twice.
    if (length > most + states() || length > kMost) return UINT32_MAX;
    for (uint32_t q = 0; q < states(); ++q)
      if (ways[q] != 0 && accepts(q, std::min(length, most))) sum += ways[q];
    std::vector<uint64_t> next(states());
    beginnings = 0;
    for (uint32_t q = 0; q < states(); ++q) {
      if (ways[q] == 0) continue;
      for (const Transition& t : transitions(q)) {
        if (!is_live(t.next, std::min(length + 1, most))) continue;
        next[t.next] += ways[q] * (t.last - t.first + 1);
        beginnings += ways[q] * (t.last - t.first + 1);
        if (sum + beginnings > kMost) return UINT32_MAX;
      }
    }
    ways = std::move(next);
  }
  return static_cast<uint32_t>(sum);
}

void Automaton::find_plenty(const Sources& ways) {
  plenty_.assign(states(), UINT32_MAX);
  std::vector<uint32_t> ring;
  for (uint32_t q = 0; q < states(); ++q)  // dead states are never entered
    if (ahead_[q] != 0 && sizes_[q] != UINT32_MAX) {
      plenty_[q] = 0;
      ring.push_back(q);
    }
  for (uint32_t distance = 1; !ring.empty(); ++distance) {
    std::vector<uint32_t> next;
    for (const uint32_t q : ring)
      for (const uint32_t source : ways.of(q))
        if (plenty_[source] == UINT32_MAX) {
          plenty_[source] = distance;
          next.push_back(source);
        }
    ring = std::move(next);
  }
}

}  // namespace ferrum::grammar
