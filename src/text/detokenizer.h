// Turns a stream of token ids into text piece by piece, and never gives out part of a character.
#pragma once
#include <string>

#include "text/text_joiner.h"
#include "text/tokenizer.h"

namespace ferrum {

class Detokenizer {
 public:
  // A continuation follows a prompt, so that what a decoder strips at a text's beginning stays.
  using Start = TextJoiner::Start;
  explicit Detokenizer(const Tokenizer& tokenizer, Start start = Start::kContinuation);

  // The text that became certain with this token: whole characters only; bytes that no later token can
  // complete come out as U+FFFD. Control tokens give nothing.
  std::string push(TokenId id);
  // What is left at the end of the stream: an unfinished character as U+FFFD.
  std::string finish();
  // Whether the last token ended within a character, which is given out with a later one.
  bool unfinished() const { return joiner_.unfinished(); }

 private:
  const Tokenizer& tokenizer_;
  TextJoiner joiner_;
};

}  // namespace ferrum
