// Grammars in Lark's notation, with which clients describe the text that a custom tool takes.
#pragma once
#include <string>
#include <string_view>

namespace ferrum::server {

// The regular expression (ECMA) of all texts that the rule `start` derives. Rules, terminals, %import common,
// groups, repetitions, ranges and regular expressions are read. Error kBadArgument, with the rule's name, for
// what no regular expression can say (a rule that contains itself), and for what would loosen the grammar if
// it were left out (%ignore, flags of regular expressions, …).
std::string pattern_of_lark(std::string_view grammar);

}  // namespace ferrum::server
