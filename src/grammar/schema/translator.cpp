#include "grammar/schema/translator.h"

#include <algorithm>

#include "base/utf8.h"
#include "grammar/schema/formats.h"

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
  const Formula node = formulas_[formula];
  if (node.kind == Formula::Kind::kSchema) formula_of(node.a);
  if (node.kind == Formula::Kind::kAnd || node.kind == Formula::Kind::kOr)
    for (const FormulaId part : node.parts) check_in_place(part);
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

// --- values ---

FormulaId Translator::value(const JsonTree& tree, Draft draft) {
  switch (tree.type) {
    case Type::kNull:
      return formulas_.type(kNullBit);
    case Type::kTrue:
      return formulas_.type(kTrueBit);
    case Type::kFalse:
      return formulas_.type(kFalseBit);
    case Type::kString:
      return formulas_.typed(
          kStringBit, formulas_.text(languages_.texts({unicode(tree.text, document_.root(), "const")})));
    case Type::kNumber: {
      const auto number = Decimal::parse(tree.text);
      if (!number) refuse(document_.root(), "const", "a number's exponent is too large");
      return formulas_.typed(kNumberBit, formulas_.number(numbers_.equal_to(*number)));
    }
    case Type::kArray: {
      const auto size = static_cast<uint32_t>(tree.items.size());
      std::vector<FormulaId> parts = {formulas_.type(kArrayBit), formulas_.item_count(size, size)};
      for (uint32_t i = 0; i < size; ++i) parts.push_back(formulas_.items(i, i, value(tree.items[i], draft)));
      return formulas_.all_of(std::move(parts));
    }
    case Type::kObject: {
      std::vector<FormulaId> parts = {formulas_.type(kObjectBit)};
      std::vector<std::u32string> names;
      for (const auto& [name, member] : tree.members) {
        names.push_back(unicode(name, document_.root(), "const"));
        parts.push_back(formulas_.members(languages_.texts({names.back()}), value(member, draft)));
      }
      for (const std::u32string& name : names) parts.push_back(required(name));
      parts.push_back(formulas_.members(languages_.complement(languages_.texts(names)), kFalse));
      return formulas_.all_of(std::move(parts));
    }
  }
  return kFalse;
}

FormulaId Translator::value_list(const std::vector<JsonTree>& values, Draft draft) {
  std::vector<FormulaId> parts;
  std::vector<std::u32string> texts;
  std::vector<NumberSetId> numbers;
  for (const JsonTree& one : values) {
    if (one.type == Type::kString) {
      texts.push_back(unicode(one.text, document_.root(), "enum"));
    } else if (one.type == Type::kNumber) {
      const auto number = Decimal::parse(one.text);
      if (!number) refuse(document_.root(), "enum", "a number's exponent is too large");
      numbers.push_back(numbers_.equal_to(*number));
    } else {
      parts.push_back(value(one, draft));
    }
  }
  if (!texts.empty())
    parts.push_back(formulas_.typed(kStringBit, formulas_.text(languages_.texts(std::move(texts)))));
  if (!numbers.empty())
    parts.push_back(formulas_.typed(kNumberBit, formulas_.number(numbers_.any_of(std::move(numbers)))));
  return formulas_.any_of(std::move(parts), "enum", "");
}

FormulaId Translator::type_named(const JsonTree& name, const JsonTree& of) {
  static const std::map<std::string, uint32_t> kTypes = {
      {"null", kNullBit},     {"boolean", kTrueBit | kFalseBit},
      {"string", kStringBit}, {"number", kNumberBit},
      {"array", kArrayBit},   {"object", kObjectBit}};
  if (name.type == Type::kString && name.text == "integer") {
    const auto which =
        draft(of) == Draft::k4 ? NumberSets::Integers::kByWriting : NumberSets::Integers::kByValue;
    return formulas_.typed(kNumberBit, formulas_.number(numbers_.integers(which)));
  }
  const auto found = name.type == Type::kString ? kTypes.find(name.text) : kTypes.end();
  if (found == kTypes.end()) refuse(of, "type", in_quotes(name.text) + " is no type");
  return formulas_.type(found->second);
}

