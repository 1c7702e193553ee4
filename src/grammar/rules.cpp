#include "grammar/rules.h"

#include <algorithm>
#include <map>
#include <optional>

#include "base/check.h"
#include "base/utf8.h"
#include "grammar/gbnf_parser.h"
#include "grammar/grammar.h"
#include "grammar/lark_parser.h"
#include "grammar/pattern_machine.h"

namespace ferrum::grammar {
namespace {

// The automaton of the texts that a pattern matches from end to end.
Automaton::Builder whole_match(std::shared_ptr<const Regex> pattern, const Limits& limits,
                               const std::string& keyword) {
  std::vector<std::unique_ptr<Machine>> machines;
  machines.push_back(
      std::make_unique<PatternMachine>(std::move(pattern), PatternMachine::Mode::kWhole, limits, ""));
  const auto mark = [&](std::span<const uint32_t> states) -> uint32_t {
    return states[0] != Machine::kDead && machines[0]->accepts(states[0]) ? 1 : 0;
  };
  return product(machines, mark, limits, keyword, "");
}

// A rule's body as an automaton that may be in several states, whose letters are characters and rules.
struct RuleNet {
  struct State {
    std::vector<uint32_t> empty;  // states reached without a letter
    std::vector<std::pair<CodePointSet, uint32_t>> sets;
    std::vector<std::pair<uint32_t, uint32_t>> rules;
  };
  std::vector<State> states;
  uint32_t start = 0, end = 0;
};

class NetBuilder {
 public:
  NetBuilder(const Limits& limits, const std::string& name, const std::vector<bool>& skipped)
      : limits_(limits), name_(name), skipped_(skipped) {}

  RuleNet build(const RuleNode& body) {
    net_.end = add();
    net_.start = compile(body, net_.end);
    return std::move(net_);
  }

 private:
  uint32_t add() {
    if (net_.states.size() >= limits_.max_instructions)
      throw Refusal(name_, "", "the rule's repetitions make it too large");
    net_.states.emplace_back();
    return static_cast<uint32_t>(net_.states.size() - 1);
  }

  // The state in front of `node`, which leads to `next`.
  uint32_t compile(const RuleNode& node, uint32_t next) {
    switch (node.kind) {
      case RuleNode::Kind::kSet: {
        const uint32_t state = add();
        net_.states[state].sets.emplace_back(node.set, next);
        return state;
      }
      case RuleNode::Kind::kPattern:
        return compile(*node.pattern, next);
      case RuleNode::Kind::kRule: {
        const uint32_t state = add();
        if (!skipped_[node.rule]) net_.states[state].rules.emplace_back(node.rule, next);
        return state;
      }
      case RuleNode::Kind::kSequence:
        for (auto child = node.children.rbegin(); child != node.children.rend(); ++child)
          next = compile(*child, next);
        return next;
      case RuleNode::Kind::kAlternatives: {
        const uint32_t state = add();
        for (const RuleNode& child : node.children) {
          const uint32_t first = compile(child, next);
          net_.states[state].empty.push_back(first);
        }
        return state;
      }
      case RuleNode::Kind::kRepeat:
        break;
    }
    const RuleNode& child = node.children[0];
    uint32_t at = next;
    if (node.most == kUnbounded) {
      at = add();
      const uint32_t body = compile(child, at);
      net_.states[at].empty = {next, body};
    } else {
      for (uint32_t i = node.least; i < node.most; ++i) {
        const uint32_t body = compile(child, at);
        if (body == at) break;  // repeats nothing
        const uint32_t choice = add();
        net_.states[choice].empty = {next, body};
        at = choice;
      }
    }
    for (uint32_t i = 0; i < node.least; ++i) {
      const uint32_t body = compile(child, at);
      if (body == at) break;
      at = body;
    }
    return at;
  }

  // The automaton of a pattern, state by state.
  uint32_t compile(const Regex& pattern, uint32_t next) {
    using Of = RegexNode::Kind;
    for (const RegexNode& node : pattern.nodes)
      if (node.kind == Of::kBegin || node.kind == Of::kEnd || node.kind == Of::kWordEdge ||
          node.kind == Of::kNoWordEdge || node.kind == Of::kLook)
        throw Refusal(name_, "",
                      "a pattern looks beyond itself, in a grammar whose rules contain themselves");
    const Automaton automaton(whole_match(std::make_shared<const Regex>(pattern), limits_, name_));
    const auto first = static_cast<uint32_t>(net_.states.size());
    for (uint32_t q = 0; q < automaton.states(); ++q) add();
    for (uint32_t q = 0; q < automaton.states(); ++q) {
      std::map<uint32_t, std::vector<CodePointSet::Range>> by_target;
      for (const Automaton::Transition& t : automaton.transitions(q))
        by_target[t.next].push_back({t.first, t.last});
      for (auto& [target, ranges] : by_target)
        net_.states[first + q].sets.emplace_back(CodePointSet(std::move(ranges)), first + target);
      if (automaton.mark(q) != 0) net_.states[first + q].empty.push_back(next);
    }
    return first;
  }

