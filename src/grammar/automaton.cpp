#include "grammar/automaton.h"

#include <algorithm>
#include <numeric>

namespace ferrum::grammar {

Automaton::Automaton(Builder builder)
    : marks_(std::move(builder.marks)), thresholds_(std::move(builder.thresholds)) {
  for (const auto& row : builder.rows) {
    begins_.push_back(static_cast<uint32_t>(transitions_.size()));
    for (const Transition& t : row) {  // texts have no surrogates
      if (t.first < kFirstSurrogate)
        transitions_.push_back({t.first, std::min<char32_t>(t.last, kFirstSurrogate - 1), t.next});
      if (t.last > kLastSurrogate)
        transitions_.push_back({std::max<char32_t>(t.first, kLastSurrogate + 1), t.last, t.next});
    }
  }
  begins_.push_back(static_cast<uint32_t>(transitions_.size()));
  find_ahead(builder.kept);
  if (!thresholds_.empty()) {
    find_live(builder.limits);
    find_room();
  }
  prune();
  takes_all_ = segments_.empty();
  for (uint32_t q = 0; q < states(); ++q) {
    const auto of = transitions(q);
    size_t taken = 0;
    for (const Transition& t : of) taken += t.last - t.first + 1;
    const bool all = taken == kLastCodePoint + 1 - (kLastSurrogate - kFirstSurrogate + 1);
    takes_all_ = takes_all_ && all;
    open_.push_back(all && segments_.empty());
  }
  find_loops();
  constexpr uint32_t kMaxTabled = 1024;
  if (states() > kMaxTabled || transitions_.size() < states() * size_t{3}) return;
  ascii_.assign(states() * size_t{128}, kDead);
  for (uint32_t q = 0; q < states(); ++q)
    for (const Transition& t : transitions(q))
      for (char32_t c = t.first; c <= t.last && c < 128; ++c) ascii_[q * size_t{128} + c] = t.next;
}

size_t Automaton::bytes() const {
  return sizeof(Automaton) + transitions_.size() * sizeof(Transition) + ascii_.size() * sizeof(uint32_t) +
         states() * size_t{60} + segments_.size() * (sizeof(Segment) + states() / 8);
}

uint32_t Automaton::next(uint32_t state, char32_t c) const {
  if (c < 128 && !ascii_.empty()) return ascii_[state * size_t{128} + c];
  const auto of = transitions(state);
  size_t low = 0, high = of.size();
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (of[middle].last < c)
      low = middle + 1;
    else
      high = middle;
  }
  return low < of.size() && of[low].first <= c ? of[low].next : kDead;
}

namespace {

// Those of a state's transitions that take one of the characters from `first` to `last`.
std::span<const Automaton::Transition> between(std::span<const Automaton::Transition> ways, char32_t first,
                                               char32_t last) {
  const auto begin =
      std::partition_point(ways.begin(), ways.end(), [&](const auto& one) { return one.last < first; });
  const auto end =
      std::partition_point(begin, ways.end(), [&](const auto& one) { return one.first <= last; });
  return {begin, end};
}

}  // namespace

bool Automaton::has_next_in(uint32_t state, uint32_t count, char32_t first, char32_t last) const {
  const uint32_t after = std::min(count + 1, most_counted());
  return std::ranges::any_of(between(transitions(state), first, last),
                             [&](const Transition& t) { return is_live(t.next, after); });
}

const std::vector<bool>& Automaton::row_of(uint32_t count) const {
  const auto after = std::upper_bound(segments_.begin(), segments_.end(), count,
                                      [](uint32_t value, const Segment& s) { return value < s.first; });
  return std::prev(after)->live;
}

uint32_t Automaton::same_count(uint32_t count, uint32_t reach) const {
  if (segments_.empty()) return 0;
  const auto after = std::upper_bound(segments_.begin(), segments_.end(), count,
                                      [](uint32_t value, const Segment& s) { return value < s.first; });
  if (after == segments_.end() || after->first - count > reach) return std::prev(after)->first;
  return count;
}

Automaton::Sources Automaton::sources() const {
  Sources out;
  out.begins.assign(states() + size_t{2}, 0);
  const auto each = [&](const auto& take) {
    for (uint32_t q = 0; q < states(); ++q) {
      uint32_t last = kDead;
      for (const Transition& t : transitions(q))
        if (t.next != last) take(q, last = t.next);
    }
  };
  each([&](uint32_t, uint32_t to) { ++out.begins[to + size_t{2}]; });
  for (size_t i = 2; i < out.begins.size(); ++i) out.begins[i] += out.begins[i - 1];
  out.states.resize(out.begins.back());
  each([&](uint32_t from, uint32_t to) { out.states[out.begins[to + size_t{1}]++] = from; });
  out.begins.pop_back();
  return out;
}