FormulaId Translator::type_keywords(const JsonTree& tree) {
  std::vector<FormulaId> parts;
  if (const JsonTree* type = tree.find("type")) {
    if (type->type == Type::kArray) {
      std::vector<FormulaId> types;
      for (const JsonTree& one : type->items) types.push_back(type_named(one, tree));
      parts.push_back(formulas_.any_of(std::move(types), "type", path(tree)));
    } else {
      parts.push_back(type_named(*type, tree));
    }
  }
  if (const JsonTree* list = tree.find("enum")) {
    if (list->type != Type::kArray) refuse(tree, "enum", "it is no list");
    parts.push_back(value_list(list->items, draft(tree)));
  }
  if (const JsonTree* one = tree.find("const"); one && draft(tree) >= Draft::k6)
    parts.push_back(value(*one, draft(tree)));
  return formulas_.all_of(std::move(parts));
}

FormulaId Translator::string_keywords(const JsonTree& tree) {
  std::vector<LanguageId> parts = {
      languages_.length(count(tree, "minLength", 0), count(tree, "maxLength", kUnbounded))};
  if (const JsonTree* pattern = tree.find("pattern")) {
    if (pattern->type != Type::kString) refuse(tree, "pattern", "it is no text");
    parts.push_back(languages_.pattern(pattern->text, "pattern", path(tree)));
  }
  if (const JsonTree* lark = tree.find("x-lark")) {
    if (lark->type != Type::kString) refuse(tree, "x-lark", "it is no text");
    parts.push_back(languages_.lark(lark->text, path(tree)));
  }
  const JsonTree* format = tree.find("format");
  if (format && format->type == Type::kString) {
    const FormatPattern known = format_pattern(format->text);
    if (known.is_defined && !known.pattern)
      refuse(tree, "format", in_quotes(format->text) + " is not supported");
    if (known.pattern) parts.push_back(languages_.format(format->text, known.pattern, path(tree)));
    parts.push_back(languages_.length(0, known.most));
  }
  return formulas_.text(languages_.all_of(std::move(parts)));
}

FormulaId Translator::number_keywords(const JsonTree& tree) {
  std::vector<NumberSetId> parts;
  const auto minimum = decimal(tree, "minimum"), maximum = decimal(tree, "maximum");
  if (draft(tree) == Draft::k4) {
    const auto is_exclusive = [&](const char* keyword) {
      const JsonTree* flag = tree.find(keyword);
      if (flag && !flag->is_boolean()) refuse(tree, keyword, "in draft 4 it is true or false");
      return flag && flag->type == Type::kTrue;
    };
    const bool above = is_exclusive("exclusiveMinimum"), below = is_exclusive("exclusiveMaximum");
    if (minimum)
      parts.push_back(above ? numbers_.complement(numbers_.at_most(*minimum)) : numbers_.at_least(*minimum));
    if (maximum)
      parts.push_back(below ? numbers_.complement(numbers_.at_least(*maximum)) : numbers_.at_most(*maximum));
  } else {
    if (minimum) parts.push_back(numbers_.at_least(*minimum));
    if (maximum) parts.push_back(numbers_.at_most(*maximum));
    if (const auto bound = decimal(tree, "exclusiveMinimum"))
      parts.push_back(numbers_.complement(numbers_.at_most(*bound)));
    if (const auto bound = decimal(tree, "exclusiveMaximum"))
      parts.push_back(numbers_.complement(numbers_.at_least(*bound)));
  }
  if (const auto divisor = decimal(tree, "multipleOf")) {
    if (divisor->is_zero() || divisor->is_negative()) refuse(tree, "multipleOf", "it is not above 0");
    parts.push_back(numbers_.multiples_of(*divisor, path(tree)));
  }
  return formulas_.number(numbers_.all_of(std::move(parts)));
}

// --- arrays and objects ---

