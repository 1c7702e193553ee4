// The options for what an answer may be: --schema, --regex, --grammar and --json.
#pragma once
#include <CLI/App.hpp>
#include <optional>
#include <string>

#include "ferrum/types.h"

namespace ferrum::cli {

struct AnswerRuleFlags {
  std::string schema, grammar;  // files
  std::string regex;
  bool json = false;
  bool compact = false;
};
void add_answer_rule_options(CLI::App& command, AnswerRuleFlags& flags);

// Nothing where none is given. Reads the files, and compiles the rule, so that a refusal does not wait for a
// model. Error kBadArgument naming the option and what is refused; errors of read_all.
std::optional<AnswerRule> rule_of(const AnswerRuleFlags& flags);

}  // namespace ferrum::cli
