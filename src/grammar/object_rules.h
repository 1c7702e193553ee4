// Which members may come next in an object, such that it can still be completed.
#pragma once
#include "grammar/threads.h"

namespace ferrum::grammar {

enum class MemberOrder { kOfShape, kAny };
inline MemberOrder order_of(const ObjectShape& shape) {
  return shape.in_any_order ? MemberOrder::kAny : MemberOrder::kOfShape;
}

// The members so far can be completed to an object of the shape.
bool can_finish(const ObjectFrame& frame, MemberOrder order);
// … and are one.
bool may_end(const ObjectFrame& frame, MemberOrder order);
// Listed member `i` may come next.
bool may_come(const ObjectFrame& frame, uint32_t i, MemberOrder order);
// A member whose name is not listed may come next.
bool may_other_come(const ObjectFrame& frame, MemberOrder order);
// Whether a name that has led to `state` can become one that may come next.
bool is_live_name(const ObjectFrame& frame, uint32_t state, uint32_t decoding, const ValueHash& hash,
                  MemberOrder order);
// … where it is known whether a member whose name is not listed may come.
bool is_live_name(const ObjectFrame& frame, uint32_t state, uint32_t decoding, const ValueHash& hash,
                  MemberOrder order, bool others);
// `frame` with a member marked `mark` begun.
Ref<ObjectFrame> with_member(const ObjectFrame& frame, uint32_t mark, const ValueHash& hash,
                             MemberOrder order);

// Whether some text on from `state`, whose first character is one of `first` to `last`, is marked by
// `is_counted` and has a hash that is not in `used`.
bool has_unused(const Automaton& automaton, uint32_t state, const ValueHash& hash, const HashSet* used,
                uint32_t first_mark, char32_t first, char32_t last);

// Counts an item for counted schema `k`; without an upper bound no further than it wants.
void count(ArrayFrame& frame, size_t k);
// Whether the items so far can be completed to an array of the shape.
bool can_finish(const ArrayFrame& frame);
bool may_end(const ArrayFrame& frame);

}  // namespace ferrum::grammar
