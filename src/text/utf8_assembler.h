// Bytes that arrive piece by piece, given out as whole characters.
#pragma once
#include <string>
#include <string_view>

#include "text/tokenizer.h"

namespace ferrum {

class Utf8Assembler {
 public:
  explicit Utf8Assembler(Tokenizer::BrokenBytes broken) : broken_(broken) {}

  // The characters that are complete by now; U+FFFD for bytes that no later ones can complete.
  std::string push(std::string_view bytes);
  // The rest: an unfinished character as U+FFFD.
  std::string finish();
  // Whether an unfinished character waits for its other bytes.
  bool unfinished() const { return !pending_.empty(); }

 private:
  void give(size_t size, std::string& out);  // the first `size` pending bytes

  Tokenizer::BrokenBytes broken_;
  std::string pending_;
};

}  // namespace ferrum
