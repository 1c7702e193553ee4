// A compiled structure: states that read fixed text, free text, values and rules, linked to what follows.
// Immutable.
#pragma once
#include <bitset>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "grammar/byte_search.h"
#include "grammar/program.h"

namespace ferrum::grammar {

// Ways to write a member's value.
struct MemberValue {
  std::shared_ptr<const Automaton> text;  // null: not as text
  GoalId json = kNoGoal;
  uint32_t text_rule = kNoRule;  // the rule of its texts, instead of an automaton
  bool is_text() const { return text != nullptr || text_rule != kNoRule; }
};

struct GraphState {
  enum class Kind : uint8_t {
    kLiteral,  // `text`, and then `next`
    kBranch,   // a byte of `edges`
    kSpace,    // at most `most` characters of white space, and then `next`
    kSplit,    // any of `targets`, without reading
    kText,     // bytes as long as `search` finds nothing; any of `exits` may begin instead
    kValue,    // a JSON value of goal `target`, and then `next`
    kRule,     // a text of rule `target`, and then `next`
    kEnd,      // the structure's
    // Of members, whose frame is the object's:
    kOpen,         // enters the object of members `target`
    kIfMember,     // `next`, if another member may come
    kIfEnd,        // `next`, if the object may end
    kName,         // a name, and then the members' `between`
    kIfText,       // `next`, if the member's value can be text
    kIfJson,       // `next`, if it can be JSON
    kMemberValue,  // a value: as text if `target` has bit 1, as JSON if it has bit 2
    kClose,        // the object is over
  };
  Kind kind = Kind::kSplit;
  bool is_mark = false;  // kLiteral: control tokens may stand for parts of it
  bool is_free = false;  // kText: control tokens may come
  bool may_end = false;  // kText: the structure may end in it
  uint32_t next = 0;
  uint32_t target = 0;
  uint32_t most = 0;
  std::string text;
  std::vector<std::pair<uint8_t, uint32_t>> edges;  // ascending
  std::vector<uint32_t> targets;
  std::shared_ptr<const ByteSearch> search;
  std::vector<uint32_t> exits;  // kText: the states that read, of those behind `targets`
  std::bitset<256> first;       // bytes that an exit may begin with, and perhaps others
};

// How an object's members are written.
struct MembersForm {
  std::vector<ObjectShape> shapes;  // whose choices' goals are numbers of `values`
  std::vector<MemberValue> values;
  std::shared_ptr<const ByteSearch> search;  // for what no value contains
  // States: in front of the first member, behind a name, behind a value that is text or JSON.
  // States: in front of the first member, behind a name, behind a value that is text or JSON.
  uint32_t members = 0, between = 0, after_text = 0, after_json = 0;
  std::bitset<256> between_first, after_first;  // bytes that may follow a name or a text
};

struct StructureGraph {
  std::vector<GraphState> states;
  std::vector<std::unique_ptr<const MembersForm>> forms;
  uint32_t start = 0;

  size_t bytes() const;  // of memory, about
};

// Fills `program` with the graph and with what its specs compile to. Refusal: that of a spec, with the
// subject of its node.
void compile_structure(const Structure& structure, const Limits& limits, Program& program);

}  // namespace ferrum::grammar
