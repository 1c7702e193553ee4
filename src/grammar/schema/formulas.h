// What schemas say of a value, as propositions over few atoms that are closed under negation.
#pragma once
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "grammar/languages.h"
#include "grammar/number_sets.h"

namespace ferrum::grammar {

using FormulaId = uint32_t;
inline constexpr FormulaId kTrue = 0, kFalse = 1;

enum TypeBit : uint32_t {
  kNullBit = 1,
  kTrueBit = 2,
  kFalseBit = 4,
  kStringBit = 8,
  kNumberBit = 16,
  kArrayBit = 32,
  kObjectBit = 64,
  kAllBits = 127,
};

struct Formula {
  enum class Kind : uint8_t {
    kTrue,
    kFalse,
    kAnd,
    kOr,
    kSchema,  // number `a`, negated where b is 1
    kType,    // the value's type is in a
    // Each of these is true of every value of another type.
    kText,         // is in language a
    kNumber,       // is in set a
    kMembers,      // all members whose names are in language a fit formula b
    kSomeMember,   // some such member does
    kMemberCount,  // least to most
    kItems,        // items from least to most fit formula b
    kItemCount,    // least to most
    kContains,     // of the items from a on, least to most fit formula b
    kUnique,
    kNotUnique,
  };
  Kind kind = Kind::kTrue;
  uint32_t a = 0, b = 0;
  uint32_t least = 0, most = UINT32_MAX;
  std::vector<FormulaId> parts;
  std::string keyword, path;  // of what may have to be refused
};

class Formulas {
 public:
  Formulas(Languages& languages, NumberSets& numbers);

  // It stays where it is.
  const Formula& operator[](FormulaId id) const { return nodes_[id]; }
  FormulaId all_of(std::vector<FormulaId> parts);
  // `keyword` and `path`: where the alternatives come from.
  FormulaId any_of(std::vector<FormulaId> parts, const std::string& keyword = "",
                   const std::string& path = "");
  FormulaId negation(FormulaId of);

  FormulaId schema(uint32_t number) { return add({.kind = Formula::Kind::kSchema, .a = number}); }
  FormulaId type(uint32_t bits);
  FormulaId text(LanguageId language);
  FormulaId number(NumberSetId set);
  FormulaId members(LanguageId names, FormulaId fit);
  FormulaId some_member(LanguageId names, FormulaId fits);
  FormulaId member_count(uint32_t least, uint32_t most);
  FormulaId items(uint32_t least, uint32_t most, FormulaId fit);
  FormulaId item_count(uint32_t least, uint32_t most);
  FormulaId contains(uint32_t from, FormulaId fit, uint32_t least, uint32_t most);
  FormulaId unique(const std::string& path);
  // Of this type and …
  FormulaId typed(TypeBit bit, FormulaId more) { return all_of({type(bit), more}); }

 private:
  FormulaId add(Formula node);
  FormulaId negation_of_node(FormulaId of);

  Languages& languages_;
  NumberSets& numbers_;
  std::deque<Formula> nodes_;  // they keep their places
  std::unordered_map<std::string, FormulaId> ids_;
  std::unordered_map<FormulaId, FormulaId> negations_;
};

}  // namespace ferrum::grammar
