#include "grammar/vocabulary.h"

namespace ferrum::grammar {
namespace {

std::vector<Vocabulary::Token> usable(std::vector<Vocabulary::Token> tokens) {
  for (Vocabulary::Token& token : tokens)
    if (token.bytes.size() > Vocabulary::kMaxBytes) token.bytes.clear();
  return tokens;
}

std::vector<std::string_view> texts_of(const std::vector<Vocabulary::Token>& tokens) {
  std::vector<std::string_view> texts;
  texts.reserve(tokens.size());
  for (const Vocabulary::Token& token : tokens)
    texts.push_back(token.is_control ? std::string_view() : std::string_view(token.bytes));
  return texts;
}

}  // namespace

Vocabulary::Vocabulary(std::vector<Token> tokens)
    : tokens_(usable(std::move(tokens))),
      texts_(texts_of(tokens_)),
      strings_(texts_of(tokens_)),
      spaced_(texts_of(tokens_)) {
  for (size_t i = 0; i < tokens_.size(); ++i)
    if (tokens_[i].is_control && !tokens_[i].bytes.empty()) controls_.push_back(static_cast<int32_t>(i));
}

}  // namespace ferrum::grammar