  const Limits& limits_;
  const std::string& name_;
  const std::vector<bool>& skipped_;
  RuleNet net_;
};

// The net with one state at a time.
Rule determined(const RuleNet& net, const std::string& name, const Limits& limits) {
  std::vector<CodePointSet> told_apart;
  for (const RuleNet::State& state : net.states)
    for (const auto& edge : state.sets) told_apart.push_back(edge.first);
  std::sort(told_apart.begin(), told_apart.end(), [](const CodePointSet& a, const CodePointSet& b) {
    return std::lexicographical_compare(
        a.ranges().begin(), a.ranges().end(), b.ranges().begin(), b.ranges().end(),
        [](const auto& x, const auto& y) { return std::pair(x.first, x.last) < std::pair(y.first, y.last); });
  });
  told_apart.erase(std::unique(told_apart.begin(), told_apart.end()), told_apart.end());
  const Alphabet alphabet(told_apart);
  using Set = std::vector<uint32_t>;
  const auto close = [&](Set set) {
    std::vector<bool> seen(net.states.size());
    for (const uint32_t s : set) seen[s] = true;
    for (size_t i = 0; i < set.size(); ++i)
      for (const uint32_t next : net.states[set[i]].empty)
        if (!seen[next]) seen[next] = true, set.push_back(next);
    std::sort(set.begin(), set.end());
    return set;
  };
  std::map<Set, uint32_t> ids;
  std::vector<const Set*> sets;
  const auto id_of = [&](Set set) {
    const auto [place, is_new] = ids.emplace(close(std::move(set)), static_cast<uint32_t>(sets.size()));
    if (is_new) {
      if (sets.size() >= limits.max_states) throw Refusal(name, "", "the rule needs too many states");
      sets.push_back(&place->first);
    }
    return place->second;
  };
  id_of({net.start});
  Rule out;
  Automaton::Builder builder = {.limits = limits};
  for (size_t q = 0; q < sets.size(); ++q) {
    const Set set = *sets[q];
    builder.marks.push_back(std::binary_search(set.begin(), set.end(), net.end) ? 1 : 0);
    std::vector<uint32_t> targets(alphabet.size(), Automaton::kDead);
    for (uint32_t symbol = 0; symbol < alphabet.size(); ++symbol) {
      Set next;
      for (const uint32_t s : set)
        for (const auto& [characters, to] : net.states[s].sets)
          if (characters.contains(alphabet.representative(symbol))) next.push_back(to);
      std::sort(next.begin(), next.end());
      next.erase(std::unique(next.begin(), next.end()), next.end());
      if (!next.empty()) targets[symbol] = id_of(std::move(next));
    }
    auto& row = builder.rows.emplace_back();
    for (const Alphabet::Interval& interval : alphabet.intervals())
      if (targets[interval.symbol] != Automaton::kDead)
        row.push_back({interval.first, interval.last, targets[interval.symbol]});
    std::map<uint32_t, Set> called;
    for (const uint32_t s : set)
      for (const auto& [rule, to] : net.states[s].rules) called[rule].push_back(to);
    auto& calls = out.calls.emplace_back();
    for (auto& [rule, to] : called) calls.push_back({rule, id_of(std::move(to))});
    builder.kept.push_back(!calls.empty());
  }
  for (size_t q = 0; q < sets.size(); ++q)
    out.is_last.push_back(builder.marks[q] != 0 && builder.rows[q].empty() && out.calls[q].empty());
  // A state that only leads on to calls is kept, and so is what leads to it.
  out.automaton = std::make_shared<Automaton>(std::move(builder));
  return out;
}

// The rules that `rule` can begin with.
std::vector<uint32_t> first_calls(const Rule& rule, const std::vector<bool>& nullable) {
  std::vector<bool> seen(rule.calls.size());
  std::vector<uint32_t> todo = {0}, out;
  seen[0] = true;
  while (!todo.empty()) {
    const uint32_t q = todo.back();
    todo.pop_back();
    for (const Rule::Call& call : rule.calls[q]) {
      out.push_back(call.rule);
      if (nullable[call.rule] && !seen[call.then]) seen[call.then] = true, todo.push_back(call.then);
    }
  }
  return out;
}

void add_rule(Program& program, Automaton::Builder builder, const std::string& keyword) {
  Rule rule;
  rule.automaton = std::make_shared<Automaton>(std::move(builder));
  rule.calls.resize(rule.automaton->states());
  rule.is_last.resize(rule.automaton->states());
  if (rule.automaton->marks_ahead(0) == 0) throw Refusal(keyword, "", "no text matches it");
  program.rules.push_back(std::move(rule));
}

}  // namespace

uint32_t add_rules(RuleSyntax syntax, const Limits& limits, Program& program) {
  remove_left_recursion(syntax, limits);
  const size_t size = syntax.rules.size();
  const RuleFacts facts(syntax);
  const std::string& root = syntax.rules[syntax.root].name;
  if (!facts.productive[syntax.root]) throw Refusal(root, "", "no text matches the grammar");
  // The root comes first.
  const auto first = static_cast<uint32_t>(program.rules.size());
  std::vector<uint32_t> place(size);
  for (uint32_t r = 0; r < size; ++r) place[r] = r == syntax.root ? 0 : r == 0 ? syntax.root : r;
  std::vector<bool> skipped(size);
  for (size_t r = 0; r < size; ++r) skipped[r] = !facts.productive[r];
  std::vector<Rule> rules(size);
  size_t states = 0;
  for (uint32_t r = 0; r < size; ++r) {
    Rule rule = determined(NetBuilder(limits, syntax.rules[r].name, skipped).build(syntax.rules[r].body),
                           syntax.rules[r].name, limits);
    states += rule.calls.size();
    if (states > limits.max_total_states) throw Refusal("grammar", "", "its rules need too many states");
    for (auto& calls : rule.calls)
      for (Rule::Call& call : calls) call.rule = place[call.rule];
    rules[place[r]] = std::move(rule);
  }
  // A rule must not begin with itself.
  std::vector<bool> nullable(size);
  for (uint32_t r = 0; r < size; ++r) nullable[place[r]] = facts.nullable[r];
  std::vector<std::vector<uint32_t>> firsts(size);
  for (uint32_t r = 0; r < size; ++r) firsts[r] = first_calls(rules[r], nullable);
  std::vector<uint8_t> progress(size, 0);
  const auto visit = [&](const auto& self, uint32_t r, int depth) -> void {
    if (progress[r] == 2) return;
    const RuleSyntax::Definition& rule = syntax.rules[place[r]];
    if (progress[r] == 1)
      throw Refusal(rule.name, "line " + std::to_string(rule.line),
                    "the rule begins with itself behind something that may be empty");
    if (depth > 2000) throw Refusal(rule.name, "", "rules are nested too deeply");
    progress[r] = 1;
    for (const uint32_t next : firsts[r]) self(self, next, depth + 1);
    progress[r] = 2;
  };
  for (uint32_t r = 0; r < size; ++r) visit(visit, r, 0);
  for (Rule& rule : rules) {
    for (auto& calls : rule.calls)
      for (Rule::Call& call : calls) call.rule += first;
    program.rules.push_back(std::move(rule));
  }
  return first;
}

void compile_gbnf(std::string_view source, const Limits& limits, Program& program) {
  if (source.size() > limits.max_source_bytes) throw Refusal("grammar", "", "it is too large");
  add_rules(parse_gbnf(source), limits, program);
}

void compile_lark(std::string_view source, const Limits& limits, Program& program) {
  RuleSyntax syntax = parse_lark(source, limits);
  if (const std::optional<Regex> regex = as_regex(syntax, limits)) {
    std::optional<Automaton::Builder> whole;
    try {
      whole = whole_match(std::make_shared<const Regex>(*regex), limits, "grammar");
    } catch (const Refusal&) {  // too large, once all rules are written out
    }
    if (whole) return add_rule(program, std::move(*whole), "grammar");
  }
  add_rules(std::move(syntax), limits, program);
}

void compile_regex(std::string_view pattern, const Limits& limits, Program& program) {
  const auto regex = std::make_shared<const Regex>(parse_regex(pattern, ""));
  add_rule(program, whole_match(regex, limits, "pattern"), "pattern");
}

void compile_choices(const std::vector<std::string>& choices, Program& program) {
  std::vector<std::u32string> texts;
  for (const std::string& choice : choices) {
    std::u32string& text = texts.emplace_back();
    for (std::string_view rest = choice; !rest.empty();) {
      const utf8::Decoded c = utf8::decode(rest);
      if (!c.valid) throw Refusal("choice", "", "a choice is no UTF-8");
      text += c.code_point;
      rest.remove_prefix(c.size);
    }
  }
  if (texts.empty()) throw Refusal("choice", "", "there is none");
  Automaton::Builder builder = trie_of(texts, 0);
  for (uint32_t& mark : builder.marks) mark = std::min(mark, 1U);
  add_rule(program, std::move(builder), "choice");
}

void compile_rules(const Spec& spec, const Limits& limits, Program& program) {
  switch (spec.kind) {
    case Spec::Kind::kRegex:
      return compile_regex(spec.source, limits, program);
    case Spec::Kind::kGbnf:
      return compile_gbnf(spec.source, limits, program);
    case Spec::Kind::kLark:
      return compile_lark(spec.source, limits, program);
    case Spec::Kind::kChoices:
      return compile_choices(spec.choices, program);
    case Spec::Kind::kJsonSchema:
    case Spec::Kind::kStructure:
      break;
  }
  check(false, "a grammar of rules");
}

}  // namespace ferrum::grammar
