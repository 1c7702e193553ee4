#include "text/detokenizer.h"

#include <algorithm>

namespace ferrum {

Detokenizer::Detokenizer(const Tokenizer& tokenizer, Start start, std::span<const TokenId> spelled)
    : tokenizer_(tokenizer), spelled_(spelled), joiner_(tokenizer.text_rules(), start) {}

std::string Detokenizer::push(TokenId id) {
  const TokenKind kind = tokenizer_.kind(id);
  if (kind == TokenKind::kUnknown) return {};
  if (kind == TokenKind::kControl && !std::ranges::binary_search(spelled_, id)) return {};
  return joiner_.push(id, [&](TokenId token, TokenPlace place) { return tokenizer_.bytes_at(token, place); });
}

std::string Detokenizer::finish() {
  return joiner_.finish([&](TokenId token, TokenPlace place) { return tokenizer_.bytes_at(token, place); });
}

}  // namespace ferrum