FormulaId Translator::array_keywords(const JsonTree& tree, uint32_t scope, Case& seen) {
  std::vector<FormulaId> parts = {
      formulas_.item_count(count(tree, "minItems", 0), count(tree, "maxItems", UINT32_MAX))};
  const bool is_2020 = draft(tree) == Draft::k2020;
  const JsonTree* items = tree.find("items");
  const JsonTree* prefix = is_2020                                ? tree.find("prefixItems")
                           : items && items->type == Type::kArray ? items
                                                                  : nullptr;
  if (prefix && prefix->type != Type::kArray) refuse(tree, "prefixItems", "it is no list of schemas");
  if (is_2020 && items && items->type == Type::kArray)
    refuse(tree, "items", "a list of schemas is prefixItems in draft 2020-12");
  const JsonTree* rest = prefix && !is_2020 ? tree.find("additionalItems") : items;
  uint32_t at = 0;
  if (prefix)
    for (const JsonTree& one : prefix->items) {
      parts.push_back(formulas_.items(at, at, schema(one, scope)));
      ++at;
    }
  seen.prefix = std::max(seen.prefix, at);
  if (rest) {
    parts.push_back(formulas_.items(at, UINT32_MAX, schema(*rest, scope)));
    seen.all_items = true;
  }
  const JsonTree* contains = draft(tree) >= Draft::k6 ? tree.find("contains") : nullptr;
  if (contains) {
    const bool counts = draft(tree) >= Draft::k2019;
    const uint32_t least = counts ? count(tree, "minContains", 1) : 1;
    const uint32_t most = counts ? count(tree, "maxContains", UINT32_MAX) : UINT32_MAX;
    const FormulaId fit = schema(*contains, scope);
    parts.push_back(formulas_.contains(0, fit, least, most));
    if (is_2020) seen.contains.push_back(fit);
  }
  const JsonTree* unique = tree.find("uniqueItems");
  if (unique && !unique->is_boolean()) refuse(tree, "uniqueItems", "it is neither true nor false");
  if (unique && unique->type == Type::kTrue) parts.push_back(formulas_.unique(path(tree)));
  return formulas_.all_of(std::move(parts));
}

FormulaId Translator::object_keywords(const JsonTree& tree, uint32_t scope, Case& seen) {
  std::vector<FormulaId> parts;
  std::vector<LanguageId> names;
  const auto by_name = [&](const char* keyword, const auto& language_of) {
    const JsonTree* members = tree.find(keyword);
    if (!members) return;
    if (!members->is_object()) refuse(tree, keyword, "it is no object");
    for (const auto& [name, one] : members->members) {
      const LanguageId language = language_of(name);
      parts.push_back(formulas_.members(language, schema(one, scope)));
      names.push_back(language);
    }
  };
  by_name("properties",
          [&](const std::string& name) { return languages_.texts({unicode(name, tree, "properties")}); });
  by_name("patternProperties",
          [&](const std::string& name) { return languages_.pattern(name, "patternProperties", path(tree)); });
  LanguageId named = languages_.any_of(names);
  if (const JsonTree* others = tree.find("additionalProperties")) {
    parts.push_back(formulas_.members(languages_.complement(named), schema(*others, scope)));
    named = Languages::kAll;
  }
  seen.names = languages_.any_of({seen.names, named});
  if (const JsonTree* list = tree.find("required")) parts.push_back(required_list(*list, tree, "required"));
  parts.push_back(
      formulas_.member_count(count(tree, "minProperties", 0), count(tree, "maxProperties", UINT32_MAX)));
  const JsonTree* of_names = draft(tree) >= Draft::k6 ? tree.find("propertyNames") : nullptr;
  if (of_names)
    parts.push_back(formulas_.members(languages_.complement(names_of(schema(*of_names, scope))), kFalse));
  parts.push_back(dependency_keywords(tree, scope));
  return formulas_.all_of(std::move(parts));
}

