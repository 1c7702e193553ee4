#include "grammar/schema/translator.h"

#include <algorithm>

#include "base/utf8.h"
#include "grammar/schema/keyword_values.h"

namespace ferrum::grammar {
namespace {

using Type = JsonTree::Type;
constexpr size_t kMaxCases = 64;
constexpr int kMaxDepth = 400;

}  // namespace

Translator::Translator(SchemaDocument& document, Formulas& formulas, Languages& languages,
                       NumberSets& numbers, const Limits& limits)
    : document_(document), formulas_(formulas), languages_(languages), numbers_(numbers), limits_(limits) {}

uint32_t Translator::scope_in(const JsonTree& tree, uint32_t scope) {
  if (!document_.has_dynamic_references()) return 0;
  Scope inner = scopes_[scope];
  const JsonTree& resource = *document_.place_of(tree).resource;
  for (const auto& [name, target] : document_.dynamic_anchors(resource)) inner.emplace(name, target);
  const auto [place, is_new] = scope_ids_.emplace(inner, static_cast<uint32_t>(scopes_.size()));
  if (is_new) scopes_.push_back(std::move(inner));
  return place->second;
}

uint32_t Translator::number_of(const JsonTree& tree, uint32_t scope) {
  scope = scope_in(tree, scope);
  const auto [place, is_new] =
      numbers_of_schemas_.emplace(std::pair(&tree, scope), static_cast<uint32_t>(schemas_.size()));
  if (is_new) schemas_.push_back({&tree, scope, std::nullopt});
  return place->second;
}

FormulaId Translator::schema(const JsonTree& tree, uint32_t scope) {
  if (tree.type == Type::kTrue) return kTrue;
  if (tree.type == Type::kFalse) return kFalse;
  return formulas_.schema(number_of(tree, scope));
}

FormulaId Translator::formula_of(uint32_t number) {
  if (schemas_[number].formula) return *schemas_[number].formula;
  const JsonTree& tree = *schemas_[number].tree;
  if (schemas_[number].is_open)
    refuse(tree, "$ref", "the schema refers to itself without reading anything in between");
  if (++depth_ > kMaxDepth) refuse(tree, "$ref", "references are nested too deeply");
  schemas_[number].is_open = true;
  const FormulaId made = translate(tree, schemas_[number].scope);
  check_in_place(made);
  schemas_[number].is_open = false;
  schemas_[number].formula = made;
  --depth_;
  return made;
}

// A schema that applies to the same value must not lead back here.
void Translator::check_in_place(FormulaId formula) {
  if (checked_.contains(formula)) return;
  const Formula& node = formulas_[formula];
  if (node.kind == Formula::Kind::kSchema) formula_of(node.a);
  if (node.kind == Formula::Kind::kAnd || node.kind == Formula::Kind::kOr)
    for (const FormulaId part : node.parts) check_in_place(part);
  checked_.insert(formula);
}

std::u32string Translator::unicode(const std::string& text, const JsonTree& at, const char* keyword) {
  std::u32string out;
  for (std::string_view rest = text; !rest.empty();) {
    const utf8::Decoded c = utf8::decode(rest);
    if (!c.valid) refuse(at, keyword, "a text is no UTF-8");
    out += c.code_point;
    rest.remove_prefix(c.size);
  }
  return out;
}

std::optional<Decimal> Translator::decimal(const JsonTree& tree, const char* keyword) {
  const JsonTree* value = tree.find(keyword);
  if (!value) return std::nullopt;
  const auto number = value->type == Type::kNumber ? Decimal::parse(value->text) : std::nullopt;
  if (!number) refuse(tree, keyword, "it is no number");
  return number;
}

uint32_t Translator::count(const JsonTree& tree, const char* keyword, uint32_t otherwise) {
  const auto number = decimal(tree, keyword);
  if (!number) return otherwise;
  if (!number->is_integer() || number->is_negative()) refuse(tree, keyword, "it is no count");
  const auto value = number->small_integer();
  const bool is_least = std::string_view(keyword).starts_with("min");
  if (is_least && (!value || *value > static_cast<int64_t>(limits_.max_count)))
    refuse(tree, keyword, fmt::format("more than {} are required", limits_.max_count));
  if (!value || *value >= UINT32_MAX - 1) return otherwise;  // no text is as long as that
  return static_cast<uint32_t>(*value);
}

const JsonTree* Translator::reference(const JsonTree& tree, uint32_t scope) {
  const auto text_of = [&](const char* keyword) {
    const JsonTree* to = tree.find(keyword);
    return to && to->type == Type::kString ? to : nullptr;  // else refused already, or soon
  };
  if (draft(tree) == Draft::k2020)
    if (const JsonTree* to = text_of("$dynamicRef")) {
      const JsonTree& target = document_.resolve(tree, to->text, "$dynamicRef");
      const JsonTree* name = target.find("$dynamicAnchor");
      const size_t hash = to->text.find('#');
      if (!name || hash == std::string::npos || to->text.substr(hash + 1) != name->text) return &target;
      const auto outermost = scopes_[scope].find(name->text);
      return outermost == scopes_[scope].end() ? &target : outermost->second;
    }
  if (draft(tree) == Draft::k2019)
    if (const JsonTree* to = text_of("$recursiveRef")) {
      const JsonTree& target = document_.resolve(tree, to->text, "$recursiveRef");
      const JsonTree* flag = target.find("$recursiveAnchor");
      if (!flag || flag->type != Type::kTrue) return &target;
      const auto outermost = scopes_[scope].find("");
      return outermost == scopes_[scope].end() ? &target : outermost->second;
    }
  return nullptr;
}

FormulaId Translator::translate(const JsonTree& tree, uint32_t scope) {
  if (tree.is_boolean()) {
    if (draft(tree) == Draft::k4) refuse(tree, "schema", "in draft 4 a schema is an object");
    return tree.type == Type::kTrue ? kTrue : kFalse;
  }
  if (!tree.is_object()) refuse(tree, "schema", "it is neither an object nor true or false");
  std::vector<FormulaId> parts;
  for (const Case& one : cases_of_keywords(tree, scope)) parts.push_back(one.formula);
  return formulas_.any_of(std::move(parts), "unevaluatedProperties", path(tree));
}

// Whether a schema says which members or items it has looked at.
bool Translator::contributes(const JsonTree& tree, uint32_t scope, std::set<const JsonTree*>& seen) {
  if (!tree.is_object() || !seen.insert(&tree).second) return false;
  for (const char* keyword :
       {"properties", "patternProperties", "additionalProperties", "unevaluatedProperties", "items",
        "prefixItems", "unevaluatedItems", "contains"})
    if (tree.find(keyword)) return true;
  const auto of = [&](const JsonTree* one) { return one && contributes(*one, scope, seen); };
  for (const char* keyword : {"if", "then", "else"})
    if (of(tree.find(keyword))) return true;
  for (const char* keyword : {"allOf", "anyOf", "oneOf"})
    if (const JsonTree* list = tree.find(keyword))
      for (const JsonTree& one : list->items)
        if (of(&one)) return true;
  if (const JsonTree* members = tree.find("dependentSchemas"))
    for (const auto& [name, one] : members->members)
      if (of(&one)) return true;
  if (const JsonTree* to = tree.find("$ref");
      to && to->type == Type::kString && of(&document_.resolve(tree, to->text, "$ref")))
    return true;
  return of(reference(tree, scope));
}

std::vector<Translator::Case> Translator::cases(const JsonTree& tree, uint32_t scope) {
  std::set<const JsonTree*> seen;
  if (!contributes(tree, scope, seen)) return {{.formula = schema(tree, scope)}};
  if (++depth_ > kMaxDepth)
    refuse(tree, "$ref", "the schema refers to itself without reading anything in between");
  const std::vector<Case> out = cases_of_keywords(tree, scope_in(tree, scope), true);
  --depth_;
  return out;
}

std::vector<Translator::Case> Translator::cases_of_keywords(const JsonTree& tree, uint32_t scope,
                                                            bool needs_cases) {
  const Draft in = draft(tree);
  const JsonTree* ref = tree.find("$ref");
  if (!ref || ref->type != Type::kString || in >= Draft::k2019)  // else what stands beside it says nothing
    check_keyword_values(tree, document_.place_of(tree));
  const JsonTree* members_left = in >= Draft::k2019 ? tree.find("unevaluatedProperties") : nullptr;
  const JsonTree* items_left = in >= Draft::k2019 ? tree.find("unevaluatedItems") : nullptr;
  needs_cases = needs_cases || members_left || items_left;
  const auto of = [&](const JsonTree& one) {
    return needs_cases ? cases(one, scope) : std::vector<Case>{{.formula = schema(one, scope)}};
  };
  if (ref && in <= Draft::k7) return of(document_.resolve(tree, ref->text, "$ref"));

  Case own;
  own.formula = formulas_.all_of({type_keywords(tree), string_keywords(tree), number_keywords(tree),
                                  array_keywords(tree, scope, own), object_keywords(tree, scope, own)});
  std::vector<Case> all = {own};
  const auto together = [&](const Case& a, const Case& b) {
    Case both = a;
    both.formula = formulas_.all_of({a.formula, b.formula});
    both.names = languages_.any_of({a.names, b.names});
    both.prefix = std::max(a.prefix, b.prefix);
    both.all_items = a.all_items || b.all_items;
    both.contains.insert(both.contains.end(), b.contains.begin(), b.contains.end());
    return both;
  };
  const auto multiply = [&](const std::vector<Case>& more, const char* keyword) {
    std::vector<Case> products;
    for (const Case& a : all)
      for (const Case& b : more)
        if (Case both = together(a, b); both.formula != kFalse) products.push_back(std::move(both));
    all = std::move(products);
    if (all.size() > kMaxCases)
      refuse(tree, keyword, "it has too many alternatives beside an unevaluated keyword");
  };
  const auto one_formula = [&](FormulaId formula) { return std::vector<Case>{{.formula = formula}}; };

  if (ref) multiply(of(document_.resolve(tree, ref->text, "$ref")), "$ref");
  if (const JsonTree* target = reference(tree, scope)) multiply(of(*target), "$dynamicRef");
  for (const char* keyword : {"allOf", "anyOf", "oneOf"}) {
    const JsonTree* list = tree.find(keyword);
    if (!list) continue;
    if (list->type != Type::kArray || list->items.empty()) refuse(tree, keyword, "it is no list of schemas");
    if (std::string_view(keyword) == "allOf") {
      for (const JsonTree& one : list->items) multiply(of(one), keyword);
    } else if (std::string_view(keyword) == "oneOf") {
      multiply(one_of(tree, scope, *list, needs_cases), keyword);
    } else if (!needs_cases) {
      std::vector<FormulaId> parts;
      for (const JsonTree& one : list->items) parts.push_back(schema(one, scope));
      multiply(one_formula(formulas_.any_of(std::move(parts), keyword, path(tree))), keyword);
    } else {
      // Every set of alternatives that hold together: more of them leave less unevaluated.
      std::vector<Case> sets;
      for (const JsonTree& one : list->items) {
        const std::vector<Case> more = cases(one, scope);
        const std::vector<Case> before = sets;
        sets.insert(sets.end(), more.begin(), more.end());
        for (const Case& a : before)
          for (const Case& b : more) sets.push_back(together(a, b));
        if (sets.size() > kMaxCases * 4)
          refuse(tree, keyword, "it has too many alternatives beside an unevaluated keyword");
      }
      multiply(sets, keyword);
    }
  }
  if (const JsonTree* other = tree.find("not"))
    multiply(one_formula(formulas_.negation(schema(*other, scope))), "not");
  if (const JsonTree* condition = in >= Draft::k7 ? tree.find("if") : nullptr) {
    std::vector<Case> both;
    const JsonTree *then = tree.find("then"), *otherwise = tree.find("else");
    for (const Case& a : of(*condition)) {
      if (!then) both.push_back(a);
      if (then)
        for (const Case& b : of(*then)) both.push_back(together(a, b));
    }
    const Case fails = {.formula = formulas_.negation(schema(*condition, scope))};
    if (!otherwise) both.push_back(fails);
    if (otherwise)
      for (const Case& b : of(*otherwise)) both.push_back(together(fails, b));
    if (needs_cases) {
      multiply(both, "if");
    } else if (then || otherwise) {
      multiply(one_formula(formulas_.any_of({both[0].formula, both[1].formula}, "if", path(tree))), "if");
    }
  }
  const JsonTree* dependent = needs_cases && in >= Draft::k2019 ? tree.find("dependentSchemas") : nullptr;
  if (dependent)
    for (const auto& [name, one] : dependent->members) {
      const FormulaId present =
          formulas_.typed(kObjectBit, required(unicode(name, tree, "dependentSchemas")));
      std::vector<Case> both = one_formula(formulas_.negation(present));
      for (const Case& b : cases(one, scope)) both.push_back(together({.formula = present}, b));
      multiply(both, "dependentSchemas");
    }
  for (Case& one : all) {
    if (items_left && !one.all_items) {
      std::vector<FormulaId> fits = one.contains;
      fits.push_back(schema(*items_left, scope));
      one.formula = formulas_.all_of(
          {one.formula, formulas_.items(one.prefix, UINT32_MAX,
                                        formulas_.any_of(std::move(fits), "unevaluatedItems", path(tree)))});
    }
    if (members_left)
      one.formula = formulas_.all_of(
          {one.formula, formulas_.members(languages_.complement(one.names), schema(*members_left, scope))});
    if (items_left) one.all_items = true;
    if (members_left) one.names = Languages::kAll;
  }
  return all;
}

// Exactly one of the list: each with the negation of those that it does not exclude by itself.
std::vector<Translator::Case> Translator::one_of(const JsonTree& tree, uint32_t scope, const JsonTree& list,
                                                 bool needs_cases) {
  std::vector<FormulaId> whole;
  for (const JsonTree& one : list.items) whole.push_back(schema(one, scope));
  std::vector<std::vector<FormulaId>> others(whole.size());
  for (size_t i = 0; i < whole.size(); ++i)
    for (size_t j = i + 1; j < whole.size(); ++j) {
      if (are_disjoint(whole[i], whole[j])) continue;
      others[i].push_back(formulas_.negation(whole[j]));
      others[j].push_back(formulas_.negation(whole[i]));
    }
  std::vector<Case> out;
  std::vector<FormulaId> parts;
  for (size_t i = 0; i < whole.size(); ++i) {
    const FormulaId none = formulas_.all_of(others[i]);
    if (!needs_cases) {
      parts.push_back(formulas_.all_of({whole[i], none}));
      continue;
    }
    for (Case one : cases(list.items[i], scope)) {
      one.formula = formulas_.all_of({one.formula, none});
      out.push_back(std::move(one));
    }
  }
  if (!needs_cases) out.push_back({.formula = formulas_.any_of(std::move(parts), "oneOf", path(tree))});
  return out;
}

}  // namespace ferrum::grammar
