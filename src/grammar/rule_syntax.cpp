#include "grammar/rule_syntax.h"

#include <algorithm>
#include <utility>

namespace ferrum::grammar {
namespace {

using Kind = RuleNode::Kind;
using Sequence = std::vector<RuleNode>;

constexpr size_t kMaxAlternatives = 4000;  // of one rule while it is rewritten
constexpr int kMaxDepth = 2000;

bool is_nothing_but_surrogates(const CodePointSet& set) {
  return set.intersected(CodePointSet({{kFirstSurrogate, kLastSurrogate}}).complement()).empty();
}

// Whether a pattern matches the empty text: assertions are taken for met.
bool is_nullable(const Regex& regex, uint32_t n) {
  const RegexNode& node = regex.nodes[n];
  const auto is_child_nullable = [&](uint32_t child) { return is_nullable(regex, child); };
  switch (node.kind) {
    case RegexNode::Kind::kSet:
      return false;
    case RegexNode::Kind::kConcatenation:
      return std::ranges::all_of(node.children, is_child_nullable);
    case RegexNode::Kind::kAlternatives:
      return std::ranges::any_of(node.children, is_child_nullable);
    case RegexNode::Kind::kRepeat:
      return node.least == 0 || is_nullable(regex, node.children[0]);
    default:
      return true;
  }
}

// Whether a node matches something, or the empty text, where these rules do.
bool matches(const RuleNode& node, const std::vector<bool>& rules, bool empty) {
  const auto child_matches = [&](const RuleNode& child) { return matches(child, rules, empty); };
  switch (node.kind) {
    case Kind::kSet:
      return !empty && !is_nothing_but_surrogates(node.set);
    case Kind::kPattern:
      return !empty || is_nullable(*node.pattern, node.pattern->root);
    case Kind::kRule:
      return rules[node.rule];
    case Kind::kSequence:
      return std::ranges::all_of(node.children, child_matches);
    case Kind::kAlternatives:
      return std::ranges::any_of(node.children, child_matches);
    case Kind::kRepeat:
      return node.least == 0 || matches(node.children[0], rules, empty);
  }
  return false;
}

class LeftRecursion {
 public:
  LeftRecursion(RuleSyntax& syntax, const Limits& limits)
      : syntax_(syntax), limits_(limits), facts_(syntax), firsts_(syntax.rules.size()) {
    for (uint32_t r = 0; r < firsts_.size(); ++r) find_firsts(syntax.rules[r].body, firsts_[r]);
  }

  void remove() {
    for (const std::vector<uint32_t>& circle : circles()) {
      in_circle_.assign(syntax_.rules.size(), false);
      for (const uint32_t rule : circle) in_circle_[rule] = true;
      for (size_t i = 0; i < circle.size(); ++i) rewrite(circle, i);
    }
  }

 private:
  // The rules that `node` can begin with. True: it may be empty, and what follows it begins it as well.
  bool find_firsts(const RuleNode& node, std::vector<uint32_t>& out) const {
    switch (node.kind) {
      case Kind::kSet:
      case Kind::kPattern:
        break;
      case Kind::kRule:
        out.push_back(node.rule);
        break;
      case Kind::kSequence:
        for (const RuleNode& child : node.children)
          if (!find_firsts(child, out)) return false;
        return true;
      case Kind::kAlternatives:
      case Kind::kRepeat:
        for (const RuleNode& child : node.children) find_firsts(child, out);
        break;
    }
    return facts_.is_nullable(node);
  }

  // Sets of rules that begin with each other, by Tarjan's algorithm.
  std::vector<std::vector<uint32_t>> circles() const {
    const size_t size = syntax_.rules.size();
    std::vector<uint32_t> number(size, 0), low(size, 0), open;
    std::vector<bool> is_open(size, false);
    std::vector<std::vector<uint32_t>> found;
    uint32_t count = 0;
    const auto visit = [&](const auto& self, uint32_t r, int depth) -> void {
      if (depth > kMaxDepth) throw Refusal(syntax_.rules[r].name, "", "rules are nested too deeply");
      number[r] = low[r] = ++count;
      open.push_back(r);
      is_open[r] = true;
      for (const uint32_t next : firsts_[r]) {
        if (number[next] == 0) self(self, next, depth + 1);
        if (is_open[next]) low[r] = std::min(low[r], low[next]);
      }
      if (low[r] != number[r]) return;
      std::vector<uint32_t> circle;
      do {
        circle.push_back(open.back());
        is_open[open.back()] = false;
        open.pop_back();
      } while (circle.back() != r);
      const bool begins_with_itself = std::ranges::find(firsts_[r], r) != firsts_[r].end();
      if (circle.size() > 1 || begins_with_itself) found.push_back(std::move(circle));
    };
    for (uint32_t r = 0; r < size; ++r)
      if (number[r] == 0) visit(visit, r, 0);
    return found;
  }

