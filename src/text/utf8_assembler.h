// Assembles whole characters from bytes that arrive in pieces. Of a run of bytes that ends inside a
// character, the characters before stay, where the tokenizers library replaces every byte of the run: it
// knows the run's end, and a stream does not.
#pragma once
#include <string>
#include <string_view>

#include "text/tokenizer.h"

namespace ferrum {

class Utf8Assembler {
 public:
  explicit Utf8Assembler(Tokenizer::BrokenBytes broken) : broken_(broken) {}

  // Returns the characters that are complete; U+FFFD for bytes that no later ones can complete.
  std::string push(std::string_view bytes);
  // The rest: an unfinished character becomes U+FFFD.
  std::string finish();
  // Whether an unfinished character is waiting for its remaining bytes.
  bool unfinished() const { return !pending_.empty(); }

 private:
  void give(size_t size, std::string& out);  // appends the first `size` pending bytes

  Tokenizer::BrokenBytes broken_;
  std::string pending_;
};

}  // namespace ferrum
