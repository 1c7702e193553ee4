// The steps of a decoder on a whole text: those behind one that makes one text of all tokens, as far as what
// they do reaches from token to token. The text arrives piece by piece, and each step gives what no later
// piece can change.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/regex.h"
#include "text/token_chain.h"
#include "text/tokenizer_spec.h"

namespace ferrum {

// One step on one text.
class TextFilter {
 public:
  virtual ~TextFilter() = default;
  virtual std::string push(std::string_view text) = 0;  // what is certain now
  virtual std::string finish() = 0;                     // the rest
};

class WholeTextSteps {
 public:
  // Errors name `source`. A regular expression, and bytes that the whole text spells, are known at the text's
  // end only, with a warning: an answer is then not streamed.
  WholeTextSteps(std::span<const DecodeStep> steps, const std::string& source);
  // All steps, where they cannot be applied to the tokens one by one.
  explicit WholeTextSteps(std::unique_ptr<const TokenChain> chain);
  ~WholeTextSteps();

  // For a text that begins here, or that continues another: its beginning is not stripped then.
  enum class Start { kOfText, kContinuation };
  std::vector<std::unique_ptr<TextFilter>> filters(Start start) const;
  const TokenChain* chain() const { return chain_.get(); }  // null: the tokens' texts are joined and filtered

  struct Step;

 private:
  std::vector<std::unique_ptr<const Step>> steps_;
  std::unique_ptr<const TokenChain> chain_;
};

// transformers' clean-up: what is removed before English punctuation and in contractions, in this order.
std::span<const std::pair<std::string_view, std::string_view>> clean_up_rules();

}  // namespace ferrum
