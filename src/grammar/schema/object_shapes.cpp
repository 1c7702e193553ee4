// Conjunctions of what is said of an object, as shapes.
#include <algorithm>

#include "grammar/object_rules.h"
#include "grammar/schema/expander.h"

namespace ferrum::grammar {
namespace {

using Kind = Formula::Kind;
constexpr size_t kMaxNames = 20'000, kMaxDuties = 4, kMaxLanguages = 60;

}  // namespace

Expander::ObjectParts Expander::object_parts(const Conjunction& atoms) {
  ObjectParts out;
  std::vector<uint32_t>& index = known_.index;  // by name; of those in out.names
  const auto list = [&](LanguageId language) {
    for (const NameId name : known_.names.listed(language)) {
      if (name >= index.size()) index.resize(name + size_t{1}, UINT32_MAX);
      if (index[name] < out.names.size() && out.names[index[name]] == name) continue;
      index[name] = static_cast<uint32_t>(out.names.size());
      out.names.push_back(name);
    }
  };
  // First the members that are described, in their order, then those that are only required or forbidden.
  for (const FormulaId atom : atoms)
    if (const Formula& node = formulas_[atom]; node.kind == Kind::kMembers && languages_.list_of(node.a))
      list(node.a);
  for (const FormulaId atom : atoms)
    if (const Formula& node = formulas_[atom]; node.kind == Kind::kMembers || node.kind == Kind::kSomeMember)
      list(node.a);
  if (out.names.size() > kMaxNames) throw Refusal("properties", "#", "there are too many of them");
  out.required.resize(out.names.size());
  out.fit.resize(out.names.size());
  for (const FormulaId atom : atoms) {
    const Formula& node = formulas_[atom];
    const bool is_of_members = node.kind == Kind::kMembers || node.kind == Kind::kSomeMember;
    const bool is_listed = is_of_members && languages_.list_of(node.a);
    if (node.kind == Kind::kMemberCount) {
      out.least = std::max(out.least, node.least);
      out.most = std::min(out.most, node.most);
    } else if (is_listed && (node.kind == Kind::kMembers || known_.names.listed(node.a).size() == 1)) {
      for (const NameId name : known_.names.listed(node.a)) {
        const size_t i = index[name];
        if (node.b != kTrue) out.fit[i].push_back(node.b);
        if (node.kind == Kind::kSomeMember) out.required[i] = true;
      }
    } else if (node.kind == Kind::kMembers) {
      for (size_t i = 0; i < out.names.size(); ++i)
        if (known_.names.contains(node.a, out.names[i])) out.fit[i].push_back(node.b);
    } else if (node.kind == Kind::kSomeMember) {
      out.duties.emplace_back(node.a, node.b);
    }
  }
  return out;
}

// What follows from an object within itself holds only there, so it is not kept.
bool Expander::is_object_inhabited(const Conjunction& atoms) {
  const auto known = known_.objects.find(atoms);
  if (known != known_.objects.end()) return known->second;
  const bool outer = leaned_on_open_;
  leaned_on_open_ = false;
  const bool found = find_object(atoms);
  if (found || !leaned_on_open_) known_.objects.emplace(atoms, found);
  leaned_on_open_ = leaned_on_open_ || outer;
  return found;
}

bool Expander::find_object(const Conjunction& atoms) {
  const ObjectParts parts = object_parts(atoms);
  if (parts.least > parts.most) return false;
  uint32_t required = 0;
  for (size_t i = 0; i < parts.names.size(); ++i) {
    if (!parts.required[i]) continue;
    ++required;
    if (is_empty(goal(parts.fit[i]))) return false;
  }
  if (required > parts.most) return false;
  if (parts.least <= required && parts.duties.empty()) return true;
  // What else must come is seen when the shape is there.
  return object_shape(atoms).has_value();
}

std::vector<Choice> Expander::choices(const Conjunction& fit, const std::vector<FormulaId>& duties,
                                      uint32_t possible) {
  std::vector<Choice> out;
  for (uint32_t met = 0; met < 1U << duties.size(); ++met) {
    if ((met & ~possible) != 0) continue;
    Conjunction parts = fit;
    for (size_t d = 0; d < duties.size(); ++d)
      if (met >> d & 1) parts.push_back(duties[d]);
    const uint32_t wanted = goal(parts);
    if (!is_empty(wanted)) out.push_back({met, build(wanted)});
  }
  return out;
}

std::optional<ObjectShape> Expander::object_shape(const Conjunction& atoms) {
  const ObjectParts parts = object_parts(atoms);
  ObjectShape out;
  out.least = parts.least;
  out.most = parts.most;
  if (parts.duties.size() > kMaxDuties || (parts.duties.size() > 1 && parts.most != UINT32_MAX))
    throw Refusal("not", "#", "it asks for too many members at once whose names are not listed");
  out.duties = (1U << parts.duties.size()) - 1;
  std::vector<FormulaId> duties;
  for (const auto& duty : parts.duties) duties.push_back(duty.second);
  for (size_t i = 0; i < parts.names.size(); ++i) {
    uint32_t possible = 0;
    for (size_t d = 0; d < duties.size(); ++d)
      if (known_.names.contains(parts.duties[d].first, parts.names[i])) possible |= 1U << d;
    out.listed.push_back({parts.required[i], choices(parts.fit[i], duties, possible)});
    if (parts.required[i] && out.listed.back().choices.empty()) return std::nullopt;
  }
  // Names that are not listed, by what they are in.
  std::vector<LanguageId> languages;
  std::vector<FormulaId> fits;
  for (const FormulaId atom : atoms)
    if (const Formula& node = formulas_[atom]; node.kind == Kind::kMembers && !languages_.list_of(node.a)) {
      languages.push_back(node.a);
      fits.push_back(node.b);
    }
  const size_t first_duty = languages.size();
  for (const auto& duty : parts.duties) languages.push_back(duty.first);
  if (languages.size() > kMaxLanguages)
    throw Refusal("patternProperties", "#", "too many of them meet in one object");
  std::vector<std::u32string> texts;
  for (const NameId name : parts.names) texts.push_back(known_.names[name]);
  Languages::Names names = languages_.names(texts, languages, "#");
  std::vector<uint32_t> mark_of(names.combinations.size(), 0);
  for (size_t c = 0; c < names.combinations.size(); ++c) {
    Conjunction fit;
    uint32_t possible = 0;
    for (size_t l = 0; l < languages.size(); ++l) {
      if ((names.combinations[c] >> l & 1) == 0) continue;
      if (l < first_duty)
        fit.push_back(fits[l]);
      else
        possible |= 1U << (l - first_duty);
    }
    std::vector<Choice> of = choices(fit, duties, possible);
    if (of.empty()) continue;
    out.others.push_back({false, std::move(of)});
    mark_of[c] = static_cast<uint32_t>(out.first_other() + out.others.size() - 1);
    for (const Choice& choice : out.others.back().choices) out.duties_of_others |= choice.duties;
  }
  for (uint32_t& mark : names.builder.marks)
    if (mark >= out.first_other()) mark = mark_of[mark - out.first_other()];
  names.builder.limits = limits_;
  auto automaton = std::make_shared<Automaton>(std::move(names.builder));
  if (!out.others.empty()) {
    automaton->count_texts();
    const uint32_t all = automaton->texts_ahead(0);
    out.other_names = all == UINT32_MAX ? all : all - static_cast<uint32_t>(parts.names.size());
  }
  std::vector<std::vector<uint32_t>> below(automaton->states());
  for (uint32_t i = 0; i < parts.names.size(); ++i) {
    uint32_t state = 0;
    below[0].push_back(i);
    for (const char32_t c : texts[i]) {
      state = automaton->next(state, c);
      if (state == Automaton::kDead) break;
      below[state].push_back(i);
    }
  }
  for (const auto& list : below) {
    out.below_begin.push_back(static_cast<uint32_t>(out.below.size()));
    out.below.insert(out.below.end(), list.begin(), list.end());
  }
  out.below_begin.push_back(static_cast<uint32_t>(out.below.size()));
  out.names = std::move(automaton);
  out.finish();
  const Ref<ObjectFrame> empty(new ObjectFrame(out, {}, false));
  if (!can_finish(*empty, MemberOrder::kOfShape)) return std::nullopt;
  return out;
}

void ObjectShape::finish() {
  const size_t size = listed.size();
  required_from.assign(size + 1, 0);
  possible_from.assign(size + 1, 0);
  duties_from.assign(size + 1, 0);
  for (size_t i = size; i-- > 0;) {
    required_from[i] = required_from[i + 1] + (listed[i].is_required ? 1 : 0);
    possible_from[i] = possible_from[i + 1] + (listed[i].choices.empty() ? 0 : 1);
    duties_from[i] = duties_from[i + 1];
    for (const Choice& choice : listed[i].choices) duties_from[i] |= choice.duties;
  }
  other_ahead.assign(names->states(), false);
  for (uint32_t q = 0; q < names->states(); ++q) other_ahead[q] = names->mark(q) >= first_other();
  for (bool changed = !others.empty(); changed;) {
    changed = false;
    for (uint32_t q = names->states(); q-- > 0;)
      for (const Automaton::Transition& t : names->transitions(q))
        if (!other_ahead[q] && other_ahead[t.next]) other_ahead[q] = changed = true;
  }
}

}  // namespace ferrum::grammar
