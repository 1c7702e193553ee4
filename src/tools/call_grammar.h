// What calls look like in a format, as plain data for a compiler of grammars: so that a model can be held to
// the functions' names and schemas from the moment a call begins, or from the answer's begin.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "tools/format.h"
#include "tools/tool_list.h"

namespace ferrum::tools {

enum class NodeKind {
  kLiteral,   // `text`
  kSequence,  // `children`, one after the other
  kChoice,    // one of `children`
  kRepeat,    // children[0], `least` to `most` times
  kJson,      // a JSON value that `schema` admits; without one, any
  kText,      // any text in which `text` does not occur; what follows the node begins with `text`
};

struct Node {
  static constexpr int kNoLimit = -1;

  NodeKind kind = NodeKind::kSequence;
  std::string text;
  std::vector<int> children;  // indices into CallGrammar::nodes, all smaller than this node's own
  int least = 0;
  int most = kNoLimit;
  std::shared_ptr<const OrderedJson> schema;  // its references point into itself
};

struct Trigger {
  std::string text;  // once the answer's text (not a thought's) contains it …
  int root = 0;      // … all from its first byte on follows this node; then text again, or the answer's end
};

struct CallGrammar {
  std::vector<Node> nodes;
  std::vector<Trigger> triggers;  // tool_choice auto; empty for a format whose calls bear no mark
  int required =
      -1;  // tool_choice required or named: the whole answer, in which only a thought precedes; -1: no calls
};

struct CallGrammarOptions {
  std::string only;      // the one function that may be called (tool_choice named); empty: any
  bool parallel = true;  // parallel_tool_calls
  Phase phase = Phase::kContent;
};

// Error kBadArgument: `only` names no function, or there is none at all.
CallGrammar call_grammar(const Format& format, const ToolList& tools, const CallGrammarOptions& options);

}  // namespace ferrum::tools
