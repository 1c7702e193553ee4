// Joins the texts of tokens, which arrive one by one, into a text of whole characters.
#pragma once
#include <optional>
#include <string>

#include "base/function_ref.h"
#include "text/tokenizer.h"
#include "text/utf8_assembler.h"

namespace ferrum {

class TextJoiner {
 public:
  enum class Start { kOfText, kContinuation };
  // `rules` must outlive the joiner.
  TextJoiner(const Tokenizer::TextRules& rules, Start start)
      : rules_(rules),
        at_start_(start == Start::kOfText),
        left_at_start_(at_start_ ? rules.most_at_start : 0),
        assembler_(rules.broken_bytes) {}

  using TextAt = FunctionRef<std::string(TokenId, TokenPlace)>;  // the bytes of a token at a place

  // Returns the text that this token completes.
  std::string push(TokenId id, TextAt text_at);
  // The rest if no token follows: an unfinished character becomes U+FFFD.
  std::string finish(TextAt text_at);
  // Whether the last token ended inside a character, which a later token completes.
  bool unfinished() const { return assembler_.unfinished(); }

 private:
  std::string strip(std::string text);

  const Tokenizer::TextRules& rules_;
  bool at_start_;
  size_t left_at_start_;  // how often the start of the text may still be stripped
  Utf8Assembler assembler_;
  std::optional<TokenId> previous_;
  bool waits_ = false;  // the previous token's text depends on whether another token follows
  bool was_first_ = false;
  std::string held_;  // stripped if the text ends here
};

}  // namespace ferrum
