#include "engine/local/answer_grammars.h"

#include <optional>
#include <utility>

#include "base/error.h"

namespace ferrum {
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
  if (!request.rule) return nullptr;
  const grammar::Spec spec = spec_of(*request.rule);
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