  bool may_begin_in_circle(const RuleNode& node) const {
    std::vector<uint32_t> firsts;
    find_firsts(node, firsts);
    return std::ranges::any_of(firsts, [&](uint32_t rule) { return in_circle_[rule]; });
  }

  [[noreturn]] void refuse(uint32_t rule, const char* why) const {
    const RuleSyntax::Definition& of = syntax_.rules[rule];
    throw Refusal(of.name, "line " + std::to_string(of.line), why);
  }

  // Takes a sequence apart until each alternative begins with a rule of the circle or with something that
  // does not lead there.
  void open(uint32_t rule, Sequence sequence, std::vector<Sequence>& out) const {
    if (out.size() > kMaxAlternatives || ++work_ > limits_.max_instructions)
      refuse(rule, "it begins with itself (left recursion) in too many ways");
    if (sequence.empty()) return out.push_back({});
    RuleNode first = sequence.front();
    const Sequence rest(sequence.begin() + 1, sequence.end());
    if (!may_begin_in_circle(first)) {
      RuleNode behind = {.kind = Kind::kSequence, .children = rest};
      if (facts_.is_nullable(first) && may_begin_in_circle(behind))
        refuse(rule, "the rule begins with itself behind something that may be empty");
      return out.push_back(std::move(sequence));
    }
    const auto with = [&](Sequence front) {
      front.insert(front.end(), rest.begin(), rest.end());
      return front;
    };
    switch (first.kind) {
      case Kind::kSequence:
        return open(rule, with(std::move(first.children)), out);
      case Kind::kAlternatives:
        for (RuleNode& child : first.children) open(rule, with({std::move(child)}), out);
        return;
      case Kind::kRepeat: {
        if (first.least == 0) open(rule, rest, out);
        if (first.most == 0) return;
        RuleNode once = first.children[0];
        if (facts_.is_nullable(once))
          refuse(rule, "it repeats something that may be empty in front of itself");
        if (first.least > 0) --first.least;
        if (first.most != kUnbounded) --first.most;
        return open(rule, with({std::move(once), std::move(first)}), out);
      }
      default:
        return out.push_back(std::move(sequence));
    }
  }

  // Paull's algorithm: first no rule begins with an earlier one of the circle, then none with itself.
  void rewrite(const std::vector<uint32_t>& circle, size_t place) {
    const uint32_t rule = circle[place];
    std::vector<Sequence> alternatives;
    open(rule, {syntax_.rules[rule].body}, alternatives);
    for (size_t j = 0; j < place; ++j) {
      std::vector<Sequence> opened;
      for (Sequence& one : alternatives) {
        if (one.empty() || one[0].kind != Kind::kRule || one[0].rule != circle[j]) {
          opened.push_back(std::move(one));
          continue;
        }
        one[0] = syntax_.rules[circle[j]].body;
        open(rule, std::move(one), opened);
      }
      alternatives = std::move(opened);
    }
    RuleNode bases = {.kind = Kind::kAlternatives}, tails = {.kind = Kind::kAlternatives};
    for (Sequence& one : alternatives) {
      const bool is_left_recursive = !one.empty() && one[0].kind == Kind::kRule && one[0].rule == rule;
      if (is_left_recursive) one.erase(one.begin());
      if (is_left_recursive && one.empty()) continue;  // it says nothing
      (is_left_recursive ? tails : bases)
          .children.push_back({.kind = Kind::kSequence, .children = std::move(one)});
    }
    RuleNode repeated = {.kind = Kind::kRepeat, .least = 0};
    repeated.children.push_back(std::move(tails));
    RuleNode body = {.kind = Kind::kSequence};
    body.children.push_back(std::move(bases));
    if (!repeated.children[0].children.empty()) body.children.push_back(std::move(repeated));
    syntax_.rules[rule].body = std::move(body);
  }

