// What an answer may be, as a structure for a compiler of grammars: calls keep functions' names and schemas
// from their first byte on, and content keeps a rule.
#pragma once
#include <optional>
#include <string>

#include "grammar/grammar.h"
#include "grammar/structure.h"
#include "tools/format.h"
#include "tools/tool_list.h"

namespace ferrum::tools {

struct AnswerOptions {
  // kNone: no calls. kAuto: content and calls. kRequired: calls, behind at most a thought.
  enum class Choice { kNone, kAuto, kRequired } choice = Choice::kAuto;
  std::string only;      // kRequired: the one function that may be called; empty: any
  bool parallel = true;  // several calls
  Phase phase = Phase::kContent;
  // What the content is, behind at most a thought. With kAuto the answer is that, or calls.
  std::optional<grammar::Spec> rule;
};

// Nothing where nothing is constrained. Error kBadArgument: `only` names no function, there is none to call,
// or the format cannot express any call of a function that has to be callable.
std::optional<grammar::Structure> answer_structure(const Format& format, const ToolList& tools,
                                                   const AnswerOptions& options);

// What begins a call within a thought, for these functions.
std::vector<grammar::TextPattern> call_begins_in_thought(const Format& format, const ToolList& tools);

}  // namespace ferrum::tools
