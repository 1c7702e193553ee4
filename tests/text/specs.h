// Small tokenizers for tests.
#pragma once
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/tokenizer.h"
#include "text/tokenizer_spec.h"

namespace ferrum::test {

inline TokenizerSpec spec_of(std::initializer_list<TokenizerSpec::Token> tokens, ModelSpec model) {
  TokenizerSpec spec;
  spec.source = "test.json";
  spec.tokens_field = "vocab";
  spec.merges_field = "merges";
  spec.tokens = tokens;
  spec.model = std::move(model);
  return spec;
}

inline TokenizerSpec::Token token(std::string spelling, double score = 0) {
  return {.spelling = std::move(spelling), .score = score};
}
inline TokenizerSpec::Token token(std::string spelling, TokenKind kind) {
  return {.spelling = std::move(spelling), .kind = kind};
}

inline std::vector<TokenId> encode(const Tokenizer& tokenizer, std::string_view text, bool trusted = false) {
  return tokenizer.encode({text, trusted}, {.add_special = false});
}

// "a|b|c": the spellings of what `text` becomes.
inline std::string spellings(const Tokenizer& tokenizer, std::string_view text, bool trusted = false) {
  std::string all;
  for (const TokenId id : encode(tokenizer, text, trusted)) {
    if (!all.empty()) all += '|';
    all += tokenizer.spelling(id);
  }
  return all;
}

}  // namespace ferrum::test
