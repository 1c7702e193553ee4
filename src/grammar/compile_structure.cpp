#include <algorithm>
#include <map>
#include <set>
#include <span>

#include "base/check.h"
#include "grammar/grammar.h"
#include "grammar/members_form.h"
#include "grammar/program.h"
#include "grammar/rules.h"
#include "grammar/schema/compile_schema.h"
#include "grammar/structure_graph.h"

namespace ferrum::grammar {
namespace {

using Kind = GraphState::Kind;
using NodeKind = StructureNode::Kind;

class GraphBuilder {
 public:
  GraphBuilder(const Structure& structure, const Limits& limits, Program& program, StructureGraph& graph)
      : structure_(structure),
        limits_(limits),
        program_(program),
        states_(graph.states),
        forms_(graph.forms) {}

  uint32_t build() {
    const uint32_t end = add({.kind = Kind::kEnd});
    const uint32_t start = compile(structure_.root, end);
    for (GraphState& state : states_)
      if (state.kind == Kind::kText) find_exits(state);
    return start;
  }

 private:
  // A child of a choice that begins with fixed text, and the nodes that follow it.
  struct Headed {
    std::string head;
    uint32_t tail;
  };

  uint32_t add(GraphState state) {
    if (states_.size() >= limits_.max_total_states)
      throw Refusal("structure", "", "it needs too many states");
    states_.push_back(std::move(state));
    return static_cast<uint32_t>(states_.size() - 1);
  }
  const StructureNode& node(int index) const { return structure_.nodes.at(static_cast<size_t>(index)); }

  // The state in front of a node, which leads to `next`.
  uint32_t compile(int index, uint32_t next) {
    const auto known = compiled_.find({index, next});
    if (known != compiled_.end()) return known->second;
    const uint32_t state = compile_anew(index, next);
    compiled_.emplace(std::pair(index, next), state);
    return state;
  }

  uint32_t compile_anew(int index, uint32_t next) {
    const StructureNode& at = node(index);
    switch (at.kind) {
      case NodeKind::kLiteral:
      case NodeKind::kMark:
        return literal(at.text, at.kind == NodeKind::kMark, next);
      case NodeKind::kSpace:
        return at.most == 0 ? next : add({.kind = Kind::kSpace, .next = next, .most = at.most});
      case NodeKind::kSequence:
        for (auto child = at.children.rbegin(); child != at.children.rend(); ++child)
          next = compile(*child, next);
        return next;
      case NodeKind::kChoice:
        return choice(at, next);
      case NodeKind::kRepeat:
        return repeat(at, next);
      case NodeKind::kSpec:
        return spec(at, next);
      case NodeKind::kText:
        return add({.kind = Kind::kText, .targets = {next}, .search = search_of(at)});
      case NodeKind::kFree:
        return free_text(at, next);
      case NodeKind::kMembers:
        return add({.kind = Kind::kOpen, .next = next, .target = form_of(index)});
    }
    return next;
  }

  uint32_t literal(std::string text, bool is_mark, uint32_t next) {
    if (text.empty()) return next;
    return add({.kind = Kind::kLiteral, .is_mark = is_mark, .next = next, .text = std::move(text)});
  }

  uint32_t repeat(const StructureNode& at, uint32_t next) {
    check(at.children.size() == 1 && at.least <= at.most, "a repetition of one node");
    uint32_t first = next;
    if (at.most == StructureNode::kNoLimit) {
      first = add({.kind = Kind::kSplit});
      const uint32_t body = compile(at.children[0], first);
      states_[first].targets = {next, body};
    } else {
      for (uint32_t i = at.least; i < at.most; ++i) {
        const uint32_t body = compile(at.children[0], first);
        first = add({.kind = Kind::kSplit, .targets = {next, body}});
      }
    }
    for (uint32_t i = 0; i < at.least; ++i) first = compile(at.children[0], first);
    return first;
  }

  // Fixed text that children begin with is read once for all that have it.
  uint32_t choice(const StructureNode& at, uint32_t next) {
    check(!at.children.empty(), "something to choose from");
    std::vector<Headed> headed;
    std::vector<uint32_t> targets;
    for (const int child : at.children) {
      std::vector<int> parts = {child};  // last first
      while (!parts.empty() && node(parts.back()).kind == NodeKind::kSequence) {
        const std::vector<int>& inner = node(parts.back()).children;
        parts.pop_back();
        parts.insert(parts.end(), inner.rbegin(), inner.rend());
      }
      if (parts.empty() || node(parts.back()).kind != NodeKind::kLiteral) {
        targets.push_back(compile(child, next));
        continue;
      }
      const std::string& head = node(parts.back()).text;
      parts.pop_back();
      uint32_t tail = next;
      for (const int part : parts) tail = compile(part, tail);
      headed.push_back({head, tail});
    }
    std::stable_sort(headed.begin(), headed.end(),
                     [](const Headed& a, const Headed& b) { return a.head < b.head; });
    if (!headed.empty()) targets.push_back(tree(headed, 0));
    return targets.size() == 1 ? targets[0] : add({.kind = Kind::kSplit, .targets = std::move(targets)});
  }

