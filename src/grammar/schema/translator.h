// Schemas to formulas, keyword by keyword.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "grammar/schema/document.h"
#include "grammar/schema/formulas.h"

namespace ferrum::grammar {

class Translator {
 public:
  Translator(SchemaDocument& document, Formulas& formulas, Languages& languages, NumberSets& numbers,
             const Limits& limits);

  FormulaId root() { return schema(document_.root(), 0); }
  // What schema `number` says; of references to references to itself, a Refusal.
  FormulaId formula_of(uint32_t number);
  const std::string& path_of(uint32_t number) const {
    return document_.place_of(*schemas_[number].tree).path;
  }

  // The texts, and the numbers, of which a formula is true.
  LanguageId names_of(FormulaId formula);
  NumberSetId numbers_of(FormulaId formula);

  // Whether two formulas exclude each other: set before the first use, needed for oneOf.
  std::function<bool(FormulaId, FormulaId)> are_disjoint;

 private:
  // A schema as seen on a certain way to it: $dynamicRef depends on what was passed.
  struct Schema {
    const JsonTree* tree;
    uint32_t scope;
    std::optional<FormulaId> formula;
    bool is_open = false;
  };
  using Scope = std::map<std::string, const JsonTree*>;  // the outermost schema of each dynamic anchor
  // One way in which a schema holds, with what its keywords then have looked at.
  struct Case {
    FormulaId formula = kTrue;
    LanguageId names = Languages::kNone;
    uint32_t prefix = 0;
    bool all_items = false;
    std::vector<FormulaId> contains;
  };

  FormulaId schema(const JsonTree& tree, uint32_t scope);
  uint32_t number_of(const JsonTree& tree, uint32_t scope);
  uint32_t scope_in(const JsonTree& tree, uint32_t scope);
  FormulaId translate(const JsonTree& tree, uint32_t scope);
  void check_in_place(FormulaId formula);

  // keyword_assertions.cpp: assertions by what they look at; each returns what the schema's keywords of that
  // kind say.
  FormulaId type_keywords(const JsonTree& tree);
  FormulaId string_keywords(const JsonTree& tree);
  FormulaId number_keywords(const JsonTree& tree);
  FormulaId array_keywords(const JsonTree& tree, uint32_t scope, Case& seen);
  FormulaId object_keywords(const JsonTree& tree, uint32_t scope, Case& seen);
  FormulaId dependency_keywords(const JsonTree& tree, uint32_t scope);
  std::vector<Case> cases(const JsonTree& tree, uint32_t scope);
  std::vector<Case> cases_of_keywords(const JsonTree& tree, uint32_t scope, bool needs_cases = false);
  bool contributes(const JsonTree& tree, uint32_t scope, std::set<const JsonTree*>& seen);
  std::vector<Case> one_of(const JsonTree& tree, uint32_t scope, const JsonTree& list, bool needs_cases);

  LanguageId find_names(FormulaId formula);
  NumberSetId find_numbers(FormulaId formula);
  FormulaId value(const JsonTree& tree, Draft draft);
  FormulaId value_list(const std::vector<JsonTree>& values, Draft draft);
  FormulaId type_named(const JsonTree& name, const JsonTree& of);
  const JsonTree* reference(const JsonTree& tree, uint32_t scope);
  std::u32string unicode(const std::string& text, const JsonTree& at, const char* keyword);
  uint32_t count(const JsonTree& tree, const char* keyword, uint32_t otherwise);
  std::optional<Decimal> decimal(const JsonTree& tree, const char* keyword);
  FormulaId required(const std::u32string& name) {
    return formulas_.some_member(languages_.texts({name}), kTrue);
  }
  FormulaId required_list(const JsonTree& list, const JsonTree& at, const char* keyword);
  Draft draft(const JsonTree& tree) const { return document_.place_of(tree).draft; }
  const std::string& path(const JsonTree& tree) const { return document_.place_of(tree).path; }
  [[noreturn]] void refuse(const JsonTree& tree, const std::string& keyword, const std::string& text) const {
    throw Refusal(keyword, path(tree), text);
  }

  SchemaDocument& document_;
  Formulas& formulas_;
  Languages& languages_;
  NumberSets& numbers_;
  const Limits& limits_;
  std::vector<Schema> schemas_;
  std::map<std::pair<const JsonTree*, uint32_t>, uint32_t> numbers_of_schemas_;
  std::unordered_map<FormulaId, LanguageId> texts_;
  std::unordered_map<FormulaId, NumberSetId> number_sets_;
  std::vector<Scope> scopes_ = {{}};
  std::map<Scope, uint32_t> scope_ids_ = {{{}, 0}};
  std::unordered_set<FormulaId> checked_;  // by check_in_place
  int depth_ = 0;
};

}  // namespace ferrum::grammar
