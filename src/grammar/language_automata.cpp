// Languages as automata.
#include <algorithm>
#include <mutex>

#include "grammar/languages.h"
#include "grammar/pattern_machine.h"

namespace ferrum::grammar {

std::unique_ptr<Machine> Languages::machine_of(const Node& node) const {
  if (node.kind == Kind::kTexts) return std::make_unique<LiteralMachine>(node.texts);
  if (node.kind == Kind::kLength) return std::make_unique<LengthMachine>(node.least, node.most);
  if (node.kind == Kind::kRules)
    throw Refusal(node.keyword, node.path, "a grammar whose rules contain themselves stands alone");
  return std::make_unique<PatternMachine>(node.regex, PatternMachine::Mode::kSearch, limits_, node.path);
}

bool Languages::evaluate(LanguageId language, const std::unordered_map<LanguageId, bool>& is_in) const {
  const Node& node = nodes_[language];
  switch (node.kind) {
    case Kind::kAll:
      return true;
    case Kind::kNone:
      return false;
    case Kind::kNot:
      return !evaluate(node.parts[0], is_in);
    case Kind::kAnd:
      return std::all_of(node.parts.begin(), node.parts.end(),
                         [&](LanguageId part) { return evaluate(part, is_in); });
    case Kind::kOr:
      return std::any_of(node.parts.begin(), node.parts.end(),
                         [&](LanguageId part) { return evaluate(part, is_in); });
    default:
      return is_in.at(language);
  }
}

std::shared_ptr<const Automaton> Languages::automaton(LanguageId language) {
  const auto known = automata_.find(language);
  if (known != automata_.end()) return known->second;
  std::shared_ptr<const Automaton> made = build(language);
  if (made && (!made->is_live(0, 0) || made->marks_ahead(0) == 0)) made = nullptr;
  if (made) total_states_ += made->states();
  if (total_states_ > limits_.max_total_states)
    throw Refusal("pattern", "", "all automata together need too many states");
  return automata_[language] = made;
}

namespace {

// The automata of formats, which are few and used again and again.
struct FormatAutomata {
  std::mutex mutex;
  std::unordered_map<std::string, std::shared_ptr<const Automaton>> by_name;
};

FormatAutomata& format_automata() {
  static FormatAutomata automata;
  return automata;
}

}  // namespace

bool Languages::is_empty(LanguageId language) {
  // Outside all lists there are texts without end, and they are all alike where nothing else tells them
  // apart.
  if (!has_patterns(language) && evaluate_outside_lists(language)) return false;
  const Kind kind = nodes_[language].kind;
  const bool is_combined = kind == Kind::kAnd || kind == Kind::kOr || kind == Kind::kNot;
  if (is_combined && !automata_.contains(language))
    if (const std::optional<bool> found = has_text(language)) return !*found;
  return automaton(language) == nullptr;
}

LanguageId Languages::format(const std::string& name, const std::string& pattern, const std::string& path) {
  const LanguageId language = this->pattern(pattern, "format", path);
  FormatAutomata& shared = format_automata();
  {
    const std::lock_guard lock(shared.mutex);
    const auto known = shared.by_name.find(name);
    if (known != shared.by_name.end()) return automata_[language] = known->second, language;
  }
  const auto made = automaton(language);
  const std::lock_guard lock(shared.mutex);
  shared.by_name.emplace(name, made);
  return language;
}

Languages::Product Languages::product_of(LanguageId language) const {
  Product out;
  std::vector<LanguageId> atoms;
  find_atoms(language, atoms);
  for (const LanguageId atom : atoms) {
    const Node& one = nodes_[atom];
    if (one.kind == Kind::kLength) {
      out.lengths.push_back(atom);
      if (one.least > 0) out.thresholds.push_back(one.least);
      if (one.most != kUnbounded) out.thresholds.push_back(one.most + 1);
      continue;
    }
    if (one.kind == Kind::kPattern) out.keyword = one.keyword, out.path = one.path;
    out.of_machine.push_back(atom);
    out.machines.push_back(machine_of(one));
  }
  std::sort(out.thresholds.begin(), out.thresholds.end());
  out.thresholds.erase(std::unique(out.thresholds.begin(), out.thresholds.end()), out.thresholds.end());
  if (out.thresholds.size() > 31)
    throw Refusal("maxLength", out.path, "too many different lengths meet in one value");
  return out;
}

uint32_t Languages::marks(LanguageId language, const Product& of, std::span<const uint32_t> states) const {
  std::unordered_map<LanguageId, bool> is_in;
  for (size_t i = 0; i < of.machines.size(); ++i)
    is_in[of.of_machine[i]] = states[i] != Machine::kDead && of.machines[i]->accepts(states[i]);
  uint32_t bits = 0;
  for (size_t interval = 0; interval <= of.thresholds.size(); ++interval) {
    const uint32_t count = interval == 0 ? 0 : of.thresholds[interval - 1];
    for (const LanguageId length : of.lengths)
      is_in[length] = count >= nodes_[length].least && count <= nodes_[length].most;
    if (evaluate(language, is_in)) bits |= 1U << interval;
  }
  return bits;
}

// Whether there is one, without an automaton, where few states tell.
std::optional<bool> Languages::has_text(LanguageId language) const {
  constexpr size_t kMostStates = 2000;
  const Product of = product_of(language);
  const auto is_in = [&](std::span<const uint32_t> states, uint32_t characters) {
    size_t interval = 0;
    while (interval < of.thresholds.size() && characters >= of.thresholds[interval]) ++interval;
    return (marks(language, of, states) >> interval & 1) != 0;
  };
  const std::optional<bool> found = has_short_text(of.machines, is_in, kMostStates);
  // Where lengths count, a longer text may be in the language whose states a shorter one leads to as well.
  return found.value_or(false) || of.lengths.empty() ? found : std::nullopt;
}

std::shared_ptr<const Automaton> Languages::build(LanguageId language) {
  const Node& node = nodes_[language];
  if (node.kind == Kind::kAll) return automaton_of_all_texts();
  if (node.kind == Kind::kNone) return nullptr;
  if (node.kind == Kind::kTexts) {
    Automaton::Builder builder = trie_of(node.texts, 0);
    for (uint32_t& mark : builder.marks) mark = std::min(mark, 1U);
    auto made = std::make_shared<Automaton>(std::move(builder));
    made->count_texts();
    return made;
  }
  Product of = product_of(language);
  const auto mark = [&](std::span<const uint32_t> states) { return marks(language, of, states); };
  Automaton::Builder builder = product(of.machines, mark, limits_, of.keyword, of.path);
  builder.thresholds = std::move(of.thresholds);
  builder.limits = limits_;
  auto made = std::make_shared<Automaton>(std::move(builder));
  made->count_texts();
  return made;
}

Languages::Names Languages::names(const std::vector<std::u32string>& listed,
                                  const std::vector<LanguageId>& told_apart, const std::string& path) {
  Names out;
  const auto first_other = static_cast<uint32_t>(listed.size() + 1);
  const bool is_simple =
      std::none_of(told_apart.begin(), told_apart.end(), [&](LanguageId l) { return has_patterns(l); });
  if (is_simple) {
    // Lists of names are listed; outside them each language has all names or none.
    uint64_t bits = 0;
    for (size_t i = 0; i < told_apart.size(); ++i)
      if (evaluate_outside_lists(told_apart[i])) bits |= uint64_t{1} << i;
    out.combinations = {bits};
    out.builder = trie_of(listed, first_other);
    return out;
  }
  std::vector<LanguageId> atoms;
  for (const LanguageId language : told_apart) find_atoms(language, atoms);
  std::vector<std::unique_ptr<Machine>> machines;
  machines.push_back(std::make_unique<LiteralMachine>(listed));
  for (const LanguageId atom : atoms) machines.push_back(machine_of(nodes_[atom]));
  std::unordered_map<LanguageId, bool> is_in;
  const auto mark = [&](std::span<const uint32_t> states) -> uint32_t {
    const int index = static_cast<const LiteralMachine&>(*machines[0]).index_of(states[0]);
    if (index >= 0) return static_cast<uint32_t>(index + 1);
    for (size_t i = 0; i < atoms.size(); ++i)
      is_in[atoms[i]] = states[i + 1] != Machine::kDead && machines[i + 1]->accepts(states[i + 1]);
    uint64_t bits = 0;
    for (size_t i = 0; i < told_apart.size(); ++i)
      if (evaluate(told_apart[i], is_in)) bits |= uint64_t{1} << i;
    auto place = std::find(out.combinations.begin(), out.combinations.end(), bits);
    if (place == out.combinations.end()) place = out.combinations.insert(place, bits);
    return first_other + static_cast<uint32_t>(place - out.combinations.begin());
  };
  out.builder = product(machines, mark, limits_, "patternProperties", path);
  return out;
}

bool Languages::evaluate_outside_lists(LanguageId language) const {
  const Node& node = nodes_[language];
  switch (node.kind) {
    case Kind::kAll:
      return true;
    case Kind::kNot:
      return !evaluate_outside_lists(node.parts[0]);
    case Kind::kAnd:
      return std::all_of(node.parts.begin(), node.parts.end(),
                         [&](LanguageId p) { return evaluate_outside_lists(p); });
    case Kind::kOr:
      return std::any_of(node.parts.begin(), node.parts.end(),
                         [&](LanguageId p) { return evaluate_outside_lists(p); });
    default:
      return false;
  }
}

std::shared_ptr<const Automaton> automaton_of_all_texts() {
  static const auto kAutomaton = [] {
    Automaton::Builder builder;
    builder.rows = {{{0, kLastCodePoint, 0}}};
    builder.marks = {1};
    return std::make_shared<const Automaton>(std::move(builder));
  }();
  return kAutomaton;
}

}  // namespace ferrum::grammar