  // `headed` agree in their first `from` bytes.
  uint32_t tree(std::span<const Headed> headed, size_t from) {
    if (headed.size() == 1) return literal(headed[0].head.substr(from), false, headed[0].tail);
    const std::string& first = headed.front().head;
    const std::string& last = headed.back().head;  // the least like the first
    size_t same = from;
    while (same < first.size() && same < last.size() && first[same] == last[same]) ++same;
    if (same > from) return literal(first.substr(from, same - from), false, tree(headed, same));
    std::vector<uint32_t> targets;
    GraphState branch = {.kind = Kind::kBranch};
    for (size_t i = 0; i < headed.size();) {
      if (headed[i].head.size() == from) {
        targets.push_back(headed[i++].tail);
        continue;
      }
      const size_t begin = i;
      while (i < headed.size() && headed[i].head[from] == headed[begin].head[from]) ++i;
      branch.edges.emplace_back(static_cast<uint8_t>(headed[begin].head[from]),
                                tree(headed.subspan(begin, i - begin), from + 1));
    }
    if (!branch.edges.empty()) targets.push_back(add(std::move(branch)));
    return targets.size() == 1 ? targets[0] : add({.kind = Kind::kSplit, .targets = std::move(targets)});
  }

  uint32_t free_text(const StructureNode& at, uint32_t next) {
    const uint32_t text = add({.kind = Kind::kText, .is_free = true, .search = search_of(at)});
    std::vector<uint32_t> targets;
    if (!at.must_end) targets.push_back(next);
    for (const int child : at.children) {
      const bool is_last = std::find(at.last.begin(), at.last.end(), child) != at.last.end();
      targets.push_back(compile(child, is_last ? next : text));
    }
    states_[text].targets = std::move(targets);
    return text;
  }

  // What members need does not depend on what follows them.
  uint32_t form_of(int index) {
    const auto known = form_numbers_.find(index);
    if (known != form_numbers_.end()) return known->second;
    const StructureNode& at = node(index);
    check(at.children.size() == 5 || at.children.size() == 7, "the parts around members");
    std::unique_ptr<MembersForm> form;
    const GoalId goal = value(at);
    try {
      form = members_form(at, goal, program_, limits_, texts_);
    } catch (const Refusal& refusal) {
      if (at.subject.empty()) throw;
      throw Refusal(at.subject, refusal);
    }
    const uint32_t close = add({.kind = Kind::kClose});
    const uint32_t if_end = add({.kind = Kind::kIfEnd, .next = compile(at.children[4], close)});
    const uint32_t name = compile(at.children[0], add({.kind = Kind::kName}));
    const auto if_member = [&](uint32_t then) { return add({.kind = Kind::kIfMember, .next = then}); };
    form->members = add({.kind = Kind::kSplit, .targets = {if_member(name), if_end}});
    const uint32_t more = if_member(compile(at.children[3], name));
    const uint32_t then = add({.kind = Kind::kSplit, .targets = {more, if_end}});
    form->after_text = form->after_json = compile(at.children[2], then);
    const auto value_as = [&](uint32_t ways) { return add({.kind = Kind::kMemberValue, .target = ways}); };
    if (at.children.size() == 5) {
      form->between = compile(at.children[1], value_as(3));
    } else {
      const uint32_t text = add({.kind = Kind::kIfText, .next = compile(at.children[1], value_as(1))});
      form->after_json = compile(at.children[6], then);
      const uint32_t json = add({.kind = Kind::kIfJson, .next = compile(at.children[5], value_as(2))});
      form->between = add({.kind = Kind::kSplit, .targets = {text, json}});
    }
    form->after_first = first_of(form->after_text);
    form->between_first = first_of(form->between);
    forms_.push_back(std::move(form));
    return form_numbers_.emplace(index, static_cast<uint32_t>(forms_.size() - 1)).first->second;
  }

  // Bytes that a text from `state` on may begin with, and perhaps others.
  std::bitset<256> first_of(uint32_t state) const {
    GraphState begin = {.kind = Kind::kText, .targets = {state}};
    find_exits(begin);
    return begin.first;
  }

  std::shared_ptr<const ByteSearch> search_of(const StructureNode& at) {
    auto& known = searches_[at.ends];
    if (!known) known = std::make_shared<const ByteSearch>(at.ends, limits_);
    return known;
  }

  uint32_t spec(const StructureNode& at, uint32_t next) {
    const std::pair<Kind, uint32_t> target = target_of(at);
    return add({.kind = target.first, .next = next, .target = target.second});
  }

  GoalId value(const StructureNode& at) {
    const std::pair<Kind, uint32_t> target = target_of(at);
    check(target.first == Kind::kValue, "a schema");
    return target.second;
  }

