// The tokens of a vocabulary by id and by spelling.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "text/tokenizer_spec.h"

namespace ferrum {

class Vocabulary {
 public:
  // Of tokens with the same spelling the first is found, with a warning; a token without a spelling is never
  // found. Throws kBadFile naming `source` and `field` if there are no tokens, or too many.
  Vocabulary(std::vector<TokenizerSpec::Token> tokens, std::vector<std::pair<std::string, TokenId>> aliases,
             std::string source, std::string field);
  Vocabulary(const Vocabulary&) = delete;
  Vocabulary& operator=(const Vocabulary&) = delete;

  int size() const { return static_cast<int>(tokens_.size()); }
  bool contains(TokenId id) const { return id >= 0 && id < size(); }
  const TokenizerSpec::Token& operator[](TokenId id) const { return tokens_[static_cast<size_t>(id)]; }
  std::optional<TokenId> find(std::string_view spelling) const;

  // Whether a model may make this token out of text. Control tokens come from trusted text only (fault B48);
  // <unk> and <0x0A> do not stand for their spelling; unused tokens are never used.
  bool is_spellable(TokenId id) const {
    const TokenizerSpec::Token& token = (*this)[id];
    return (token.kind == TokenKind::kNormal || token.kind == TokenKind::kUserDefined) && !token.is_added;
  }
  std::optional<TokenId> find_spellable(std::string_view spelling) const;

  // Further spellings in the model's vocabulary. An alias has priority over a token with the same spelling.
  const std::vector<std::pair<std::string, TokenId>>& aliases() const { return aliases_; }

  // The ids of <0x00> … <0xFF> by byte; -1 where there is none.
  std::vector<TokenId> byte_tokens() const;

  const std::string& source() const { return source_; }
  const std::string& field() const { return field_; }

 private:
  std::vector<TokenizerSpec::Token> tokens_;
  std::vector<std::pair<std::string, TokenId>> aliases_;
  struct Place {
    TokenId id;
    bool is_alias;
  };
  std::unordered_map<std::string_view, Place> ids_;  // views into tokens_ and aliases_
  std::string source_, field_;
};

// The byte that a spelling such as "<0x0A>" stands for; nullopt for any other spelling.
std::optional<unsigned char> byte_of_spelling(std::string_view spelling);

}  // namespace ferrum