  RuleSyntax& syntax_;
  const Limits& limits_;
  const RuleFacts facts_;  // which rewriting does not change
  std::vector<std::vector<uint32_t>> firsts_;
  std::vector<bool> in_circle_;
  mutable size_t work_ = 0;
};

class RegexWriter {
 public:
  RegexWriter(const RuleSyntax& syntax, const Limits& limits)
      : syntax_(syntax), limits_(limits), state_(syntax.rules.size()) {}

  // Nothing: the rule contains itself, or is too large once all that it calls is written out.
  std::optional<uint32_t> of_rule(uint32_t rule, int depth = 0) {
    if (depth > kMaxDepth) throw Refusal(syntax_.rules[rule].name, "", "rules are nested too deeply");
    State& state = state_[rule];
    if (state.is_open) return std::nullopt;
    if (state.made) return state.made;
    state.is_open = true;
    const auto made = of_node(syntax_.rules[rule].body, depth + 1);
    state_[rule] = {.made = made};
    return made;
  }

  Regex regex;

 private:
  struct State {
    bool is_open = false;
    std::optional<uint32_t> made{};
  };

  std::optional<uint32_t> of_node(const RuleNode& node, int depth) {
    switch (node.kind) {
      case Kind::kSet:
        return regex.add_set(node.set);
      case Kind::kPattern:
        return copy_of(*node.pattern);
      case Kind::kRule:
        return of_rule(node.rule, depth + 1);
      default:
        break;
    }
    std::vector<uint32_t> children;
    size_t size = 1;
    for (const RuleNode& child : node.children) {
      const auto one = of_node(child, depth);
      if (!one) return std::nullopt;
      children.push_back(*one);
      size += size_of(*one);
    }
    if (size > limits_.max_instructions) return std::nullopt;
    const uint32_t made = joined(node, std::move(children));
    sizes_.resize(regex.nodes.size(), 1);
    sizes_[made] = std::max(sizes_[made], size);
    return made;
  }

  size_t size_of(uint32_t node) const { return node < sizes_.size() ? sizes_[node] : 1; }

  uint32_t joined(const RuleNode& node, std::vector<uint32_t> children) {
    if (node.kind == Kind::kRepeat) return regex.add_repeat(children[0], node.least, node.most);
    return regex.add_list(
        node.kind == Kind::kSequence ? RegexNode::Kind::kConcatenation : RegexNode::Kind::kAlternatives,
        std::move(children));
  }

  uint32_t copy_of(const Regex& pattern) {
    const auto first = static_cast<uint32_t>(regex.nodes.size());
    const auto first_set = static_cast<uint32_t>(regex.sets.size());
    regex.sets.insert(regex.sets.end(), pattern.sets.begin(), pattern.sets.end());
    for (RegexNode node : pattern.nodes) {
      if (node.kind == RegexNode::Kind::kSet) node.set += first_set;
      for (uint32_t& child : node.children) child += first;
      regex.add(std::move(node));
    }
    sizes_.resize(regex.nodes.size(), 1);
    sizes_[first + pattern.root] = pattern.nodes.size();
    return first + pattern.root;
  }

  const RuleSyntax& syntax_;
  const Limits& limits_;
  std::vector<State> state_;
  std::vector<size_t> sizes_;  // of the regular expression's nodes: of all that is below them, written out
};

}  // namespace

RuleFacts::RuleFacts(const RuleSyntax& syntax)
    : productive(syntax.rules.size()), nullable(syntax.rules.size()) {
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t r = 0; r < syntax.rules.size(); ++r) {
      const RuleNode& body = syntax.rules[r].body;
      if (!productive[r] && matches(body, productive, false)) productive[r] = changed = true;
      if (!nullable[r] && matches(body, nullable, true)) nullable[r] = changed = true;
    }
  }
}

bool RuleFacts::is_nullable(const RuleNode& node) const { return matches(node, nullable, true); }

void remove_left_recursion(RuleSyntax& syntax, const Limits& limits) {
  LeftRecursion(syntax, limits).remove();
}

std::optional<Regex> as_regex(const RuleSyntax& syntax, const Limits& limits) {
  RegexWriter writer(syntax, limits);
  const auto root = writer.of_rule(syntax.root);
  if (!root) return std::nullopt;
  writer.regex.root = *root;
  return std::move(writer.regex);
}

}  // namespace ferrum::grammar
