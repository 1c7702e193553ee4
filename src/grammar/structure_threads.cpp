// Threads in the graph of a structure. A thread in free text stands for all that may begin there as well.
#include <algorithm>

#include "grammar/structure_graph.h"
#include "grammar/threads.h"

namespace ferrum::grammar {
namespace {

using At = Thread::At;
using Kind = GraphState::Kind;

bool is_space(uint8_t byte) { return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t'; }

Thread in_graph(uint32_t state, const FrameRef& frame) {
  Thread thread;
  thread.at = At::kGraph;
  thread.state = state;
  thread.frame = frame;
  return thread;
}

}  // namespace

void Stepper::feed_graph(const Thread& thread, uint8_t byte, Threads& out) const {
  const GraphState& state = program_.graph->states[thread.state];
  switch (state.kind) {
    case Kind::kLiteral:
      if (static_cast<uint8_t>(state.text[thread.count]) == byte) go_on_in_literal(thread, 1, out);
      return;
    case Kind::kBranch: {
      const auto edge =
          std::lower_bound(state.edges.begin(), state.edges.end(), std::pair(byte, uint32_t{0}));
      if (edge != state.edges.end() && edge->first == byte)
        out.push_back(in_graph(edge->second, thread.frame));
      return;
    }
    case Kind::kSpace:
      if (!is_space(byte) || thread.count >= state.most) return;
      out.push_back(thread);
      ++out.back().count;
      return;
    case Kind::kText:
      go_on_in_text(thread, {reinterpret_cast<const char*>(&byte), 1}, out);
      if (!state.first[byte]) return;
      for (const Thread& exit : exits_of(thread)) {
        if (exit.at == At::kGraph && program_.graph->states[exit.state].kind == Kind::kText)
          go_on_in_text(exit, {reinterpret_cast<const char*>(&byte), 1}, out);
        else
          feed(exit, byte, out);
      }
      return;
    default:
      return;  // what they lead to stands beside them
  }
}

void Stepper::go_on_in_literal(const Thread& thread, size_t bytes, Threads& out) const {
  const GraphState& state = program_.graph->states[thread.state];
  Thread next = thread;
  next.count += static_cast<uint32_t>(bytes);
  if (next.count == state.text.size()) next = in_graph(state.next, thread.frame);
  out.push_back(std::move(next));
}

void Stepper::go_on_in_text(const Thread& thread, std::string_view bytes, Threads& out) const {
  const ByteSearch& search = *program_.graph->states[thread.state].search;
  Thread next = thread;
  for (const char byte : bytes) {
    next.count = search.step(next.count, static_cast<uint8_t>(byte));
    if (next.count == ByteSearch::kFound) return;
  }
  out.push_back(std::move(next));
}

Threads Stepper::exits_of(const Thread& text) const {
  Threads out;
  const GraphState& state = program_.graph->states[text.state];
  for (const uint32_t exit : state.exits) {
    const GraphState& at = program_.graph->states[exit];
    const bool reads = at.kind == Kind::kLiteral || at.kind == Kind::kBranch || at.kind == Kind::kSpace ||
                       at.kind == Kind::kText;
    if (reads) {
      out.push_back(in_graph(exit, text.frame));
      continue;
    }
    Threads called = {in_graph(exit, text.frame)};
    call_rules(called);
    out.insert(out.end(), called.begin(), called.end());
  }
  return out;
}

Threads Stepper::step_mark(const Threads& threads, std::string_view spelling) const {
  Threads out;
  if (!program_.graph || spelling.empty()) return out;
  for (const Thread& thread : threads) feed_mark(thread, spelling, out);
  follow(out);
  return out;
}

void Stepper::feed_mark(const Thread& thread, std::string_view spelling, Threads& out) const {
  if (thread.at == At::kNumber) {
    for (const Thread& after : behind_number(thread)) feed_mark(after, spelling, out);
    return;
  }
  if (thread.at == At::kRawName || thread.at == At::kRawText) {
    for (const Thread& after : behind_raw(thread)) feed_mark(after, spelling, out);
    return;
  }
  if (thread.at != At::kGraph) return;
  const GraphState& state = program_.graph->states[thread.state];
  if (state.kind == Kind::kLiteral) {
    const std::string_view rest = std::string_view(state.text).substr(thread.count);
    if (state.is_mark && rest.starts_with(spelling)) go_on_in_literal(thread, spelling.size(), out);
    return;
  }
  if (state.kind != Kind::kText) return;
  if (state.is_free) go_on_in_text(thread, spelling, out);
  for (const Thread& exit : exits_of(thread)) {
    if (exit.at != At::kGraph) continue;
    const GraphState& at = program_.graph->states[exit.state];
    if (at.kind != Kind::kText)
      feed_mark(exit, spelling, out);
    else if (at.is_free)
      go_on_in_text(exit, spelling, out);
  }
}

}  // namespace ferrum::grammar
