#include "cli/answer_rule.h"

#include <CLI/CLI.hpp>
#include <string_view>

#include "base/error.h"
#include "cli/input.h"
#include "cli/options.h"
#include "engine/local/answer_grammars.h"
#include "grammar/grammar.h"

namespace ferrum::cli {

void add_answer_rule_options(CLI::App& command, AnswerRuleFlags& flags) {
  constexpr const char* kGroup = "What the answer may be";
  CLI::Option* const schema =
      command.add_option("--schema", flags.schema, "A JSON value that this JSON Schema admits")
          ->type_name("FILE")
          ->check(a_name())
          ->group(kGroup);
  CLI::Option* const regex =
      command.add_option("--regex", flags.regex, "A match of this regular expression of ECMAScript")
          ->type_name("PATTERN")
          ->check(a_name())
          ->group(kGroup);
  CLI::Option* const grammar =
      command.add_option("--grammar", flags.grammar, "A text of this grammar, in llama.cpp's GBNF")
          ->type_name("FILE")
          ->check(a_name())
          ->group(kGroup);
  CLI::Option* const json =
      command.add_flag("--json", flags.json, "A JSON object, whatever its members")->group(kGroup);
  command
      .add_flag("--compact", flags.compact,
                "With --schema or --json: no white space between the parts of a value")
      ->excludes(regex)
      ->excludes(grammar)
      ->group(kGroup);
  regex->excludes(schema);
  grammar->excludes(schema)->excludes(regex);
  json->excludes(schema)->excludes(regex)->excludes(grammar);
}

std::optional<AnswerRule> rule_of(const AnswerRuleFlags& flags) {
  AnswerRule rule = {.compact = flags.compact};
  std::string_view option = "--json";
  if (!flags.schema.empty()) {
    option = "--schema";
    rule.kind = AnswerRule::Kind::kJsonSchema;
    rule.source = read_all(flags.schema);
  } else if (!flags.regex.empty()) {
    option = "--regex";
    rule.kind = AnswerRule::Kind::kRegex;
    rule.source = flags.regex;
  } else if (!flags.grammar.empty()) {
    option = "--grammar";
    rule.kind = AnswerRule::Kind::kGrammar;
    rule.source = read_all(flags.grammar);
  } else if (!flags.json) {
    if (flags.compact) fail(ErrorCode::kBadArgument, "--compact needs --schema or --json");
    return std::nullopt;
  }
  try {
    grammar::Grammar::compile(spec_of(rule));
  } catch (const grammar::Refusal& refusal) {
    fail(ErrorCode::kBadArgument, "{}: {}", option, refusal.what());
  }
  return rule;
}

}  // namespace ferrum::cli