  std::pair<Kind, uint32_t> target_of(const StructureNode& at) {
    check(at.spec && at.spec->kind != Spec::Kind::kStructure, "a grammar other than a structure");
    const std::string content = content_of(*at.spec);
    const auto known = specs_.find(content);
    if (known != specs_.end()) return known->second;
    return specs_.emplace(content, compiled(at)).first->second;
  }

  std::pair<Kind, uint32_t> compiled(const StructureNode& at) {
    try {
      if (at.spec->kind == Spec::Kind::kJsonSchema) {
        const size_t objects = program_.objects.size();
        compile_schema(at.spec->source, limits_, program_);
        if (at.spec->writing == Spec::Writing::kAnyOrder)
          for (size_t i = objects; i < program_.objects.size(); ++i) program_.objects[i].in_any_order = true;
        return {Kind::kValue, program_.root};
      }
      Program part;
      compile_rules(*at.spec, limits_, part);
      const auto first = static_cast<uint32_t>(program_.rules.size());
      for (Rule& rule : part.rules) {
        for (auto& calls : rule.calls)
          for (Rule::Call& call : calls) call.rule += first;
        program_.rules.push_back(std::move(rule));
      }
      return {Kind::kRule, first};
    } catch (const Refusal& refusal) {
      if (at.subject.empty()) throw;
      throw Refusal(at.subject, refusal);
    }
  }

  // What a text may go on with: the states that read, of those behind its targets.
  void find_exits(GraphState& text) const {
    std::vector<uint32_t> todo = text.targets;
    std::vector<bool> seen(states_.size());
    const auto visit = [&](uint32_t state) {
      if (!seen[state]) seen[state] = true, todo.push_back(state);
    };
    const std::vector<uint32_t> first = std::exchange(todo, {});
    for (const uint32_t state : first) visit(state);
    while (!todo.empty()) {
      const uint32_t at = todo.back();
      todo.pop_back();
      const GraphState& state = states_[at];
      switch (state.kind) {
        case Kind::kSplit:
          for (const uint32_t next : state.targets) visit(next);
          continue;
        case Kind::kEnd:
          text.may_end = true;
          continue;
        case Kind::kText:
          if (&state == &text) continue;
          for (const uint32_t next : state.targets) visit(next);
          text.first.set();
          break;
        case Kind::kSpace:
          visit(state.next);
          for (const char c : {' ', '\n', '\r', '\t'}) text.first.set(static_cast<uint8_t>(c));
          break;
        case Kind::kLiteral:
          text.first.set(static_cast<uint8_t>(state.text[0]));
          break;
        case Kind::kBranch:
          for (const auto& edge : state.edges) text.first.set(edge.first);
          break;
        default:  // what begins there depends on more than the state
          text.first.set();
          break;
      }
      text.exits.push_back(at);
    }
  }

  const Structure& structure_;
  const Limits& limits_;
  Program& program_;
  std::vector<GraphState>& states_;
  std::vector<std::unique_ptr<const MembersForm>>& forms_;
  std::map<std::pair<int, uint32_t>, uint32_t> compiled_;
  std::map<int, uint32_t> form_numbers_;
  TextsByStrings texts_;
  std::map<std::string, std::pair<Kind, uint32_t>> specs_;
  std::map<std::vector<TextPattern>, std::shared_ptr<const ByteSearch>> searches_;
};

}  // namespace

void compile_structure(const Structure& structure, const Limits& limits, Program& program) {
  auto graph = std::make_shared<StructureGraph>();
  graph->start = GraphBuilder(structure, limits, program, *graph).build();
  program.root = kNoGoal;
  program.graph = std::move(graph);
}

size_t StructureGraph::bytes() const {
  size_t bytes = sizeof(StructureGraph);
  std::set<const ByteSearch*> searches;
  std::set<const Automaton*> automata;
  for (const GraphState& state : states) {
    bytes += sizeof(GraphState) + state.text.size() + state.edges.size() * sizeof(state.edges[0]);
    bytes += (state.targets.size() + state.exits.size()) * sizeof(uint32_t);
    searches.insert(state.search.get());
  }
  for (const auto& form : forms) {
    bytes += sizeof(MembersForm) + form->values.size() * sizeof(MemberValue);
    searches.insert(form->search.get());
    for (const MemberValue& value : form->values) automata.insert(value.text.get());
    for (const ObjectShape& shape : form->shapes) {
      bytes +=
          sizeof(ObjectShape) + shape.listed.size() * (sizeof(ObjectShape::Member) + sizeof(Choice) + 12);
      automata.insert(shape.names.get());
    }
  }
  for (const ByteSearch* search : searches)
    if (search) bytes += search->bytes();
  for (const Automaton* automaton : automata)
    if (automaton) bytes += automaton->bytes();
  return bytes;
}

}  // namespace ferrum::grammar
