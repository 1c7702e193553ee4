// A compiled grammar: what a value may be, member by member and item by item. Immutable; may be used by many
// threads.
//
// A goal is a conjunction of schemas brought into a form that can be followed byte by byte: what scalars it
// takes, and the shapes of arrays and objects of which one must fit. Every goal that something refers to can
// be reached by some value.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "grammar/automaton.h"
#include "grammar/number_sets.h"

namespace ferrum::grammar {

struct StructureGraph;

using GoalId = uint32_t;
inline constexpr GoalId kNoGoal = UINT32_MAX;
inline constexpr uint32_t kNoRule = UINT32_MAX;

// A value that fits `goal` and fulfils the obligations in `duties`, a bit each.
struct Choice {
  uint32_t duties = 0;
  GoalId goal = kNoGoal;
};

struct ObjectShape {
  struct Member {
    bool is_required = false;
    std::vector<Choice> choices;  // empty: the member may not be there
  };
  std::vector<Member> listed;              // in the order in which they are written
  std::vector<Member> others;              // of names that are not listed, by kind
  std::shared_ptr<const Automaton> names;  // marks: listed i is i + 1, others[k] is listed.size() + 1 + k
  std::vector<uint32_t> below_begin;  // listed members that a name in a state may become, by state, ascending
  std::vector<uint32_t> below;
  std::vector<bool> other_ahead;          // by state: a name that is not listed may come of it
  uint32_t least = 0, most = UINT32_MAX;  // members
  uint32_t duties = 0;                    // a bit for each obligation that some member must meet
  uint32_t other_names = 0;               // how many there are; UINT32_MAX: no end
  // By place in `listed`, for those from there on: required ones, those that may be there, and duties they
  // can meet.
  std::vector<uint32_t> required_from, possible_from, duties_from;
  uint32_t duties_of_others = 0;
  bool in_any_order = false;  // else as listed

  // Fills the sums.
  void finish();
  size_t first_other() const { return listed.size() + 1; }
};

struct ArrayShape {
  static constexpr size_t kMaxCounted = 4;
  struct Counted {
    uint32_t least = 0, most = UINT32_MAX;
  };
  // By the set of counted schemas that the item is counted for; kNoGoal where that cannot be.
  using Position = std::vector<GoalId>;
  std::vector<Position> prefix;
  Position rest;
  uint32_t least = 0, most = UINT32_MAX;  // items
  std::vector<Counted> counted;           // items that fit a schema: contains
  bool is_unique = false;
  uint32_t values = UINT32_MAX;  // of unique items: how many different ones there are; UINT32_MAX: no end
  const Position& at(uint32_t index) const { return index < prefix.size() ? prefix[index] : rest; }
};

struct Goal {
  bool takes_null = false, takes_true = false, takes_false = false;
  std::shared_ptr<const Automaton> strings, numbers;  // null: none
  uint32_t text_rule = kNoRule;                       // the rule of its strings, instead of an automaton
  NumberSetId number_set = NumberSets::kNone;
  std::vector<uint32_t> arrays, objects;  // shapes
};

// Automata that call each other: regular expressions (one rule that calls none), GBNF and Lark.
struct Rule {
  struct Call {
    uint32_t rule, then;  // the state to go on in
  };
  std::shared_ptr<const Automaton> automaton;  // over characters; a state with mark 1 ends the rule
  std::vector<std::vector<Call>> calls;        // by state
  std::vector<bool> is_last;                   // by state: it ends the rule and nothing else
};

struct Program {
  static constexpr uint32_t kMaxSpace = 32;  // characters of white space in a gap

  std::vector<Goal> goals;
  std::vector<ObjectShape> objects;
  std::vector<ArrayShape> arrays;
  std::vector<Rule> rules;
  std::shared_ptr<const StructureGraph> graph;  // of a structure, which calls goals and rules
  GoalId root = kNoGoal;                        // kNoGoal: the graph, else rule 0
  uint32_t max_space = kMaxSpace;
  // For judging values that others wrote: members in any order, numbers in any writing.
  bool takes_any_writing = false;
  std::shared_ptr<NumberSets> number_sets;

  bool has_calls() const { return graph != nullptr || !rules.empty(); }
  size_t bytes() const;  // of memory, about
};

}  // namespace ferrum::grammar
