// Threads in rules: automata that call each other. A rule that several threads call at one place is entered
// once, with a frame that knows where each of them goes on.
#include <algorithm>
#include <map>

#include "grammar/threads.h"

namespace ferrum::grammar {

void Stepper::enter_rule(uint32_t rule, uint32_t state, const FrameRef& frame, Threads& out) const {
  Thread thread;
  thread.at = Thread::At::kRule;
  thread.frame = frame;
  thread.count = rule;
  thread.state = state;
  thread.automaton = program_.rules[rule].automaton.get();
  out.push_back(std::move(thread));
}

void Stepper::feed_rule(const Thread& thread, uint8_t byte, Threads& out) const {
  const Decoded decoded = decode_utf8(thread.decoding, byte);
  if (decoded.kind == Decoded::Kind::kDead) return;
  Thread next = thread;
  next.decoding = decoded.state;
  if (decoded.kind == Decoded::Kind::kCharacter) {
    next.state = thread.automaton->next(thread.state, decoded.character);
    if (next.state == Automaton::kDead) return;
  } else if (!is_possible(*thread.automaton, thread.state, 0, decoded.state)) {
    return;
  }
  out.push_back(std::move(next));
}

void Stepper::call_rules(Threads& threads) const {
  // The frame of each rule that is called here; it grows while callers are found.
  std::map<uint32_t, CallFrame*> called;
  Threads all;
  std::vector<Thread> todo(threads.rbegin(), threads.rend());
  const auto add = [&](Thread thread) {
    if (std::find(all.begin(), all.end(), thread) == all.end() &&
        std::find(todo.begin(), todo.end(), thread) == todo.end())
      todo.push_back(std::move(thread));
  };
  while (!todo.empty()) {
    const Thread thread = std::move(todo.back());
    todo.pop_back();
    if (std::find(all.begin(), all.end(), thread) != all.end()) continue;
    all.push_back(thread);
    if (thread.at != Thread::At::kRule || thread.decoding != 0) continue;
    const Rule& rule = program_.rules[thread.count];
    if (rule.automaton->mark(thread.state) != 0) {
      Threads after;
      complete(thread.frame, {}, after);
      for (Thread& one : after) add(std::move(one));
    }
    for (const Rule::Call& call : rule.calls[thread.state]) {
      // Where nothing is left to do behind the call, its end is the caller's.
      std::vector<CallFrame::Return> returns;
      if (rule.is_last[call.then] && thread.frame->kind == Frame::Kind::kCall)
        returns = static_cast<const CallFrame&>(*thread.frame).returns;
      else if (rule.is_last[call.then] && thread.frame->kind == Frame::Kind::kRoot) {
        Threads entered;
        enter_rule(call.rule, 0, thread.frame, entered);
        add(std::move(entered[0]));
        continue;
      } else {
        returns = {{thread.frame, thread.count, call.then}};
      }
      const auto known = called.find(call.rule);
      if (known == called.end()) {
        Ref<CallFrame> frame(new CallFrame);
        frame->returns = std::move(returns);
        called.emplace(call.rule, frame.get());
        enter_rule(call.rule, 0, FrameRef(frame.get()), todo);
        continue;
      }
      const bool is_nullable = program_.rules[call.rule].automaton->mark(0) != 0;
      for (CallFrame::Return& to : returns) {
        auto& present = known->second->returns;
        const bool is_known =
            std::any_of(present.begin(), present.end(), [&](const CallFrame::Return& other) {
              return other.frame == to.frame && other.rule == to.rule && other.state == to.state;
            });
        if (is_known) continue;
        if (is_nullable) {
          Threads after;
          enter_rule(to.rule, to.state, to.frame, after);
          add(std::move(after[0]));
        }
        present.push_back(std::move(to));
      }
    }
  }
  threads = std::move(all);
}

}  // namespace ferrum::grammar
