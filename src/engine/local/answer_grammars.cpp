#include "engine/local/answer_grammars.h"

#include <optional>
#include <utility>

#include "base/error.h"
#include "tools/answer_structure.h"

namespace ferrum {
namespace {

tools::AnswerOptions::Choice choice_of(ToolUse::Choice choice) {
  using Choice = tools::AnswerOptions::Choice;
  switch (choice) {
    case ToolUse::Choice::kNone:
      return Choice::kNone;
    case ToolUse::Choice::kAuto:
      return Choice::kAuto;
    case ToolUse::Choice::kRequired:
      return Choice::kRequired;
  }
  return Choice::kNone;
}

}  // namespace

grammar::Spec spec_of(const AnswerRule& rule) {
  using Kind = grammar::Spec::Kind;
  grammar::Spec spec;
  spec.source = rule.source;
  spec.choices = rule.choices;
  spec.space = rule.compact ? grammar::Spec::Space::kCompact : grammar::Spec::Space::kBounded;
  switch (rule.kind) {
    case AnswerRule::Kind::kJsonObject:
      spec.source = R"({"type": "object"})";
      spec.kind = Kind::kJsonSchema;
      break;
    case AnswerRule::Kind::kJsonSchema:
      spec.kind = Kind::kJsonSchema;
      break;
    case AnswerRule::Kind::kRegex:
      spec.kind = Kind::kRegex;
      break;
    case AnswerRule::Kind::kGrammar:
      spec.kind = Kind::kGbnf;
      break;
    case AnswerRule::Kind::kChoices:
      spec.kind = Kind::kChoices;
      break;
  }
  return spec;
}

std::shared_ptr<const AnswerGrammar> AnswerGrammars::of(const Request& request, const Facts& facts) {
  const auto* const chat = std::get_if<ChatPrompt>(&request.prompt);
  tools::AnswerOptions options;
  options.choice = tools::AnswerOptions::Choice::kNone;
  options.phase = facts.phase;
  if (chat != nullptr) {
    if (!chat->tools.functions.empty() || chat->tools.choice == ToolUse::Choice::kRequired)
      options.choice = choice_of(chat->tools.choice);
    options.only = chat->tools.only;
    options.parallel = chat->tools.parallel;
  }
  if (request.rule) options.rule = spec_of(*request.rule);
  tools::Format format = prompts_.format();
  if (!facts.may_think) format.reasoning = {};
  std::optional<grammar::Structure> structure = tools::answer_structure(format, *facts.functions, options);
  if (!structure) return nullptr;
  if (prompts_.tokenizer() == nullptr)
    fail(ErrorCode::kBadArgument, "the model has no tokenizer: its answers cannot be held to a rule");
  grammar::Spec spec;
  spec.kind = grammar::Spec::Kind::kStructure;
  if (options.rule) spec.space = options.rule->space;
  spec.structure = std::make_shared<const grammar::Structure>(std::move(*structure));
  return std::make_shared<const AnswerGrammar>(
      AnswerGrammar{cache_.get(spec, vocabulary()), facts.ends, prompts_.tokenizer()});
}

std::shared_ptr<const grammar::Vocabulary> AnswerGrammars::vocabulary() {
  const std::lock_guard lock(mutex_);
  if (vocabulary_) return vocabulary_;
  const Tokenizer& tokenizer = *prompts_.tokenizer();
  std::vector<grammar::Vocabulary::Token> tokens(static_cast<size_t>(vocab_));
  for (TokenId id = 0; id < tokenizer.size(); ++id) {
    const TokenKind kind = tokenizer.kind(id);
    if (kind == TokenKind::kUnknown || kind == TokenKind::kUnused) continue;
    tokens[static_cast<size_t>(id)] = {tokenizer.bytes(id), kind == TokenKind::kControl};
  }
  vocabulary_ = std::make_shared<const grammar::Vocabulary>(std::move(tokens));
  return vocabulary_;
}

}  // namespace ferrum