// The texts of which a formula is true.
LanguageId Translator::names_of(FormulaId formula) {
  const Formula node = formulas_[formula];
  switch (node.kind) {
    case Formula::Kind::kFalse:
      return Languages::kNone;
    case Formula::Kind::kType:
      return node.a & kStringBit ? Languages::kAll : Languages::kNone;
    case Formula::Kind::kText:
      return node.a;
    case Formula::Kind::kSchema: {
      const FormulaId inner = formula_of(node.a);
      return names_of(node.b == 1 ? formulas_.negation(inner) : inner);
    }
    case Formula::Kind::kAnd:
    case Formula::Kind::kOr: {
      std::vector<LanguageId> parts;
      for (const FormulaId part : node.parts) parts.push_back(names_of(part));
      return node.kind == Formula::Kind::kAnd ? languages_.all_of(std::move(parts))
                                              : languages_.any_of(std::move(parts));
    }
    default:
      return Languages::kAll;
  }
}

NumberSetId Translator::numbers_of(FormulaId formula) {
  const Formula node = formulas_[formula];
  switch (node.kind) {
    case Formula::Kind::kFalse:
      return NumberSets::kNone;
    case Formula::Kind::kType:
      return node.a & kNumberBit ? NumberSets::kAll : NumberSets::kNone;
    case Formula::Kind::kNumber:
      return node.a;
    case Formula::Kind::kSchema: {
      const FormulaId inner = formula_of(node.a);
      return numbers_of(node.b == 1 ? formulas_.negation(inner) : inner);
    }
    case Formula::Kind::kAnd:
    case Formula::Kind::kOr: {
      std::vector<NumberSetId> parts;
      for (const FormulaId part : node.parts) parts.push_back(numbers_of(part));
      return node.kind == Formula::Kind::kAnd ? numbers_.all_of(std::move(parts))
                                              : numbers_.any_of(std::move(parts));
    }
    default:
      return NumberSets::kAll;
  }
}

FormulaId Translator::required_list(const JsonTree& list, const JsonTree& at, const char* keyword) {
  if (list.type != Type::kArray) refuse(at, keyword, "it is no list of names");
  std::vector<FormulaId> parts;
  for (const JsonTree& name : list.items) {
    if (name.type != Type::kString) refuse(at, keyword, "it is no list of names");
    parts.push_back(required(unicode(name.text, at, keyword)));
  }
  return formulas_.all_of(std::move(parts));
}

FormulaId Translator::dependency_keywords(const JsonTree& tree, uint32_t scope) {
  std::vector<FormulaId> parts;
  const auto add = [&](const char* keyword, bool takes_lists, bool takes_schemas) {
    const JsonTree* members = tree.find(keyword);
    if (!members) return;
    if (!members->is_object()) refuse(tree, keyword, "it is no object");
    for (const auto& [name, one] : members->members) {
      const bool is_list = one.type == Type::kArray;
      if (is_list ? !takes_lists : !takes_schemas)
        refuse(tree, keyword, "it holds something of the wrong kind");
      const FormulaId absent = formulas_.negation(required(unicode(name, tree, keyword)));
      const FormulaId then = is_list ? required_list(one, tree, keyword) : schema(one, scope);
      parts.push_back(
          formulas_.any_of({absent, formulas_.type(kAllBits & ~kObjectBit), then}, keyword, path(tree)));
    }
  };
  if (draft(tree) < Draft::k2019) {
    add("dependencies", true, true);
  } else {
    if (tree.find("dependencies"))
      refuse(tree, "dependencies", "since draft 2019-09 this is dependentRequired or dependentSchemas");
    add("dependentRequired", true, false);
    add("dependentSchemas", false, true);
  }
  return formulas_.all_of(std::move(parts));
}

// --- what applies to the same value ---

const JsonTree* Translator::reference(const JsonTree& tree, uint32_t scope) {
  const auto text_of = [&](const char* keyword) -> const JsonTree* {
    const JsonTree* to = tree.find(keyword);
    if (to && to->type != Type::kString) refuse(tree, keyword, "it is no text");
    return to;
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
  if (ref && ref->type != Type::kString) ref = nullptr;
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
      const FormulaId present = required(unicode(name, tree, "dependentSchemas"));
      std::vector<Case> both = one_formula(formulas_.negation(formulas_.typed(kObjectBit, present)));
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
