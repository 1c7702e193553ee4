#include "grammar/object_rules.h"

#include <algorithm>

namespace ferrum::grammar {
namespace {

bool is_seen(const ObjectFrame& frame, uint32_t i) {
  return i / 64 < frame.seen.size() && (frame.seen[i / 64] >> (i % 64) & 1) != 0;
}

// What of the listed members is still to come.
struct Remaining {
  uint32_t required = 0, possible = 0, duties = 0;
  bool required_meets_duties = false;  // a required one can meet all duties that are left
};

Remaining remaining_of(const ObjectFrame& frame, MemberOrder order) {
  const ObjectShape& shape = *frame.shape;
  Remaining out;
  if (order == MemberOrder::kOfShape && (frame.duties == 0 || shape.most == UINT32_MAX)) {
    out.required = shape.required_from[frame.next];
    out.possible = shape.possible_from[frame.next];
    out.duties = shape.duties_from[frame.next];
    return out;
  }
  for (uint32_t i = order == MemberOrder::kOfShape ? frame.next : 0; i < shape.listed.size(); ++i) {
    const ObjectShape::Member& member = shape.listed[i];
    if (member.choices.empty() || (order == MemberOrder::kAny && is_seen(frame, i))) continue;
    ++out.possible;
    if (member.is_required) ++out.required;
    for (const Choice& choice : member.choices) {
      out.duties |= choice.duties;
      if (member.is_required && (frame.duties & ~choice.duties) == 0) out.required_meets_duties = true;
    }
  }
  return out;
}

bool is_unbounded(const ObjectShape& shape) {
  return shape.least == 0 && shape.most == UINT32_MAX && shape.duties == 0;
}

}  // namespace

bool can_finish(const ObjectFrame& frame, MemberOrder order) {
  const ObjectShape& shape = *frame.shape;
  if (is_unbounded(shape)) return true;  // required members are watched over name by name
  const Remaining left = remaining_of(frame, order);
  if ((frame.duties & ~(left.duties | shape.duties_of_others)) != 0) return false;
  const uint64_t needed =
      uint64_t{left.required} + (frame.duties != 0 && !left.required_meets_duties ? 1 : 0);
  if (shape.most != UINT32_MAX && frame.count + needed > shape.most) return false;
  if (shape.other_names == UINT32_MAX) return true;
  const uint64_t others =
      shape.other_names - std::min<size_t>(shape.other_names, HashSet::size_of(frame.other_names.get()));
  return frame.count + left.possible + others >= shape.least;
}

bool may_end(const ObjectFrame& frame, MemberOrder order) {
  return frame.count >= frame.shape->least && frame.duties == 0 && remaining_of(frame, order).required == 0;
}

bool may_come(const ObjectFrame& frame, uint32_t i, MemberOrder order) {
  const ObjectShape& shape = *frame.shape;
  const ObjectShape::Member& member = shape.listed[i];
  if (member.choices.empty()) return false;
  if (order == MemberOrder::kAny) {
    if (is_seen(frame, i)) return false;
  } else if (i < frame.next || shape.required_from[frame.next] != shape.required_from[i]) {
    return false;
  }
  if (is_unbounded(shape)) return true;
  const Ref<ObjectFrame> after = with_member(frame, i + 1, {}, order);
  return std::any_of(member.choices.begin(), member.choices.end(), [&](const Choice& choice) {
    ObjectFrame met = *after;
    met.duties &= ~choice.duties;
    return can_finish(met, order);
  });
}

bool may_other_come(const ObjectFrame& frame, MemberOrder order) {
  const ObjectShape& shape = *frame.shape;
  if (shape.others.empty()) return false;
  if (order == MemberOrder::kOfShape && shape.required_from[frame.next] != 0) return false;
  if (is_unbounded(shape)) return true;
  ObjectFrame after = frame;
  ++after.count;
  if (order == MemberOrder::kOfShape) after.next = static_cast<uint32_t>(shape.listed.size());
  if (can_finish(after, order)) return true;
  after.duties &= ~shape.duties_of_others;
  return can_finish(after, order);
}

bool has_unused(const Automaton& automaton, uint32_t state, const ValueHash& hash, const HashSet* used,
                uint32_t first_mark, char32_t first, char32_t last) {
  for (const Automaton::Transition& t : automaton.transitions(state)) {
    if (t.first > last) break;
    if (t.last < first) continue;
    const char32_t end = std::min(t.last, last);
    for (char32_t c = std::max(t.first, first); c <= end; ++c) {
      if (automaton.texts_ahead(t.next) == UINT32_MAX) return true;
      ValueHash longer = hash;
      longer.add(c);
      if (automaton.mark(t.next) >= first_mark && !HashSet::contains(used, longer)) return true;
      if (has_unused(automaton, t.next, longer, used, first_mark, 0, kLastCodePoint)) return true;
    }
  }
  return false;
}

namespace {

bool is_live_between_characters(const ObjectFrame& frame, uint32_t state, const ValueHash& hash, bool others,
                                MemberOrder order) {
  const ObjectShape& shape = *frame.shape;
  for (uint32_t at = shape.below_begin[state]; at < shape.below_begin[state + 1]; ++at) {
    const uint32_t i = shape.below[at];
    if (order == MemberOrder::kOfShape && i < frame.next) continue;
    if (may_come(frame, i, order)) return true;
    if (order == MemberOrder::kOfShape && shape.required_from[frame.next] != shape.required_from[i]) break;
  }
  if (!others || !shape.other_ahead[state]) return false;
  const size_t used = HashSet::size_of(frame.other_names.get());
  if (used == 0) return true;
  const uint32_t ahead = shape.names->texts_ahead(state);
  if (ahead == UINT32_MAX || ahead > used + shape.listed.size()) return true;
  const auto first_mark = static_cast<uint32_t>(shape.first_other());
  if (shape.names->mark(state) >= first_mark && !HashSet::contains(frame.other_names.get(), hash))
    return true;
  return has_unused(*shape.names, state, hash, frame.other_names.get(), first_mark, 0, kLastCodePoint);
}

}  // namespace

bool is_live_name(const ObjectFrame& frame, uint32_t state, uint32_t decoding, const ValueHash& hash,
                  MemberOrder order) {
  return is_live_name(frame, state, decoding, hash, order, may_other_come(frame, order));
}

bool is_live_name(const ObjectFrame& frame, uint32_t state, uint32_t decoding, const ValueHash& hash,
                  MemberOrder order, bool others) {
  if (decoding == 0) return is_live_between_characters(frame, state, hash, others, order);
  const Possible possible = possible_characters(decoding);
  for (const Automaton::Transition& t : frame.shape->names->transitions(state))
    for (int i = 0; i < possible.count; ++i) {
      const char32_t first = std::max(t.first, possible.ranges[i].first);
      const char32_t last = std::min(t.last, possible.ranges[i].last);
      if (first > last) continue;
      // The characters of one transition differ where names run out.
      const bool is_scarce =
          others && frame.other_names && frame.shape->names->texts_ahead(t.next) != UINT32_MAX;
      for (char32_t c = first; c <= (is_scarce ? last : first); ++c) {
        ValueHash longer = hash;
        longer.add(c);
        if (is_live_between_characters(frame, t.next, longer, others, order)) return true;
      }
    }
  return false;
}

Ref<ObjectFrame> with_member(const ObjectFrame& frame, uint32_t mark, const ValueHash& hash,
                             MemberOrder order) {
  Ref<ObjectFrame> after(new ObjectFrame(frame));
  ++after->count;
  after->member = mark;
  after->name = hash;
  const ObjectShape& shape = *frame.shape;
  const bool is_listed = mark < shape.first_other();
  if (!is_listed) after->other_names = HashSet::with(frame.other_names, hash);
  if (order == MemberOrder::kOfShape) {
    after->next = is_listed ? mark : static_cast<uint32_t>(shape.listed.size());
  } else if (is_listed) {
    after->seen.resize((shape.listed.size() + 63) / 64);
    after->seen[(mark - 1) / 64] |= uint64_t{1} << ((mark - 1) % 64);
  }
  return after;
}

void count(ArrayFrame& frame, size_t k) {
  const ArrayShape::Counted& counted = frame.shape->counted[k];
  if (counted.most != UINT32_MAX || frame.counts[k] < counted.least) ++frame.counts[k];
}

bool can_finish(const ArrayFrame& frame) {
  const ArrayShape& shape = *frame.shape;
  if (frame.index > shape.most) return false;
  if (shape.counted.empty()) return true;
  for (size_t k = 0; k < shape.counted.size(); ++k)
    if (frame.counts[k] > shape.counted[k].most) return false;
  if (shape.counted.size() > 1) return true;  // all of them without an upper bound, in arrays without one
  const ArrayShape::Counted& counted = shape.counted[0];
  const uint64_t wanted = counted.least > frame.counts[0] ? counted.least - frame.counts[0] : 0;
  const uint64_t allowed = counted.most - frame.counts[0];
  const uint64_t least = shape.least > frame.index ? shape.least - frame.index : 0;
  const uint64_t prefix = shape.prefix.size() > frame.index ? shape.prefix.size() - frame.index : 0;
  const uint64_t enough = std::max(least, prefix + wanted) + 1;
  uint64_t forced = 0, possible = 0;  // items that are counted among the next n
  for (uint64_t n = 0; n <= std::min<uint64_t>(enough, shape.most - frame.index); ++n) {
    if (n >= least && forced <= allowed && possible >= wanted) return true;
    const ArrayShape::Position& position = shape.at(frame.index + static_cast<uint32_t>(n));
    const bool with = position[1] != kNoGoal, without = position[0] != kNoGoal;
    if (!with && !without) return false;
    if (with) ++possible;
    if (!without) ++forced;
  }
  return false;
}

bool may_end(const ArrayFrame& frame) {
  if (frame.index < frame.shape->least) return false;
  for (size_t k = 0; k < frame.shape->counted.size(); ++k)
    if (frame.counts[k] < frame.shape->counted[k].least || frame.counts[k] > frame.shape->counted[k].most)
      return false;
  return true;
}

}  // namespace ferrum::grammar
