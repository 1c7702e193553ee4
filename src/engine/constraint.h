// Holds one answer to a grammar, token by token.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "engine/sampling/draw_list.h"
#include "grammar/token_matcher.h"
#include "text/tokenizer.h"

namespace ferrum {

// What all answers to a request have in common.
struct AnswerGrammar {
  std::shared_ptr<const grammar::TokenGrammar> tokens;
  std::vector<TokenId> ends;             // of an answer: they come only where the grammar may end
  const Tokenizer* tokenizer = nullptr;  // outlives this
};

// A copy is cheap: it stands for another way that the answer may go.
class Constraint {
 public:
  explicit Constraint(std::shared_ptr<const AnswerGrammar> grammar);

  // Which token comes next, or may come: for the draw added last.
  void restrict(DrawList& list) const;
  // How many of these tokens can come, one after the other, as drawn ones that do not end the answer.
  int possible(std::span<const TokenId> draft) const;
  // The answer goes on with this token, which does not end it. Error kBadArgument if it cannot come.
  void take(TokenId id);
  // Nothing can follow.
  bool is_over() const { return matcher_.is_at_end(); }
  // The tokens that come next, whatever the model says: the way in which the tokenizer itself writes the only
  // text that can follow. None where that is not certain.
  std::span<const TokenId> certain() const { return std::span(certain_).subspan(taken_); }

 private:
  void note(TokenId id);  // in last_
  void find_certain();

  std::shared_ptr<const AnswerGrammar> grammar_;
  grammar::TokenMatcher matcher_;
  std::vector<TokenId> last_;     // tokens of the answer, up to kLast
  std::vector<TokenId> certain_;  // of which the first `taken_` have come
  size_t taken_ = 0;
};

}  // namespace ferrum
