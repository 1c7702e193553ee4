// What single keywords assert: of values, texts, numbers, arrays and objects.
#include <algorithm>

#include "grammar/schema/formats.h"
#include "grammar/schema/translator.h"

namespace ferrum::grammar {
namespace {

using Type = JsonTree::Type;

}  // namespace

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
    parts.push_back(languages_.pattern(pattern->text, "pattern", path(tree)));
  }
  if (const JsonTree* lark = tree.find("x-lark")) {
    if (lark->type != Type::kString) refuse(tree, "x-lark", "it is no text");
    parts.push_back(languages_.lark(lark->text, path(tree)));
  }
  if (const JsonTree* format = tree.find("format")) {
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
  const bool counts = draft(tree) >= Draft::k2019;
  const uint32_t least = counts ? count(tree, "minContains", 1) : 1;
  const uint32_t most = counts ? count(tree, "maxContains", UINT32_MAX) : UINT32_MAX;
  if (const JsonTree* contains = draft(tree) >= Draft::k6 ? tree.find("contains") : nullptr) {
    const FormulaId fit = schema(*contains, scope);
    parts.push_back(formulas_.contains(0, fit, least, most));
    if (is_2020) seen.contains.push_back(fit);
  }
  const JsonTree* unique = tree.find("uniqueItems");
  if (unique && unique->type == Type::kTrue) parts.push_back(formulas_.unique(path(tree)));
  return formulas_.all_of(std::move(parts));
}

FormulaId Translator::object_keywords(const JsonTree& tree, uint32_t scope, Case& seen) {
  std::vector<FormulaId> parts;
  std::vector<LanguageId> names;
  const auto by_name = [&](const char* keyword, const auto& language_of) {
    const JsonTree* members = tree.find(keyword);
    if (!members) return;
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
  const auto known = texts_.find(formula);
  if (known != texts_.end()) return known->second;
  const LanguageId made = find_names(formula);
  texts_.emplace(formula, made);
  return made;
}

LanguageId Translator::find_names(FormulaId formula) {
  const Formula& node = formulas_[formula];
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
  const auto known = number_sets_.find(formula);
  if (known != number_sets_.end()) return known->second;
  const NumberSetId made = find_numbers(formula);
  number_sets_.emplace(formula, made);
  return made;
}

NumberSetId Translator::find_numbers(FormulaId formula) {
  const Formula& node = formulas_[formula];
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

}  // namespace ferrum::grammar
