// Turns a stream of token ids into text piece by piece, and never gives out part of a character.
#pragma once
#include <string>

#include "text/tokenizer.h"
#include "text/utf8_assembler.h"

namespace ferrum {

class Detokenizer {
 public:
  // `continues_text`: the tokens continue a text (a prompt), so what a decoder strips at a text's beginning
  // stays.
  enum class Start { kOfText, kContinuation };
  explicit Detokenizer(const Tokenizer& tokenizer, Start start = Start::kContinuation);

  // The text that became certain with this token: whole characters only; bytes that no later token can
  // complete come out as U+FFFD. Control tokens give nothing.
  std::string push(TokenId id);
  // What is left at the end of the stream: an unfinished character as U+FFFD.
  std::string finish();
  // Whether the last token ended within a character, which is given out with a later one.
  bool unfinished() const { return assembler_.unfinished(); }

 private:
  const Tokenizer& tokenizer_;
  bool at_start_;
  Utf8Assembler assembler_;
};

}  // namespace ferrum
