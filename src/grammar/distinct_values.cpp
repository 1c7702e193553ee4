#include "grammar/distinct_values.h"

#include <algorithm>

#include "grammar/object_rules.h"

namespace ferrum::grammar {
namespace {

using At = Thread::At;

// Whether one of the strings that `thread` may become is not among `used`. Hashes of strings get their kind
// when they end. What is met on the way and used is as often as `used` has strings, so this ends soon.
bool has_unused_string(const Thread& thread, const HashSet* used) {
  struct Place {
    uint32_t state, count;
    ValueHash hash;
    std::vector<Automaton::Transition> ways;  // the last one is tried next
  };
  const Automaton& automaton = *thread.automaton;
  const auto is_unused = [&](const Place& at) {
    return automaton.accepts(at.state, at.count) &&
           !HashSet::contains(used, hash_of(ValueKind::kString, at.hash));
  };
  const auto place_of = [&](uint32_t state, uint32_t count, const ValueHash& hash) {
    const auto ways = automaton.transitions(state);
    return Place{state, count, hash, {ways.begin(), ways.end()}};
  };
  std::vector<Place> path = {place_of(thread.state, thread.count, thread.hash)};
  if (thread.decoding != 0) {
    const Possible possible = possible_characters(thread.decoding);
    path[0].ways.clear();
    for (const Automaton::Transition& t : automaton.transitions(thread.state))
      for (int i = 0; i < possible.count; ++i) {
        const char32_t first = std::max(t.first, possible.ranges[i].first);
        const char32_t last = std::min(t.last, possible.ranges[i].last);
        if (first <= last) path[0].ways.push_back({first, last, t.next});
      }
  } else if (is_unused(path[0])) {
    return true;
  }
  while (!path.empty()) {
    Place& at = path.back();
    if (at.ways.empty()) {
      path.pop_back();
      continue;
    }
    Automaton::Transition& way = at.ways.back();
    const uint32_t next = way.next, count = std::min(at.count + 1, automaton.most_counted());
    if (!automaton.is_live(next, count)) {  // all its characters, perhaps a million, lead nowhere
      at.ways.pop_back();
      continue;
    }
    ValueHash longer = at.hash;
    longer.add(way.first);
    if (way.first++ == way.last) at.ways.pop_back();
    path.push_back(place_of(next, count, longer));
    if (is_unused(path.back())) return true;
  }
  return false;
}

}  // namespace

ValueHash hash_of(ValueKind kind, std::string_view text) {
  ValueHash hash;
  hash.add(static_cast<uint64_t>(kind));
  hash.add(text);
  return hash;
}

ValueHash hash_of(ValueKind kind, const ValueHash& inner) {
  ValueHash hash;
  hash.add(static_cast<uint64_t>(kind));
  hash.add(inner);
  return hash;
}

const ArrayFrame* unique_array(const FrameRef& frame) {
  if (!frame || frame->kind != Frame::Kind::kArray) return nullptr;
  const auto& array = static_cast<const ArrayFrame&>(*frame);
  return array.shape->is_unique ? &array : nullptr;
}

ValueHash number_hash(const std::string& text) {
  const auto value = Decimal::parse(text);
  return hash_of(ValueKind::kNumber, value ? value->canonical() : text);
}

bool has_unused_number(const Automaton& automaton, uint32_t state, std::string& text, const HashSet* used) {
  if (automaton.texts_ahead(state) == UINT32_MAX || automaton.texts_ahead(state) > HashSet::size_of(used))
    return true;
  if (automaton.mark(state) != 0 && !HashSet::contains(used, number_hash(text))) return true;
  for (const Automaton::Transition& t : automaton.transitions(state))
    for (char32_t c = t.first; c <= t.last; ++c) {
      text += static_cast<char>(c);
      const bool found = has_unused_number(automaton, t.next, text, used);
      text.pop_back();
      if (found) return true;
    }
  return false;
}

bool Stepper::needs_hash(const Thread& thread) {
  if (thread.at != At::kName && thread.at != At::kRawName) return thread.frame->is_hashed;
  const auto& frame = static_cast<const ObjectFrame&>(*thread.frame);
  return frame.is_hashed || !frame.shape->others.empty();
}

bool Stepper::is_new(const Thread& thread, const ValueHash& hash) {
  if (thread.at == At::kName)
    return !HashSet::contains(static_cast<const ObjectFrame&>(*thread.frame).other_names.get(), hash);
  const ArrayFrame* array = unique_array(thread.frame);
  return !array || !HashSet::contains(array->used.get(), hash_of(ValueKind::kString, hash));
}

bool Stepper::may_repeat(const Thread& thread) {
  if (thread.at == At::kName)
    return static_cast<bool>(static_cast<const ObjectFrame&>(*thread.frame).other_names);
  const ArrayFrame* array = unique_array(thread.frame);
  return array && array->used;
}

bool Stepper::is_live(const Thread& thread, bool any_writing) {
  if (thread.at == At::kName || thread.at == At::kRawName) {
    const auto& frame = static_cast<const ObjectFrame&>(*thread.frame);
    return is_live_name(frame, thread.state, thread.decoding, thread.hash, order_of(*frame.shape));
  }
  const Automaton& automaton = *thread.automaton;
  if (!automaton.is_live(thread.state, thread.count)) return false;
  if (thread.decoding != 0 && !is_possible(automaton, thread.state, thread.count, thread.decoding))
    return false;
  const ArrayFrame* array = unique_array(thread.frame);
  if (!array || any_writing || !array->used) return true;
  const bool may_run_out = automaton.texts_ahead(thread.state) != UINT32_MAX || automaton.most_counted() != 0;
  return !may_run_out || has_unused_string(thread, array->used.get());
}

}  // namespace ferrum::grammar
