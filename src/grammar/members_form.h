// An object's shapes for members that are written as names and values of plain text.
#pragma once
#include <map>
#include <memory>
#include <string>

#include "grammar/structure_graph.h"

namespace ferrum::grammar {

// Of the objects of `goal`: names that can be written, and for each value the ways to write it. Refusal: the
// form cannot express any of the objects.
//
// `texts` keeps what plain texts may be, for forms of one structure.
using TextsByStrings = std::map<std::string, std::shared_ptr<const Automaton>>;
std::unique_ptr<MembersForm> members_form(const StructureNode& node, GoalId goal, const Program& program,
                                          const Limits& limits, TextsByStrings& texts);

}  // namespace ferrum::grammar
