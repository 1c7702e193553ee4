// Joins the texts of tokens, which arrive one by one, into a text of whole characters.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/function_ref.h"
#include "text/tokenizer.h"
#include "text/utf8_assembler.h"
#include "text/whole_text_steps.h"

namespace ferrum {

class TextJoiner {
 public:
  using Start = WholeTextSteps::Start;
  // `rules` must outlive the joiner.
  TextJoiner(const Tokenizer::TextRules& rules, Start start)
      : rules_(rules), at_start_(start == Start::kOfText), assembler_(rules.broken_bytes) {
    if (rules.whole) filters_ = rules.whole->filters(start);
  }

  using TextAt = FunctionRef<std::string(TokenId, TokenPlace)>;  // the bytes of a token at a place

  // Returns the text that this token completes.
  std::string push(TokenId id, TextAt text_at);
  // The rest if no token follows: an unfinished character becomes U+FFFD.
  std::string finish(TextAt text_at);
  // Whether the last token ended inside a character, which a later token completes.
  bool unfinished() const { return assembler_.unfinished(); }

 private:
  std::string filtered(std::string text);

  const Tokenizer::TextRules& rules_;
  bool at_start_;
  Utf8Assembler assembler_;
  std::optional<TokenId> previous_;
  bool waits_ = false;  // the previous token's text depends on whether another token follows
  bool was_first_ = false;
  std::vector<std::unique_ptr<TextFilter>> filters_;
  std::vector<TokenId> chained_;  // wait for the end of the text
};

}  // namespace ferrum
