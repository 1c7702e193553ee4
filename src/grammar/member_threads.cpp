// Threads in an object whose members are not written as JSON. A name and a text end where what follows them
// begins.
#include "grammar/object_rules.h"
#include "grammar/structure_graph.h"
#include "grammar/threads.h"

namespace ferrum::grammar {
namespace {

using At = Thread::At;
using Kind = GraphState::Kind;

const ObjectFrame& object_of(const FrameRef& frame) { return static_cast<const ObjectFrame&>(*frame); }

}  // namespace

void Stepper::open_members(const Thread& thread, Threads& out) const {
  const GraphState& state = program_.graph->states[thread.state];
  const MembersForm& form = *program_.graph->forms[state.target];
  const Ref<CallFrame> call(new CallFrame);
  call->returns = {{thread.frame, CallFrame::kGraph, state.next}};
  for (const ObjectShape& shape : form.shapes) {
    const Ref<ObjectFrame> frame(new ObjectFrame(shape, FrameRef(call.get()), false));
    frame->form = &form;
    resume({FrameRef(frame.get()), CallFrame::kGraph, form.members}, out);
  }
}

bool Stepper::may_go_on(const Thread& thread) const {
  const ObjectFrame& frame = object_of(thread.frame);
  switch (program_.graph->states[thread.state].kind) {
    case Kind::kIfMember:
      return is_live_name(frame, 0, 0, {}, order_of(*frame.shape));
    case Kind::kIfEnd:
      return may_end(frame, order_of(*frame.shape));
    case Kind::kIfText:
      for (const auto& [next, value] : member_goals(frame))
        if (frame.form->values[value].is_text()) return true;
      return false;
    case Kind::kIfJson:
      for (const auto& [next, value] : member_goals(frame))
        if (frame.form->values[value].json != kNoGoal) return true;
      return false;
    default:
      return true;
  }
}

void Stepper::begin_raw_name(const FrameRef& frame, Threads& out) const {
  Thread name;
  name.at = At::kRawName;
  name.frame = frame;
  name.automaton = object_of(frame).shape->names.get();
  push_live(std::move(name), out);
}

// In a name or a text, or in what begins behind it.
void Stepper::feed_raw(const Thread& thread, uint8_t byte, Threads& out) const {
  const bool in_name = thread.at == At::kRawName;
  const Decoded decoded = decode_utf8(thread.decoding, byte);
  if (decoded.kind != Decoded::Kind::kDead) {
    Thread next = thread;
    next.decoding = decoded.state;
    if (decoded.kind == Decoded::Kind::kCharacter) {
      next.state = thread.automaton->next(thread.state, decoded.character);
      if (!in_name)
        next.count = std::min(thread.count + 1, thread.automaton->most_counted());
      else if (needs_hash(thread))
        next.hash.add(decoded.character);
    }
    if (next.state != Automaton::kDead) push_live(std::move(next), out);
  }
  const MembersForm& form = *object_of(thread.frame).form;
  if (!(in_name ? form.between_first : form.after_first)[byte]) return;
  for (const Thread& after : behind_raw(thread)) feed(after, byte, out);
}

void Stepper::begin_written_value(const FrameRef& frame, uint32_t ways, Threads& out) const {
  const MembersForm& form = *object_of(frame).form;
  for (const auto& [next, number] : member_goals(object_of(frame))) {
    const MemberValue& value = form.values[number];
    if ((ways & 1) != 0 && value.text) {
      Thread text;
      text.at = At::kRawText;
      text.frame = next;
      text.automaton = value.text.get();
      out.push_back(std::move(text));
    }
    if ((ways & 1) != 0 && value.text_rule != kNoRule) {
      const Ref<CallFrame> call(new CallFrame);
      call->returns = {{next, CallFrame::kGraph, form.after_text}};
      enter_rule(value.text_rule, 0, FrameRef(call.get()), out);
      out.back().search = form.search.get();
    }
    if ((ways & 2) != 0 && value.json != kNoGoal) {
      Thread json;
      json.at = At::kValue;
      json.frame = next;
      json.state = value.json;
      json.space = static_cast<uint8_t>(program_.max_space);
      json.search = form.search.get();
      out.push_back(std::move(json));
    }
  }
}

// What follows a name or a text that may end here.
Threads Stepper::behind_raw(const Thread& thread) const {
  Threads out;
  if (thread.decoding != 0) return out;
  if (thread.at == At::kRawName) {
    end_name(thread, out);
  } else if (thread.automaton->accepts(thread.state, thread.count)) {
    resume({thread.frame, CallFrame::kGraph, object_of(thread.frame).form->after_text}, out);
  }
  call_rules(out);
  return out;
}

// Of the threads that `byte` made of one in a value of JSON, those that are in it still, and contain nothing
// that would end it.
void Stepper::keep_guarded(const Thread& thread, uint8_t byte, size_t from, Threads& out) const {
  const uint32_t found = thread.search->step(thread.found, byte);
  size_t kept = from;
  for (size_t i = from; i < out.size(); ++i) {
    Thread& next = out[i];
    const bool is_inside = next.at != At::kGraph && next.at != At::kEnd;
    if (is_inside && found == ByteSearch::kFound) continue;
    if (is_inside) {
      next.search = thread.search;
      next.found = found;
    }
    if (kept != i) out[kept] = std::move(next);
    ++kept;
  }
  out.resize(kept);
}

}  // namespace ferrum::grammar
