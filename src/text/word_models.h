// WordPiece: a word is split into the longest tokens from left to right, or is unknown as a whole. Word
// level: a word is one token or unknown.
#pragma once
#include "text/token_model.h"
#include "text/trie.h"

namespace ferrum {

class WordPieceModel : public TokenModel {
 public:
  WordPieceModel(const WordPieceSpec& spec, const Vocabulary& vocabulary, std::optional<TokenId> unknown);

  void encode(std::string_view piece, EncodeScratch& scratch, std::vector<TokenId>& out) const override;

 private:
  std::optional<TokenId> unknown_;
  std::optional<size_t> max_word_characters_;
  Trie beginnings_, continuations_;  // without their prefixes
};

class WordLevelModel : public TokenModel {
 public:
  WordLevelModel(const Vocabulary& vocabulary, std::optional<TokenId> unknown)
      : vocabulary_(vocabulary), unknown_(unknown) {}

  void encode(std::string_view piece, EncodeScratch&, std::vector<TokenId>& out) const override {
    if (piece.empty()) return;
    if (const auto id = vocabulary_.find_spellable(piece))
      out.push_back(*id);
    else if (unknown_)
      out.push_back(*unknown_);
  }

 private:
  const Vocabulary& vocabulary_;
  std::optional<TokenId> unknown_;
};

}  // namespace ferrum
