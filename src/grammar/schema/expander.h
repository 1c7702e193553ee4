// Formulas to goals: conjunctions brought into shapes, of which those that no value fits are left out.
#pragma once
#include <array>
#include <deque>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "grammar/id_lists.h"
#include "grammar/program.h"
#include "grammar/schema/member_names.h"
#include "grammar/schema/translator.h"

namespace ferrum::grammar {

class Expander {
 public:
  Expander(Translator& translator, Formulas& formulas, Languages& languages, NumberSets& numbers,
           Program& program, const Limits& limits);

  // Fills the program with what `root` needs. Refusal: nothing fits it.
  void expand(FormulaId root);
  bool are_disjoint(FormulaId a, FormulaId b) { return is_empty(goal({a, b})); }

 private:
  using Conjunction = std::vector<FormulaId>;  // ascending
  enum class Emptiness : uint8_t { kUnknown, kOpen, kEmpty, kInhabited };
  struct Entry {
    Conjunction parts;
    Emptiness emptiness = Emptiness::kUnknown;
    std::optional<std::vector<Conjunction>> arrays, objects;
    GoalId built = kNoGoal;
  };
  struct Branches;  // a search for conjunctions of atoms

  uint32_t goal(Conjunction parts);
  // The parts of a conjunction, with those of schemas and of conjunctions within it.
  const Conjunction& flat(FormulaId formula);
  bool is_empty(uint32_t goal);
  bool find_inhabitant(uint32_t goal);
  LanguageId texts_of(uint32_t goal);
  NumberSetId numbers_of(uint32_t goal);
  bool has_literal(uint32_t goal, TypeBit bit);
  bool holds(FormulaId formula, TypeBit bit);

  const std::vector<Conjunction>& shapes(uint32_t goal, TypeBit bit);
  void branch(Conjunction todo, Conjunction atoms, std::vector<uint32_t> choices, Branches& search);
  std::optional<bool> truth(FormulaId formula, TypeBit bit);
  std::optional<bool> find_truth(FormulaId formula, TypeBit bit);
  bool is_contradiction(const Conjunction& atoms, TypeBit bit);
  static TypeBit type_of(Formula::Kind kind);

  // What the atoms of an object say, with names and what their members must fit.
  struct ObjectParts {
    std::vector<NameId> names;
    std::vector<bool> required;
    std::vector<Conjunction> fit;  // by name
    std::vector<std::pair<LanguageId, FormulaId>> duties;
    uint32_t least = 0, most = UINT32_MAX;
  };
  ObjectParts object_parts(const Conjunction& atoms);
  bool is_object_inhabited(const Conjunction& atoms);
  bool find_object(const Conjunction& atoms);
  std::optional<ObjectShape> object_shape(const Conjunction& atoms);
  std::vector<Choice> choices(const Conjunction& fit, const std::vector<FormulaId>& duties,
                              uint32_t possible);

  struct ArrayParts {
    uint32_t least = 0, most = UINT32_MAX, prefix = 0;
    std::vector<Formula> counted;
    bool is_unique = false;
    std::string unique_path;
  };
  ArrayParts array_parts(const Conjunction& atoms);
  Conjunction item_fit(const Conjunction& atoms, uint32_t index);
  bool is_array_inhabited(const Conjunction& atoms);
  std::optional<ArrayShape> array_shape(const Conjunction& atoms);
  // How many values fit; UINT32_MAX: no end. Nothing: that is not known.
  std::optional<uint32_t> values_of(uint32_t goal, int depth);

  GoalId build(uint32_t goal);
  uint32_t rule_of(LanguageId texts);  // of a grammar that is no automaton
  void fill(uint32_t goal);

  Translator& translator_;
  Formulas& formulas_;
  Languages& languages_;
  NumberSets& numbers_;
  Program& program_;
  const Limits& limits_;
  // What was found out before.
  struct Known {
    explicit Known(Languages& languages) : names(languages) {}
    MemberNames names;
    std::vector<uint32_t> index;  // scratch of object_parts()
    std::unordered_map<FormulaId, Conjunction> flat;
    std::array<std::unordered_map<FormulaId, std::optional<bool>>, 7> truths;  // by type
    ByIdList<bool> objects;  // whether there are any of which all atoms are true
  };

  Known known_;
  std::deque<Entry> entries_;  // they keep their places
  ByIdList<uint32_t> ids_;
  std::vector<uint32_t> to_fill_;
  std::map<LanguageId, uint32_t> rules_;
  int open_ = 0;
  bool leaned_on_open_ = false;
  size_t work_ = 0;
};

}  // namespace ferrum::grammar
