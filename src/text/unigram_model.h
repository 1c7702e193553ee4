// Unigram: the segmentation with the highest total score (Viterbi). A character that no token covers is
// unknown, at the lowest score less 10; neighbouring unknown characters become one token.
#pragma once
#include "text/token_model.h"
#include "text/trie.h"

namespace ferrum {

class UnigramModel : public TokenModel {
 public:
  UnigramModel(const UnigramSpec& spec, const Vocabulary& vocabulary, std::optional<TokenId> unknown);

  void encode(std::string_view piece, EncodeScratch& scratch, std::vector<TokenId>& out) const override;

 private:
  void emit(std::string_view piece, const std::vector<EncodeScratch::Step>& steps,
            std::vector<TokenId>& out) const;
  void emit_uncovered(std::string_view characters, std::vector<TokenId>& out) const;

  const Vocabulary& vocabulary_;
  std::optional<TokenId> unknown_;
  bool single_precision_;
  bool own_scores_;
  Trie tokens_;
  double unknown_score_ = 0;
  std::vector<TokenId> fallback_bytes_;  // by byte, -1 where there is none; empty: no fallback
};

}  // namespace ferrum
