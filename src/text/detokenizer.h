// Turns a stream of token ids into text, piece by piece, in whole characters.
#pragma once
#include <span>
#include <string>

#include "text/text_joiner.h"
#include "text/tokenizer.h"

namespace ferrum {

class Detokenizer {
 public:
  // kContinuation follows a prompt: what a decoder strips at the beginning of a text is kept.
  using Start = TextJoiner::Start;
  // `spelled`, ascending: control tokens that add their spelling. Outlives this.
  explicit Detokenizer(const Tokenizer& tokenizer, Start start = Start::kContinuation,
                       std::span<const TokenId> spelled = {});

  // Returns the text that this token completes, in whole characters; bytes that no later token can complete
  // become U+FFFD. Other control tokens add nothing.
  std::string push(TokenId id);
  // The rest at the end of the stream: an unfinished character becomes U+FFFD.
  std::string finish();
  // Whether the last token ended inside a character, which a later token completes.
  bool unfinished() const { return joiner_.unfinished(); }

 private:
  const Tokenizer& tokenizer_;
  std::span<const TokenId> spelled_;
  TextJoiner joiner_;
};

}  // namespace ferrum
