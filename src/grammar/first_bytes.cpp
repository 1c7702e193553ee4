#include "grammar/first_bytes.h"

#include <string_view>

#include "grammar/structure_graph.h"

namespace ferrum::grammar {
namespace {

using At = Thread::At;
using Bytes = std::bitset<256>;

void add(Bytes& out, std::string_view bytes) {
  for (const char byte : bytes) out.set(static_cast<uint8_t>(byte));
}

void add_range(Bytes& out, unsigned first, unsigned last) {
  for (unsigned byte = first; byte <= last; ++byte) out.set(byte);
}

// Characters in UTF-8.
void add_characters(Bytes& out, const Automaton& automaton, uint32_t state) {
  for (const Automaton::Transition& t : automaton.transitions(state)) {
    if (t.first < 0x80) add_range(out, t.first, std::min<char32_t>(t.last, 0x7F));
    if (t.last >= 0x80) add_range(out, 0xC2, 0xF4);
  }
}

void add_string(Bytes& out, const Thread& thread) {
  if (thread.decoding != 0) return add_range(out, 0x22, 0xBF);  // escapes and UTF-8
  add(out, "\"\\");
  Bytes characters;
  add_characters(characters, *thread.automaton, thread.state);
  for (unsigned byte = 0x20; byte < 256; ++byte)
    if (characters[byte]) out.set(byte);
}

void add_value(Bytes& out, const Goal& goal) {
  if (goal.takes_null) out.set('n');
  if (goal.takes_true) out.set('t');
  if (goal.takes_false) out.set('f');
  if (goal.strings || goal.text_rule != kNoRule) out.set('"');
  if (!goal.arrays.empty()) out.set('[');
  if (!goal.objects.empty()) out.set('{');
  if (goal.numbers) add(out, "-0123456789");
}

void add_state(Bytes& out, const GraphState& state, const Thread& thread) {
  switch (state.kind) {
    case GraphState::Kind::kLiteral:
      return add(out, std::string_view(state.text).substr(thread.count, 1));
    case GraphState::Kind::kBranch:
      for (const auto& edge : state.edges) out.set(edge.first);
      return;
    case GraphState::Kind::kSpace:
      return add(out, " \n\r\t");
    default:
      out.set();
  }
}

}  // namespace

std::bitset<256> first_bytes(const Program& program, const Threads& threads) {
  Bytes out;
  for (const Thread& thread : threads) {
    const bool may_have_space = thread.space < program.max_space;
    switch (thread.at) {
      case At::kEnd:
        continue;
      case At::kString:
      case At::kName:
        add_string(out, thread);
        continue;
      case At::kLiteral:
        out.set(static_cast<uint8_t>(*thread.rest));
        continue;
      case At::kQuote:
        out.set('"');
        continue;
      case At::kRule:
        if (thread.in_string)
          add_string(out, thread);
        else if (thread.decoding != 0)
          add_range(out, 0x80, 0xBF);
        else
          add_characters(out, *thread.automaton, thread.state);
        continue;
      case At::kGraph:
        add_state(out, program.graph->states[thread.state], thread);
        continue;
      case At::kValue:
        add_value(out, program.goals[thread.state]);
        break;
      case At::kFirstName:
        add(out, "\"}");
        break;
      case At::kNextName:
        out.set('"');
        break;
      case At::kColon:
        out.set(':');
        break;
      case At::kAfterMember:
        add(out, ",}");
        break;
      case At::kAfterItem:
        add(out, ",]");
        break;
      case At::kRawName:
      case At::kRawText:
      case At::kNumber:
      case At::kFirstItem:
        out.set();
        return out;
    }
    if (may_have_space) add(out, " \n\r\t");
  }
  return out;
}

}  // namespace ferrum::grammar
