// The grammars that requests hold their answers to.
#pragma once
#include <memory>
#include <mutex>
#include <vector>

#include "engine/constraint.h"
#include "engine/prompt_builder.h"
#include "grammar/grammar_cache.h"

namespace ferrum {

// What a rule admits, for the compiler.
grammar::Spec spec_of(const AnswerRule& rule);

class AnswerGrammars {
 public:
  // `prompts` outlives this. `vocab`: the size of the model's vocabulary.
  AnswerGrammars(const PromptBuilder& prompts, int vocab) : prompts_(prompts), vocab_(vocab) {}

  struct Facts {
    std::shared_ptr<const tools::ToolList> functions;
    tools::Phase phase = tools::Phase::kContent;
    bool may_think = false;     // before the answer proper
    std::vector<TokenId> ends;  // of answers
  };
  // Null: any answer will do. What is compiled is kept for requests that ask for the same. Error
  // kBadArgument for what cannot be followed exactly. For any thread; takes time.
  std::shared_ptr<const AnswerGrammar> of(const Request& request, const Facts& facts);

 private:
  std::shared_ptr<const grammar::Vocabulary> vocabulary();

  const PromptBuilder& prompts_;
  int vocab_;
  std::mutex mutex_;  // of what follows
  std::shared_ptr<const grammar::Vocabulary> vocabulary_;
  grammar::GrammarCache cache_;
};

}  // namespace ferrum
