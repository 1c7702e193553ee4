#include "text/detokenizer.h"

namespace ferrum {

Detokenizer::Detokenizer(const Tokenizer& tokenizer, Start start)
    : tokenizer_(tokenizer), joiner_(tokenizer.text_rules(), start) {}

std::string Detokenizer::push(TokenId id) {
  const TokenKind kind = tokenizer_.kind(id);
  if (kind == TokenKind::kControl || kind == TokenKind::kUnknown) return {};
  return joiner_.push(id, [&](TokenId token, TokenPlace place) { return tokenizer_.bytes_at(token, place); });
}

std::string Detokenizer::finish() {
  return joiner_.finish([&](TokenId token, TokenPlace place) { return tokenizer_.bytes_at(token, place); });
}

}  // namespace ferrum
