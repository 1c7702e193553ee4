// Threads in rules: automata that call each other, and what a structure's graph calls. A rule that several
// threads call at one place is entered once, with a frame that knows where each of them goes on.
#include <algorithm>
#include <map>
#include <tuple>

#include "grammar/structure_graph.h"
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

void Stepper::resume(const CallFrame::Return& to, Threads& out) const {
  if (to.rule != CallFrame::kGraph) return enter_rule(to.rule, to.state, to.frame, out);
  Thread thread;
  thread.at = Thread::At::kGraph;
  thread.frame = to.frame;
  thread.state = to.state;
  out.push_back(std::move(thread));
}

void Stepper::feed_rule(const Thread& thread, uint8_t byte, Threads& out) const {
  const Decoded decoded =
      thread.in_string ? decode_json(thread.decoding, byte) : decode_utf8(thread.decoding, byte);
  if (decoded.kind == Decoded::Kind::kDead || decoded.kind == Decoded::Kind::kQuote) return;
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
  // The frames of the rules and goals that are called here; they grow while callers are found. A rule is
  // called anew where it is written or looked through in another way.
  std::map<std::tuple<uint32_t, bool, const ByteSearch*, uint32_t>, CallFrame*> called_rules;
  std::map<uint32_t, CallFrame*> called_goals;
  Threads all, kept;
  std::vector<Thread> todo(threads.rbegin(), threads.rend());
  const auto add = [&](Thread thread) {
    if (std::find(all.begin(), all.end(), thread) == all.end() &&
        std::find(todo.begin(), todo.end(), thread) == todo.end())
      todo.push_back(std::move(thread));
  };
  // What goes on in the same text as `from`.
  const auto inherit = [](const Thread& from, Thread& to) {
    if (to.at == Thread::At::kGraph || to.at == Thread::At::kEnd) return;
    to.in_string = from.in_string && to.at == Thread::At::kRule;
    to.search = from.search;
    to.found = from.found;
  };
  const auto add_completed = [&](const Thread& ended) {
    Threads after;
    complete(ended.frame, {}, after);
    for (Thread& one : after) {
      inherit(ended, one);
      add(std::move(one));
    }
  };
  const auto add_resumed = [&](const CallFrame::Return& to, const Thread* from) {
    Threads after;
    resume(to, after);
    if (from != nullptr) inherit(*from, after[0]);
    add(std::move(after[0]));
  };
  // `from`: the rule that calls; null where a structure does.
  const auto call_rule = [&](uint32_t rule, const Thread* from, std::vector<CallFrame::Return> returns) {
    static const Thread kPlain;
    const Thread& in = from != nullptr ? *from : kPlain;
    const auto [known, is_new] =
        called_rules.emplace(std::tuple(rule, in.in_string, in.search, in.found), nullptr);
    if (is_new) {
      Ref<CallFrame> frame(new CallFrame);
      frame->returns = std::move(returns);
      known->second = frame.get();
      enter_rule(rule, 0, FrameRef(frame.get()), todo);
      inherit(in, todo.back());
      return;
    }
    const bool is_nullable = program_.rules[rule].automaton->mark(0) != 0;
    for (CallFrame::Return& to : returns) {
      auto& present = known->second->returns;
      if (std::find(present.begin(), present.end(), to) != present.end()) continue;
      if (is_nullable) add_resumed(to, from);
      present.push_back(std::move(to));
    }
  };
  const auto call_goal = [&](GoalId goal, CallFrame::Return to) {
    const auto [known, is_new] = called_goals.emplace(goal, nullptr);
    if (is_new) {
      Ref<CallFrame> frame(new CallFrame);
      known->second = frame.get();
      Thread value;
      value.at = Thread::At::kValue;
      value.state = goal;
      value.space = static_cast<uint8_t>(program_.max_space);  // none around the value
      value.frame = FrameRef(frame.get());
      todo.push_back(std::move(value));
    }
    auto& present = known->second->returns;
    if (std::find(present.begin(), present.end(), to) == present.end()) present.push_back(std::move(to));
  };
  while (!todo.empty()) {
    const Thread thread = std::move(todo.back());
    todo.pop_back();
    if (std::find(all.begin(), all.end(), thread) != all.end()) continue;
    all.push_back(thread);
    if (thread.at == Thread::At::kGraph) {
      const GraphState& state = program_.graph->states[thread.state];
      const auto go_on = [&](uint32_t next) {
        add_resumed({thread.frame, CallFrame::kGraph, next}, nullptr);
      };
      switch (state.kind) {
        case GraphState::Kind::kSplit:
          for (const uint32_t next : state.targets) go_on(next);
          continue;
        case GraphState::Kind::kValue:
          call_goal(state.target, {thread.frame, CallFrame::kGraph, state.next});
          continue;
        case GraphState::Kind::kRule:
          call_rule(state.target, nullptr, {{thread.frame, CallFrame::kGraph, state.next}});
          continue;
        case GraphState::Kind::kEnd: {
          Threads after;
          complete(thread.frame, {}, after);
          for (Thread& one : after) add(std::move(one));
          continue;
        }
        case GraphState::Kind::kOpen: {
          Threads opened;
          open_members(thread, opened);
          for (Thread& one : opened) add(std::move(one));
          continue;
        }
        case GraphState::Kind::kIfMember:
        case GraphState::Kind::kIfEnd:
        case GraphState::Kind::kIfText:
        case GraphState::Kind::kIfJson:
          if (may_go_on(thread)) go_on(state.next);
          continue;
        case GraphState::Kind::kName:
          begin_raw_name(thread.frame, kept);
          continue;
        case GraphState::Kind::kMemberValue: {
          Threads begun;
          begin_written_value(thread.frame, state.target, begun);
          for (Thread& one : begun) add(std::move(one));
          continue;
        }
        case GraphState::Kind::kClose: {
          Threads after;
          complete(static_cast<const ObjectFrame&>(*thread.frame).parent, {}, after);
          for (Thread& one : after) add(std::move(one));
          continue;
        }
        case GraphState::Kind::kSpace:
          go_on(state.next);
          break;
        case GraphState::Kind::kLiteral:
        case GraphState::Kind::kBranch:
        case GraphState::Kind::kText:
          break;
      }
      kept.push_back(thread);
      continue;
    }
    kept.push_back(thread);
    if (thread.at != Thread::At::kRule || thread.decoding != 0) continue;
    const Rule& rule = program_.rules[thread.count];
    if (rule.automaton->mark(thread.state) != 0) add_completed(thread);
    for (const Rule::Call& call : rule.calls[thread.state]) {
      // Where nothing is left to do behind the call, its end is the caller's.
      if (rule.is_last[call.then] && thread.frame->kind == Frame::Kind::kCall) {
        call_rule(call.rule, &thread, static_cast<const CallFrame&>(*thread.frame).returns);
      } else if (rule.is_last[call.then] && thread.frame->kind == Frame::Kind::kRoot) {
        Threads entered;
        enter_rule(call.rule, 0, thread.frame, entered);
        inherit(thread, entered[0]);
        add(std::move(entered[0]));
      } else {
        call_rule(call.rule, &thread, {{thread.frame, thread.count, call.then}});
      }
    }
  }
  threads = std::move(kept);
}

}  // namespace ferrum::grammar
