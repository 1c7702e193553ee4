#include "text/detokenizer.h"

namespace ferrum {

Detokenizer::Detokenizer(const Tokenizer& tokenizer, Start start)
    : tokenizer_(tokenizer), at_start_(start == Start::kOfText), assembler_(tokenizer.broken_bytes()) {}

std::string Detokenizer::push(TokenId id) {
  const TokenKind kind = tokenizer_.kind(id);
  if (kind == TokenKind::kControl || kind == TokenKind::kUnknown) return {};
  const bool is_first = at_start_;
  at_start_ = false;
  return assembler_.push(is_first ? tokenizer_.first_bytes(id) : tokenizer_.bytes(id));
}

std::string Detokenizer::finish() { return assembler_.finish(); }

}  // namespace ferrum
