#include "grammar/schema/expander.h"

#include <algorithm>
#include <bit>

#include "grammar/rules.h"

namespace ferrum::grammar {
namespace {

using Kind = Formula::Kind;

void insert(std::vector<FormulaId>& set, FormulaId one) {
  const auto place = std::lower_bound(set.begin(), set.end(), one);
  if (place == set.end() || *place != one) set.insert(place, one);
}

bool contains(const std::vector<FormulaId>& set, FormulaId one) {
  return std::binary_search(set.begin(), set.end(), one);
}

}  // namespace

Expander::Expander(Translator& translator, Formulas& formulas, Languages& languages, NumberSets& numbers,
                   Program& program, const Limits& limits)
    : translator_(translator),
      formulas_(formulas),
      languages_(languages),
      numbers_(numbers),
      program_(program),
      limits_(limits),
      known_(languages) {}

void Expander::expand(FormulaId root) {
  const uint32_t whole = goal({root});
  if (is_empty(whole)) throw Refusal("schema", "#", "no value fits it");
  const size_t first_array = program_.arrays.size();
  program_.root = build(whole);
  while (!to_fill_.empty()) {
    const uint32_t next = to_fill_.back();
    to_fill_.pop_back();
    fill(next);
  }
  const bool compares = std::any_of(program_.arrays.begin() + static_cast<std::ptrdiff_t>(first_array),
                                    program_.arrays.end(), [](const ArrayShape& a) { return a.is_unique; });
  if (compares && !rules_.empty())
    throw Refusal("x-lark", "#", "a grammar whose rules contain themselves cannot stand beside uniqueItems");
}

// --- goals ---

const Expander::Conjunction& Expander::flat(FormulaId formula) {
  const auto known = known_.flat.find(formula);
  if (known != known_.flat.end()) return known->second;
  Conjunction out;
  const auto add = [&](FormulaId part) {
    const Conjunction& more = flat(part);
    out.insert(out.end(), more.begin(), more.end());
  };
  const Formula& node = formulas_[formula];
  if (node.kind == Kind::kAnd) {
    for (const FormulaId part : node.parts) add(part);
  } else if (node.kind == Kind::kSchema) {
    const FormulaId inner = translator_.formula_of(node.a);
    add(node.b == 1 ? formulas_.negation(inner) : inner);
  } else if (formula != kTrue) {
    out.push_back(formula);
  }
  return known_.flat.emplace(formula, std::move(out)).first->second;
}

uint32_t Expander::goal(Conjunction parts) {
  Conjunction flat;
  for (const FormulaId part : parts) {
    const Conjunction& more = this->flat(part);
    flat.insert(flat.end(), more.begin(), more.end());
  }
  std::sort(flat.begin(), flat.end());
  flat.erase(std::unique(flat.begin(), flat.end()), flat.end());
  if (contains(flat, kFalse)) flat = {kFalse};
  uint32_t types = kAllBits;
  for (const FormulaId part : flat)
    if (formulas_[part].kind == Kind::kType) types &= formulas_[part].a;
  if (types == 0) flat = {kFalse};
  const auto [place, is_new] = ids_.emplace(flat, static_cast<uint32_t>(entries_.size()));
  if (is_new) {
    if (entries_.size() >= limits_.max_goals)
      throw Refusal("schema", "#", "its parts meet in too many combinations");
    entries_.push_back({std::move(flat)});
  }
  return place->second;
}

bool Expander::holds(FormulaId formula, TypeBit bit) { return truth(formula, bit).value_or(true); }

// Whether a formula is true, or false, of every value of a type.
std::optional<bool> Expander::truth(FormulaId formula, TypeBit bit) {
  auto& known = known_.truths[static_cast<size_t>(std::countr_zero(static_cast<uint32_t>(bit)))];
  const auto place = known.find(formula);
  if (place != known.end()) return place->second;
  const std::optional<bool> found = find_truth(formula, bit);
  known.emplace(formula, found);
  return found;
}

std::optional<bool> Expander::find_truth(FormulaId formula, TypeBit bit) {
  const Formula& node = formulas_[formula];
  switch (node.kind) {
    case Kind::kTrue:
      return true;
    case Kind::kFalse:
      return false;
    case Kind::kType:
      return (node.a & bit) != 0;
    case Kind::kSchema: {
      const uint32_t number = node.a, negated = node.b;
      const auto inner = truth(translator_.formula_of(number), bit);
      return inner && negated == 1 ? std::optional(!*inner) : inner;
    }
    case Kind::kAnd:
    case Kind::kOr: {
      const bool absorbing = node.kind == Kind::kOr;
      bool is_known = true;
      for (const FormulaId part : node.parts) {
        const auto one = truth(part, bit);
        if (one && *one == absorbing) return absorbing;
        is_known = is_known && one;
      }
      return is_known ? std::optional(!absorbing) : std::nullopt;
    }
    default:
      return type_of(node.kind) == bit ? std::nullopt : std::optional(true);
  }
}

TypeBit Expander::type_of(Kind kind) {
  switch (kind) {
    case Kind::kText:
      return kStringBit;
    case Kind::kNumber:
      return kNumberBit;
    case Kind::kMembers:
    case Kind::kSomeMember:
    case Kind::kMemberCount:
      return kObjectBit;
    default:
      return kArrayBit;
  }
}

bool Expander::has_literal(uint32_t goal, TypeBit bit) {
  const Conjunction& parts = entries_[goal].parts;
  return std::all_of(parts.begin(), parts.end(), [&](FormulaId part) { return holds(part, bit); });
}

LanguageId Expander::texts_of(uint32_t goal) {
  std::vector<LanguageId> parts;
  for (const FormulaId part : entries_[goal].parts) parts.push_back(translator_.names_of(part));
  return languages_.all_of(std::move(parts));
}

NumberSetId Expander::numbers_of(uint32_t goal) {
  std::vector<NumberSetId> parts;
  for (const FormulaId part : entries_[goal].parts) parts.push_back(translator_.numbers_of(part));
  return numbers_.all_of(std::move(parts));
}

bool Expander::is_empty(uint32_t goal) {
  Entry& entry = entries_[goal];
  if (entry.emptiness == Emptiness::kEmpty) return true;
  if (entry.emptiness == Emptiness::kInhabited) return false;
  if (entry.emptiness == Emptiness::kOpen) {
    // A value inside itself: the innermost one must do without. What follows from that holds only in here.
    leaned_on_open_ = true;
    return true;
  }
  if (open_ > 300) throw Refusal("$ref", "#", "required members are nested too deeply");
  entry.emptiness = Emptiness::kOpen;
  ++open_;
  const bool outer = leaned_on_open_;
  leaned_on_open_ = false;
  const bool inhabited = find_inhabitant(goal);
  --open_;
  Entry& done = entries_[goal];
  if (inhabited)
    done.emptiness = Emptiness::kInhabited;
  else
    done.emptiness = leaned_on_open_ && open_ > 0 ? Emptiness::kUnknown : Emptiness::kEmpty;
  leaned_on_open_ = (leaned_on_open_ && !inhabited && open_ > 0) || outer;
  return !inhabited;
}

bool Expander::find_inhabitant(uint32_t goal) {
  if (contains(entries_[goal].parts, kFalse)) return false;
  for (const TypeBit bit : {kNullBit, kTrueBit, kFalseBit})
    if (has_literal(goal, bit)) return true;
  const LanguageId texts = texts_of(goal);
  if (texts == Languages::kAll || languages_.rules_of(texts)) return true;
  if (!languages_.is_empty(texts)) return true;
  const NumberSetId numbers = numbers_of(goal);
  if (numbers == NumberSets::kAll || (numbers != NumberSets::kNone && numbers_.automaton(numbers)))
    return true;
  for (const Conjunction& atoms : shapes(goal, kArrayBit))
    if (is_array_inhabited(atoms)) return true;
  for (const Conjunction& atoms : shapes(goal, kObjectBit))
    if (is_object_inhabited(atoms)) return true;
  return false;
}

// --- conjunctions of atoms ---

struct Expander::Branches {
  TypeBit bit;
  std::deque<Conjunction> choices;  // numbered
  std::vector<Conjunction> found;
  std::string keyword = "anyOf", path = "#";
};

const std::vector<Expander::Conjunction>& Expander::shapes(uint32_t goal, TypeBit bit) {
  const auto kept = [&]() -> std::optional<std::vector<Conjunction>>& {
    return bit == kArrayBit ? entries_[goal].arrays : entries_[goal].objects;
  };
  if (kept()) return *kept();
  Branches search = {.bit = bit};
  branch(entries_[goal].parts, {}, {}, search);
  std::vector<Conjunction>& found = search.found;
  std::sort(found.begin(), found.end(), [](const Conjunction& a, const Conjunction& b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  });
  // One that asks for all that another asks for, and more, adds nothing to it.
  std::vector<Conjunction> out;
  for (Conjunction& one : found) {
    const bool is_covered = std::any_of(out.begin(), out.end(), [&](const Conjunction& less) {
      return std::includes(one.begin(), one.end(), less.begin(), less.end());
    });
    if (!is_covered) out.push_back(std::move(one));
  }
  std::sort(out.begin(), out.end());
  kept() = std::move(out);
  return *kept();
}

void Expander::branch(Conjunction todo, Conjunction atoms, std::vector<uint32_t> choices, Branches& search) {
  if (++work_ > 100'000)
    throw Refusal(search.keyword, search.path, "its alternatives combine in too many ways");
  bool is_more = false;
  while (!todo.empty()) {
    const FormulaId next = todo.back();
    todo.pop_back();
    const auto known = truth(next, search.bit);
    if (known && !*known) return;
    if (known) continue;
    const Formula& node = formulas_[next];
    if (node.kind == Kind::kAnd) {
      todo.insert(todo.end(), node.parts.begin(), node.parts.end());
    } else if (node.kind == Kind::kSchema) {
      const FormulaId inner = translator_.formula_of(node.a);
      todo.push_back(node.b == 1 ? formulas_.negation(inner) : inner);
    } else if (node.kind == Kind::kOr) {
      Conjunction open;
      for (const FormulaId part : node.parts)
        if (truth(part, search.bit).value_or(true)) open.push_back(part);
      if (open.size() == 1) {
        todo.push_back(open[0]);
      } else {
        choices.push_back(static_cast<uint32_t>(search.choices.size()));
        search.choices.push_back(std::move(open));
      }
      if (!node.path.empty()) search.keyword = node.keyword, search.path = node.path;
    } else {
      insert(atoms, next);
      is_more = true;
    }
  }
  std::erase_if(choices, [&](uint32_t number) {
    const Conjunction& choice = search.choices[number];
    return std::any_of(choice.begin(), choice.end(), [&](FormulaId one) { return contains(atoms, one); });
  });
  if (choices.empty()) {
    if (search.found.size() >= limits_.max_shapes * 4)
      throw Refusal(search.keyword, search.path, "its alternatives combine in too many ways");
    search.found.push_back(std::move(atoms));
    return;
  }
  if (is_more && is_contradiction(atoms, search.bit)) return;
  const auto smallest = std::min_element(choices.begin(), choices.end(), [&](uint32_t a, uint32_t b) {
    return search.choices[a].size() < search.choices[b].size();
  });
  const Conjunction& choice = search.choices[*smallest];
  choices.erase(smallest);
  for (const FormulaId one : choice) branch({one}, atoms, choices, search);
}

bool Expander::is_contradiction(const Conjunction& atoms, TypeBit bit) {
  return bit == kObjectBit ? !is_object_inhabited(atoms) : !is_array_inhabited(atoms);
}

// --- the program ---

GoalId Expander::build(uint32_t goal) {
  Entry& entry = entries_[goal];
  if (entry.built == kNoGoal) {
    entry.built = static_cast<GoalId>(program_.goals.size());
    program_.goals.emplace_back();
    to_fill_.push_back(goal);
  }
  return entry.built;
}

void Expander::fill(uint32_t goal) {
  Goal out;
  out.takes_null = has_literal(goal, kNullBit);
  out.takes_true = has_literal(goal, kTrueBit);
  out.takes_false = has_literal(goal, kFalseBit);
  const LanguageId texts = texts_of(goal);
  if (languages_.rules_of(texts))
    out.text_rule = rule_of(texts);
  else
    out.strings = languages_.automaton(texts);
  out.number_set = numbers_of(goal);
  out.numbers = numbers_.automaton(out.number_set);
  for (const Conjunction& atoms : shapes(goal, kArrayBit))
    if (auto shape = array_shape(atoms)) {
      out.arrays.push_back(static_cast<uint32_t>(program_.arrays.size()));
      program_.arrays.push_back(std::move(*shape));
    }
  for (const Conjunction& atoms : shapes(goal, kObjectBit))
    if (auto shape = object_shape(atoms)) {
      out.objects.push_back(static_cast<uint32_t>(program_.objects.size()));
      program_.objects.push_back(std::move(*shape));
    }
  if (out.objects.size() + out.arrays.size() > limits_.max_shapes)
    throw Refusal("anyOf", "#", "a value has too many alternatives");
  program_.goals[entries_[goal].built] = std::move(out);
}

uint32_t Expander::rule_of(LanguageId texts) {
  const auto [place, is_new] = rules_.emplace(texts, 0);
  if (is_new) place->second = add_rules(*languages_.rules_of(texts), limits_, program_);
  return place->second;
}

std::optional<uint32_t> Expander::values_of(uint32_t goal, int depth) {
  if (depth > 8) return UINT32_MAX;
  uint64_t sum = 0;
  for (const TypeBit bit : {kNullBit, kTrueBit, kFalseBit}) sum += has_literal(goal, bit) ? 1 : 0;
  if (languages_.rules_of(texts_of(goal))) return UINT32_MAX;
  if (const auto strings = languages_.automaton(texts_of(goal))) sum += strings->accepted_texts();
  if (const auto numbers = numbers_.automaton(numbers_of(goal))) sum += numbers->texts_ahead(0);
  if (sum >= UINT32_MAX) return UINT32_MAX;
  bool is_known = true;
  for (const Conjunction& atoms : shapes(goal, kArrayBit)) {
    const ArrayParts parts = array_parts(atoms);
    if (!is_array_inhabited(atoms)) continue;
    const uint32_t rest = this->goal(item_fit(atoms, parts.prefix));
    if (parts.most == UINT32_MAX && !is_empty(rest)) return UINT32_MAX;
    for (uint32_t i = 0; i <= parts.prefix && i < parts.most; ++i)
      if (values_of(this->goal(item_fit(atoms, i)), depth + 1) == UINT32_MAX) return UINT32_MAX;
    is_known = false;
  }
  for (const Conjunction& atoms : shapes(goal, kObjectBit)) {
    if (!is_object_inhabited(atoms)) continue;
    const ObjectParts parts = object_parts(atoms);
    bool is_closed = false;
    for (const FormulaId atom : atoms)
      is_closed = is_closed || (formulas_[atom].kind == Kind::kMembers && formulas_[atom].b == kFalse &&
                                !languages_.list_of(formulas_[atom].a));
    if (!is_closed && parts.most == UINT32_MAX) return UINT32_MAX;
    for (const Conjunction& fit : parts.fit)
      if (values_of(this->goal(fit), depth + 1) == UINT32_MAX) return UINT32_MAX;
    is_known = false;
  }
  if (!is_known) return std::nullopt;
  return static_cast<uint32_t>(sum);
}

}  // namespace ferrum::grammar
