#include <algorithm>

#include "grammar/distinct_values.h"
#include "grammar/threads.h"

namespace ferrum::grammar {
namespace {

std::string text_of(const Thread& thread) {
  std::string text;
  for (const NumberText* at = thread.text.get(); at; at = at->before.get()) text += at->character;
  std::reverse(text.begin(), text.end());
  return text;
}

}  // namespace

void Stepper::begin_number(const Thread& thread, uint8_t byte, Threads& out) const {
  const Goal& goal = program_.goals[thread.state];
  if (!goal.numbers) return;
  Thread next;
  next.at = Thread::At::kNumber;
  next.frame = thread.frame;
  next.automaton = program_.takes_any_writing ? automaton_of_number_texts().get() : goal.numbers.get();
  next.count = thread.state;
  feed_number(next, byte, out);
}

void Stepper::feed_number(const Thread& thread, uint8_t byte, Threads& out) const {
  const uint32_t next = byte < 0x80 ? thread.automaton->next(thread.state, byte) : Automaton::kDead;
  if (next != Automaton::kDead) {
    Thread longer = thread;
    longer.state = next;
    if (program_.takes_any_writing || thread.frame->is_hashed) {
      Ref<NumberText> text(new NumberText);
      text->before = thread.text;
      text->character = static_cast<char>(byte);
      longer.text = Ref<const NumberText>(text.get());
    }
    const ArrayFrame* unique = program_.takes_any_writing ? nullptr : unique_array(thread.frame);
    std::string text;
    if (!unique || thread.automaton->texts_ahead(next) == UINT32_MAX ||
        has_unused_number(*thread.automaton, next, text = text_of(longer), unique->used.get()))
      out.push_back(std::move(longer));
  }
  for (const Thread& after : behind_number(thread)) feed(after, byte, out);
}

Threads Stepper::behind_number(const Thread& thread) const {
  Threads ended;
  end_number(thread, ended);
  if (program_.has_calls()) call_rules(ended);
  return ended;
}

void Stepper::end_number(const Thread& thread, Threads& out) const {
  if (thread.automaton->mark(thread.state) == 0) return;
  ValueHash hash;
  if (program_.takes_any_writing || thread.frame->is_hashed) {
    const std::string text = text_of(thread);
    if (program_.takes_any_writing &&
        !program_.number_sets->contains(program_.goals[thread.count].number_set, text))
      return;
    hash = number_hash(text);
  }
  complete(thread.frame, hash, out);
}

}  // namespace ferrum::grammar
