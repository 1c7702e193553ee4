#include "grammar/number_sets.h"

#include <algorithm>

#include "grammar/combination.h"
#include "grammar/number_machines.h"
#include "grammar/pattern_machine.h"

namespace ferrum::grammar {

NumberSets::NumberSets(const Limits& limits) : limits_(limits) {
  add("all", {.kind = Kind::kAll});
  add("none", {.kind = Kind::kNone});
}

NumberSetId NumberSets::add(std::string key, Node node) {
  const auto [place, is_new] = ids_.emplace(std::move(key), static_cast<NumberSetId>(nodes_.size()));
  if (is_new) nodes_.push_back(std::move(node));
  return place->second;
}

NumberSetId NumberSets::integers(Integers which) {
  return add(which == Integers::kByValue ? "integer" : "written",
             {.kind = Kind::kInteger, .integers = which});
}

NumberSetId NumberSets::compared(Kind kind, const Decimal& bound) {
  return add(std::to_string(static_cast<int>(kind)) + "than" + bound.canonical(),
             {.kind = kind, .value = bound});
}

NumberSetId NumberSets::multiples_of(const Decimal& divisor, const std::string& path) {
  if (divisor.digits().size() > 6 || divisor.exponent() > 400 || divisor.exponent() < -400)
    throw Refusal("multipleOf", path, "the divisor has too many digits");
  return add("multiple" + divisor.canonical(), {.kind = Kind::kMultiple, .value = divisor, .path = path});
}

NumberSetId NumberSets::complement(NumberSetId of) {
  if (of == kAll) return kNone;
  if (of == kNone) return kAll;
  if (nodes_[of].kind == Kind::kNot) return nodes_[of].parts[0];
  return add("not" + std::to_string(of), {.kind = Kind::kNot, .parts = {of}});
}

NumberSetId NumberSets::combined(Kind kind, std::vector<NumberSetId> parts) {
  const bool is_and = kind == Kind::kAnd;
  Combination found = combine(nodes_, kind, parts, is_and ? SetIds{kAll, kNone} : SetIds{kNone, kAll});
  if (found.parts.empty()) return found.set;
  std::string key = is_and ? "and" : "or";
  for (const NumberSetId part : found.parts) key += "," + std::to_string(part);
  return add(std::move(key), {.kind = kind, .parts = std::move(found.parts)});
}

bool NumberSets::contains(NumberSetId set, std::string_view text) const {
  const auto value = Decimal::parse(text);
  return value && contains(set, text, *value);
}

bool NumberSets::contains(NumberSetId set, std::string_view text, const Decimal& value) const {
  const Node& node = nodes_[set];
  switch (node.kind) {
    case Kind::kAll:
      return true;
    case Kind::kNone:
      return false;
    case Kind::kInteger:
      return node.integers == Integers::kByValue ? value.is_integer()
                                                 : text.find_first_of(".eE") == std::string_view::npos;
    case Kind::kAtLeast:
      return value >= node.value;
    case Kind::kAtMost:
      return value <= node.value;
    case Kind::kEqual:
      return value == node.value;
    case Kind::kMultiple:
      return value.is_multiple_of(node.value);
    case Kind::kNot:
      return !contains(node.parts[0], text, value);
    case Kind::kAnd:
      return std::all_of(node.parts.begin(), node.parts.end(),
                         [&](NumberSetId p) { return contains(p, text, value); });
    case Kind::kOr:
      return std::any_of(node.parts.begin(), node.parts.end(),
                         [&](NumberSetId p) { return contains(p, text, value); });
  }
  return false;
}

// A machine for each atom and each way it is used: an integer is to be written as one, but 1.0 is not
// "no integer" either.
struct NumberSets::Atoms {
  std::vector<std::unique_ptr<Machine>> machines;
  std::unordered_map<uint64_t, size_t> index;  // by 2 · id + is_negated
};

void NumberSets::find_atoms(NumberSetId set, Atoms& atoms, bool is_negated) const {
  const Node& node = nodes_[set];
  if (node.kind == Kind::kNot) return find_atoms(node.parts[0], atoms, !is_negated);
  for (const NumberSetId part : node.parts) find_atoms(part, atoms, is_negated);
  if (!node.parts.empty() || node.kind == Kind::kAll || node.kind == Kind::kNone) return;
  if (!atoms.index.emplace(uint64_t{2} * set + (is_negated ? 1 : 0), atoms.machines.size()).second) return;
  using Order = BoundMachine::Accepts;
  using Fraction = FractionMachine::Accepts;
  const auto bound = [&](Order order) {
    if (node.value.exponent() > 1000 || node.value.exponent() < -1000)
      throw Refusal("minimum", node.path, "the number has too many digits");
    if (is_negated) order = {!order.less, !order.equal, !order.greater};
    atoms.machines.push_back(std::make_unique<BoundMachine>(node.value, order));
  };
  switch (node.kind) {
    case Kind::kInteger: {
      const Fraction other = node.integers == Integers::kByValue ? Fraction::kFraction : Fraction::kPoint;
      atoms.machines.push_back(std::make_unique<FractionMachine>(is_negated ? other : Fraction::kNoPoint));
      break;
    }
    case Kind::kAtLeast:
      bound({.less = false, .equal = true, .greater = true});
      break;
    case Kind::kAtMost:
      bound({.less = true, .equal = true, .greater = false});
      break;
    case Kind::kEqual: {
      const auto text = node.value.plain(60);
      if (is_negated || !text) {
        bound({.less = false, .equal = true, .greater = false});
        break;
      }
      const std::vector<std::u32string> texts = {std::u32string(text->begin(), text->end())};
      atoms.machines.push_back(std::make_unique<LiteralMachine>(texts));
      break;
    }
    case Kind::kMultiple: {
      class Negated final : public Machine {
       public:
        explicit Negated(std::unique_ptr<Machine> inner) : inner_(std::move(inner)) {}
        void tell_apart(std::vector<CodePointSet>& sets) const override { inner_->tell_apart(sets); }
        void bind(const Alphabet& alphabet) override { inner_->bind(alphabet); }
        uint32_t initial() override { return inner_->initial() + 1; }
        uint32_t step(uint32_t state, uint32_t symbol) override {
          const uint32_t next = state == 0 ? kDead : inner_->step(state - 1, symbol);
          return next == kDead ? 0 : next + 1;
        }
        bool accepts(uint32_t state) override { return state == 0 || !inner_->accepts(state - 1); }

       private:
        std::unique_ptr<Machine> inner_;
      };
      auto machine = std::make_unique<DivisorMachine>(node.value);
      if (is_negated)
        atoms.machines.push_back(std::make_unique<Negated>(std::move(machine)));
      else
        atoms.machines.push_back(std::move(machine));
      break;
    }
    default:
      break;
  }
}

bool NumberSets::evaluate(NumberSetId set, const Atoms& atoms, std::span<const uint32_t> states,
                          bool is_negated) const {
  const Node& node = nodes_[set];
  const auto one = [&](NumberSetId part) { return evaluate(part, atoms, states, is_negated); };
  switch (node.kind) {
    case Kind::kAll:
      return !is_negated;
    case Kind::kNone:
      return is_negated;
    case Kind::kNot:
      return evaluate(node.parts[0], atoms, states, !is_negated);
    case Kind::kAnd:
    case Kind::kOr:
      return (node.kind == Kind::kAnd) != is_negated ? std::all_of(node.parts.begin(), node.parts.end(), one)
                                                     : std::any_of(node.parts.begin(), node.parts.end(), one);
    default: {
      const size_t i = atoms.index.at(uint64_t{2} * set + (is_negated ? 1 : 0));
      return states[i] != Machine::kDead && atoms.machines[i]->accepts(states[i]);
    }
  }
}

std::shared_ptr<const Automaton> NumberSets::automaton(NumberSetId set) {
  if (set == kAll) return automaton_of_all_numbers();
  if (set == kNone) return nullptr;
  const auto known = automata_.find(set);
  if (known != automata_.end()) return known->second;
  if (nodes_[set].kind == Kind::kInteger) return automaton_of_integers();
  Atoms atoms;
  find_atoms(set, atoms, false);
  std::vector<std::unique_ptr<Machine>>& machines = atoms.machines;
  const size_t syntax = machines.size();
  machines.push_back(std::make_unique<NumberSyntax>());
  std::string path;
  const char* keyword = "minimum";
  for (const auto& [key, index] : atoms.index)
    if (nodes_[key / 2].kind == Kind::kMultiple) keyword = "multipleOf", path = nodes_[key / 2].path;
  const auto mark = [&](std::span<const uint32_t> states) -> uint32_t {
    if (states[syntax] == Machine::kDead || !machines[syntax]->accepts(states[syntax])) return 0;
    return evaluate(set, atoms, states, false) ? 1 : 0;
  };
  auto made = std::make_shared<Automaton>(product(machines, mark, limits_, keyword, path, syntax));
  made->count_texts();
  if (made->marks_ahead(0) == 0) made = nullptr;
  return automata_[set] = made;
}

namespace {

std::shared_ptr<const Automaton> automaton_of(const char* pattern) {
  static const Limits kLimits;
  std::vector<std::unique_ptr<Machine>> machines;
  machines.push_back(std::make_unique<PatternMachine>(std::make_shared<Regex>(parse_regex(pattern, "")),
                                                      PatternMachine::Mode::kWhole, kLimits, ""));
  const auto mark = [&](std::span<const uint32_t> states) -> uint32_t {
    return states[0] != Machine::kDead && machines[0]->accepts(states[0]) ? 1 : 0;
  };
  return std::make_shared<const Automaton>(product(machines, mark, kLimits, "", ""));
}

}  // namespace

std::shared_ptr<const Automaton> automaton_of_integers() {
  static const auto kAutomaton = automaton_of("0|-?[1-9][0-9]*");
  return kAutomaton;
}

std::shared_ptr<const Automaton> automaton_of_all_numbers() {
  static const auto kAutomaton = automaton_of("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]{1,2})?");
  return kAutomaton;
}

std::shared_ptr<const Automaton> automaton_of_number_texts() {
  static const auto kAutomaton = automaton_of("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?");
  return kAutomaton;
}

}  // namespace ferrum::grammar
