#include "grammar/threads.h"

#include <algorithm>
#include <cstring>

#include "grammar/distinct_values.h"
#include "grammar/object_rules.h"
#include "grammar/spelling.h"
#include "grammar/structure_graph.h"
#include "grammar/thread_joins.h"

namespace ferrum::grammar {
namespace {

using At = Thread::At;

bool is_space(uint8_t byte) { return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t'; }

Thread at(At where, FrameRef frame) {
  Thread thread;
  thread.at = where;
  thread.frame = std::move(frame);
  return thread;
}

bool is_spelled_right(const Program& program, const Thread& thread, uint8_t byte, const Decoded& decoded) {
  if (program.takes_any_writing || !spelling::is_known(thread)) return true;
  return spelling::takes(thread, byte, decoded);
}

}  // namespace

Threads Stepper::start() const {
  Threads out;
  const FrameRef root(new Frame(Frame::Kind::kRoot, false));
  if (program_.root == kNoGoal) {
    resume({root, program_.graph ? CallFrame::kGraph : 0, program_.graph ? program_.graph->start : 0}, out);
    call_rules(out);
    return out;
  }
  out.push_back(at(At::kValue, root));
  out.back().state = program_.root;
  out.back().space = static_cast<uint8_t>(program_.max_space);  // none around the value
  return out;
}

Threads Stepper::step(const Threads& threads, uint8_t byte) const {
  Threads out;
  for (const Thread& thread : threads) {
    const size_t before = out.size();
    feed(thread, byte, out);
    if (thread.search) keep_guarded(thread, byte, before, out);
  }
  follow(out);
  return out;
}

void Stepper::follow(Threads& out) const {
  if (program_.has_calls()) call_rules(out);
  if (out.size() < 2 || (program_.root == kNoGoal && !program_.graph)) return;
  join_alike(out);
}

void Stepper::feed(const Thread& thread, uint8_t byte, Threads& out) const {
  switch (thread.at) {
    case At::kEnd:
      return;
    case At::kString:
      return feed_string(thread, byte, out);
    case At::kNumber:
      return feed_number(thread, byte, out);
    case At::kName:
      return feed_name(thread, byte, out);
    case At::kRule:
      return feed_rule(thread, byte, out);
    case At::kQuote:
      if (byte == '"') complete(thread.frame, {}, out);
      return;
    case At::kRawName:
    case At::kRawText:
      return feed_raw(thread, byte, out);
    case At::kGraph:
      return feed_graph(thread, byte, out);
    case At::kLiteral:
      if (static_cast<uint8_t>(*thread.rest) != byte) return;
      if (thread.rest[1] == '\0') return complete(thread.frame, thread.hash, out);
      out.push_back(thread);
      ++out.back().rest;
      return;
    default:
      break;
  }
  if (is_space(byte)) {
    if (thread.space >= program_.max_space) return;
    out.push_back(thread);
    ++out.back().space;
    return;
  }
  if (thread.at == At::kValue) return begin_value(thread, byte, out);
  feed_structure(thread, byte, out);
}

void Stepper::begin_value(const Thread& thread, uint8_t byte, Threads& out) const {
  const Goal& goal = program_.goals[thread.state];
  const bool hashed = thread.frame->is_hashed;
  const ArrayFrame* unique = unique_array(thread.frame);
  const auto literal = [&](bool is_taken, const char* whole) {
    if (!is_taken) return;
    Thread next = at(At::kLiteral, thread.frame);
    next.rest = whole + 1;
    if (hashed) next.hash = hash_of(ValueKind::kLiteral, whole);
    if (!unique || !HashSet::contains(unique->used.get(), next.hash)) out.push_back(std::move(next));
  };
  switch (byte) {
    case 'n':
      return literal(goal.takes_null, "null");
    case 't':
      return literal(goal.takes_true, "true");
    case 'f':
      return literal(goal.takes_false, "false");
    case '"': {
      if (goal.text_rule != kNoRule) {
        const Ref<TextFrame> frame(new TextFrame(thread.frame));
        enter_rule(goal.text_rule, 0, FrameRef(frame.get()), out);
        out.back().in_string = true;
        return;
      }
      if (!goal.strings) return;
      Thread next = at(At::kString, thread.frame);
      next.automaton = goal.strings.get();
      return push_live(std::move(next), out);
    }
    case '[':
      for (const uint32_t shape : goal.arrays) {
        const ArrayShape& array = program_.arrays[shape];
        const Ref<ArrayFrame> frame(new ArrayFrame(array, thread.frame, hashed || array.is_unique));
        out.push_back(at(At::kFirstItem, FrameRef(frame.get())));
      }
      return;
    case '{':
      for (const uint32_t shape : goal.objects) {
        const Ref<ObjectFrame> frame(new ObjectFrame(program_.objects[shape], thread.frame, hashed));
        out.push_back(at(At::kFirstName, FrameRef(frame.get())));
      }
      return;
    default:
      begin_number(thread, byte, out);
  }
}

void Stepper::push_live(Thread thread, Threads& out) const {
  if (is_live(thread)) out.push_back(std::move(thread));
}

void Stepper::feed_string(const Thread& thread, uint8_t byte, Threads& out) const {
  const Decoded decoded = decode_json(thread.decoding, byte);
  if (decoded.kind == Decoded::Kind::kDead) return;
  if (decoded.kind == Decoded::Kind::kQuote) return end_string(thread, out);
  if (!is_spelled_right(program_, thread, byte, decoded)) return;
  Thread next = thread;
  next.decoding = decoded.state;
  if (decoded.kind == Decoded::Kind::kCharacter) {
    next.state = thread.automaton->next(thread.state, decoded.character);
    if (next.state == Automaton::kDead) return;
    next.count = std::min(thread.count + 1, thread.automaton->most_counted());
    if (next.frame->is_hashed) next.hash.add(decoded.character);
  }
  push_live(std::move(next), out);
}

void Stepper::end_string(const Thread& thread, Threads& out) const {
  if (thread.at == At::kName) return end_name(thread, out);
  if (!thread.automaton->accepts(thread.state, thread.count)) return;
  complete(thread.frame, thread.frame->is_hashed ? hash_of(ValueKind::kString, thread.hash) : ValueHash{},
           out);
}

Threads Stepper::behind_string(const Thread& thread) const {
  Threads out;
  end_string(thread, out);
  follow(out);
  return out;
}

Threads Stepper::beside_rule(const Thread& thread) const {
  Threads out = {thread};
  follow(out);
  std::erase(out, thread);
  return out;
}

void Stepper::feed_name(const Thread& thread, uint8_t byte, Threads& out) const {
  const Decoded decoded = decode_json(thread.decoding, byte);
  if (decoded.kind == Decoded::Kind::kDead) return;
  if (decoded.kind == Decoded::Kind::kQuote) return end_name(thread, out);
  if (!is_spelled_right(program_, thread, byte, decoded)) return;
  Thread next = thread;
  next.decoding = decoded.state;
  if (decoded.kind == Decoded::Kind::kCharacter) {
    next.state = thread.automaton->next(thread.state, decoded.character);
    if (next.state == Automaton::kDead) return;
    if (needs_hash(thread)) next.hash.add(decoded.character);
  }
  push_live(std::move(next), out);
}

void Stepper::end_name(const Thread& thread, Threads& out) const {
  const auto& frame = static_cast<const ObjectFrame&>(*thread.frame);
  const MemberOrder order = order_of(*frame.shape);
  const uint32_t mark = thread.automaton->mark(thread.state);
  if (mark == 0) return;
  if (mark < frame.shape->first_other()) {
    if (!may_come(frame, mark - 1, order)) return;
  } else if (!may_other_come(frame, order) || HashSet::contains(frame.other_names.get(), thread.hash)) {
    return;
  }
  const Ref<ObjectFrame> next = with_member(frame, mark, thread.hash, order);
  if (frame.form)
    resume({FrameRef(next.get()), CallFrame::kGraph, frame.form->between}, out);
  else
    out.push_back(at(At::kColon, FrameRef(next.get())));
}

void Stepper::begin_member_value(const ObjectFrame& frame, Threads& out) const {
  for (auto& [next, goal] : member_goals(frame)) {
    out.push_back(at(At::kValue, std::move(next)));
    out.back().state = goal;
  }
}

// What the value of the member that was begun may be, each with the frame that it leads to.
std::vector<std::pair<FrameRef, uint32_t>> Stepper::member_goals(const ObjectFrame& frame) const {
  std::vector<std::pair<FrameRef, uint32_t>> out;
  const ObjectShape& shape = *frame.shape;
  const MemberOrder order = order_of(shape);
  const ObjectShape::Member& member = frame.member < shape.first_other()
                                          ? shape.listed[frame.member - 1]
                                          : shape.others[frame.member - shape.first_other()];
  for (const Choice& choice : member.choices) {
    FrameRef next(&frame);
    if (shape.duties != 0) {
      Ref<ObjectFrame> met(new ObjectFrame(frame));
      met->duties &= ~choice.duties;
      if (!can_finish(*met, order)) continue;
      next = FrameRef(met.get());
    }
    out.emplace_back(std::move(next), choice.goal);
  }
  return out;
}

void Stepper::begin_items(const ArrayFrame& frame, Threads& out) const {
  const ArrayShape& shape = *frame.shape;
  if (frame.index >= shape.most) return;
  if (shape.is_unique && HashSet::size_of(frame.used.get()) >= shape.values) return;
  const ArrayShape::Position& position = shape.at(frame.index);
  for (uint32_t set = 0; set < position.size(); ++set) {
    if (position[set] == kNoGoal) continue;
    Ref<ArrayFrame> next(new ArrayFrame(frame));
    ++next->index;
    for (size_t k = 0; k < shape.counted.size(); ++k)
      if (set >> k & 1) count(*next, k);
    if (!can_finish(*next)) continue;
    Thread value = at(At::kValue, FrameRef(next.get()));
    value.state = position[set];
    out.push_back(std::move(value));
  }
}

void Stepper::feed_structure(const Thread& thread, uint8_t byte, Threads& out) const {
  if (thread.at == At::kFirstItem || thread.at == At::kAfterItem) {
    const auto& frame = static_cast<const ArrayFrame&>(*thread.frame);
    if (byte == ']') {
      if (may_end(frame)) complete(frame.parent, hash_of(ValueKind::kArray, frame.items), out);
    } else if (thread.at == At::kFirstItem) {
      Threads items;
      begin_items(frame, items);
      for (const Thread& item : items) begin_value(item, byte, out);
    } else if (byte == ',') {
      begin_items(frame, out);
    }
    return;
  }
  const auto& frame = static_cast<const ObjectFrame&>(*thread.frame);
  switch (thread.at) {
    case At::kFirstName:
    case At::kNextName:
      if (byte == '"') {
        Thread name = at(At::kName, thread.frame);
        name.automaton = frame.shape->names.get();
        push_live(std::move(name), out);
        return;
      }
      if (byte != '}' || thread.at == At::kNextName) return;
      break;
    case At::kColon:
      if (byte == ':') begin_member_value(frame, out);
      return;
    case At::kAfterMember:
      if (byte == ',') {
        Thread name = at(At::kName, thread.frame);
        name.automaton = frame.shape->names.get();
        if (is_live(name)) out.push_back(at(At::kNextName, thread.frame));
        return;
      }
      if (byte != '}') return;
      break;
    default:
      return;
  }
  if (may_end(frame, order_of(*frame.shape)))
    complete(frame.parent, hash_of(ValueKind::kObject, frame.members), out);
}

void Stepper::complete(const FrameRef& frame, const ValueHash& hash, Threads& out) const {
  switch (frame->kind) {
    case Frame::Kind::kRoot:
      out.push_back(at(At::kEnd, frame));
      return;
    case Frame::Kind::kJoin:
      for (const FrameRef& parent : static_cast<const JoinFrame&>(*frame).parents)
        complete(parent, hash, out);
      return;
    case Frame::Kind::kObject: {
      if (const MembersForm* form = static_cast<const ObjectFrame&>(*frame).form)
        return resume({frame, CallFrame::kGraph, form->after_json}, out);
      if (!frame->is_hashed) return out.push_back(at(At::kAfterMember, frame));
      Ref<ObjectFrame> next(new ObjectFrame(static_cast<const ObjectFrame&>(*frame)));
      ValueHash member = next->name;
      member.add(hash);
      next->members.high += member.high;  // a sum: members have no order
      next->members.low += member.low;
      return out.push_back(at(At::kAfterMember, FrameRef(next.get())));
    }
    case Frame::Kind::kArray: {
      const auto& array = static_cast<const ArrayFrame&>(*frame);
      if (!array.is_hashed) return out.push_back(at(At::kAfterItem, frame));
      Ref<ArrayFrame> next(new ArrayFrame(array));
      next->items.add(hash);
      if (array.shape->is_unique) {
        if (HashSet::contains(array.used.get(), hash)) return;
        next->used = HashSet::with(array.used, hash);
      }
      return out.push_back(at(At::kAfterItem, FrameRef(next.get())));
    }
    case Frame::Kind::kText:
      return out.push_back(at(At::kQuote, static_cast<const TextFrame&>(*frame).parent));
    case Frame::Kind::kCall:
      for (const CallFrame::Return& to : static_cast<const CallFrame&>(*frame).returns) resume(to, out);
      return;
  }
}

bool Stepper::is_complete(const Threads& threads) const {
  for (const Thread& thread : threads) {
    if (thread.at == At::kEnd) return true;
    if (thread.at == At::kGraph && program_.graph->states[thread.state].may_end) return true;
    if (thread.at == At::kNumber && is_complete(behind_number(thread))) return true;
  }
  return false;
}

}  // namespace ferrum::grammar