void Automaton::find_ahead(const std::vector<bool>& kept) {
  ahead_.assign(states(), 0);
  const Sources ways = sources();
  for (uint32_t q = 0; q < states(); ++q) {
    if (q < kept.size() && kept[q]) ahead_[q] = 1;
    if (marks_[q] == 0) continue;
    ahead_[q] = thresholds_.empty() ? uint64_t{1} << std::min<uint32_t>(marks_[q] - 1, 63) : 1;
  }
  std::vector<uint32_t> todo;
  for (uint32_t q = 0; q < states(); ++q)
    if (ahead_[q] != 0) todo.push_back(q);
  while (!todo.empty()) {
    const uint32_t q = todo.back();
    todo.pop_back();
    for (const uint32_t source : ways.of(q))
      if ((ahead_[q] & ~ahead_[source]) != 0) {
        ahead_[source] |= ahead_[q];
        todo.push_back(source);
      }
  }
}

void Automaton::find_live(const Limits& limits) {
  // From the last interval, whose states keep their meaning for ever, back to no characters at all.
  const auto last = static_cast<uint32_t>(thresholds_.size());
  std::vector<bool> row(states());
  for (uint32_t q = 0; q < states(); ++q) row[q] = (marks_[q] >> last) & 1;
  for (bool changed = true; changed;) {
    changed = false;
    for (uint32_t q = states(); q-- > 0;)
      for (const Transition& t : transitions(q))
        if (!row[q] && row[t.next]) row[q] = changed = true;
  }
  std::vector<Segment> backwards = {{thresholds_.back(), row}};
  size_t work = 0;
  for (uint32_t interval = last; interval-- > 0;) {
    const uint32_t first = interval == 0 ? 0 : thresholds_[interval - 1];
    for (uint32_t count = thresholds_[interval]; count-- > first;) {
      std::vector<bool> now(states());
      for (uint32_t q = 0; q < states(); ++q) {
        bool live = (marks_[q] >> interval) & 1;
        for (const Transition& t : transitions(q)) live = live || row[t.next];
        now[q] = live;
      }
      work += transitions_.size() + 1;
      if (work > limits.max_total_states * 20)
        throw Refusal("maxLength", "", "a length and a pattern need too many states together");
      const bool is_settled = now == row && count + 1 < thresholds_[interval];
      backwards.push_back({count, now});
      row = std::move(now);
      if (!is_settled) continue;
      backwards.back().first = first;
      break;
    }
  }
  // A threshold begins a segment even where the same states live: what is accepted changes there.
  for (auto s = backwards.rbegin(); s != backwards.rend(); ++s) {
    const bool is_threshold =
        std::find(thresholds_.begin(), thresholds_.end(), s->first) != thresholds_.end();
    if (segments_.empty() || is_threshold || segments_.back().live != s->live)
      segments_.push_back(std::move(*s));
  }
}

void Automaton::prune() {
  std::vector<Transition> kept;
  std::vector<uint32_t> begins;
  for (uint32_t q = 0; q < states(); ++q) {
    begins.push_back(static_cast<uint32_t>(kept.size()));
    for (const Transition& t : transitions(q)) {
      if (ahead_[t.next] == 0) continue;
      if (kept.size() > begins.back() && kept.back().next == t.next && kept.back().last + 1 == t.first)
        kept.back().last = t.last;
      else
        kept.push_back(t);
    }
  }
  begins.push_back(static_cast<uint32_t>(kept.size()));
  begins_ = std::move(begins);
  transitions_ = std::move(kept);
}

Automaton::Builder trie_of(const std::vector<std::u32string>& texts, uint32_t other) {
  std::vector<uint32_t> order(texts.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return texts[a] < texts[b]; });
  Automaton::Builder out;
  out.rows.emplace_back();
  out.marks.push_back(other);
  std::vector<uint32_t> path = {0};  // of the text before, by length
  const std::u32string* before = nullptr;
  for (const uint32_t i : order) {
    const std::u32string& text = texts[i];
    size_t common = 0;
    while (before && common < std::min(before->size(), text.size()) && (*before)[common] == text[common])
      ++common;
    path.resize(common + 1);
    for (size_t at = common; at < text.size(); ++at) {
      const auto child = static_cast<uint32_t>(out.rows.size());
      out.rows[path.back()].push_back({text[at], text[at], child});
      path.push_back(child);
      out.rows.emplace_back();
      out.marks.push_back(other);
    }
    if (out.marks[path.back()] == other) out.marks[path.back()] = i + 1;
    before = &text;
  }
  if (other == 0) return out;
  const auto rest = static_cast<uint32_t>(out.rows.size());
  std::vector<Automaton::Transition> row;
  for (auto& children : out.rows) {
    row.clear();
    char32_t next = 0;
    for (const Automaton::Transition& child : children) {
      if (child.first > next) row.push_back({next, child.first - 1, rest});
      row.push_back(child);
      next = child.first + 1;
    }
    if (next <= kLastCodePoint) row.push_back({next, kLastCodePoint, rest});
    children = row;
  }
  out.rows.push_back({{0, kLastCodePoint, rest}});
  out.marks.push_back(other);
  return out;
}

}  // namespace ferrum::grammar
