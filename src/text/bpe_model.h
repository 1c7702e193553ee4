// Byte pair encoding. A piece starts as its bytes or characters, and the best neighbouring pair is joined
// until no pair can be. The best pair is that of the earliest merge or, for SentencePiece, the one whose
// result has the highest score; of equals, the leftmost. O(n log n) in the length of the piece.
#pragma once
#include <string>
#include <unordered_map>

#include "text/pair_table.h"
#include "text/token_model.h"

namespace ferrum {

class BpeModel : public TokenModel {
 public:
  BpeModel(const BpeSpec& spec, const Vocabulary& vocabulary, Units units, std::optional<TokenId> unknown,
           std::string_view merges_field);

  void encode(std::string_view piece, EncodeScratch& scratch, std::vector<TokenId>& out) const override;

 private:
  void read_bytes_of_tokens();
  void read_merges(const BpeSpec& spec, std::string_view field);
  TokenId untokened_id(std::string_view spelling);
  TokenId joined_id(std::string_view spelling);
  void derive_merges_from_scores();
  bool is_joinable(TokenId id) const;
  std::optional<TokenId> find_joinable(std::string_view spelling) const;
  std::string_view affixed(std::string_view unit, bool is_first, bool is_last, std::string& storage) const;
  TokenId unit_id(std::string_view unit) const;
  bool falls_back(std::string_view letters) const;
  void find_word_borders();

  void encode_words(std::string_view piece, EncodeScratch& scratch, std::vector<TokenId>& out) const;
  void encode_word(std::string_view word, EncodeScratch& scratch, std::vector<TokenId>& out) const;
  void split_into_units(std::string_view word, EncodeScratch& scratch) const;
  void join_units(EncodeScratch& scratch) const;
  void emit(const EncodeScratch& scratch, std::vector<TokenId>& out) const;
  void emit_known(TokenId id, std::vector<TokenId>& out) const;

  const Vocabulary& vocabulary_;
  Units units_;
  std::optional<TokenId> unknown_;
  bool by_score_;
  bool ignore_merges_;
  bool fuse_unknown_;
  std::string continuing_prefix_, word_suffix_;

  PairTable pairs_;
  std::vector<TokenId> byte_units_;                    // kBytes: by byte, -1 where the vocabulary lacks it
  std::vector<TokenId> fallback_bytes_;                // <0x00> …, -1 where missing; empty: no fallback
  std::unordered_map<std::string, TokenId> by_bytes_;  // kBytes with ignore_merges: token by its bytes

  // SentencePiece also joins characters that are not tokens, and llama.cpp whatever merges name: they get ids
  // beyond the vocabulary.
  std::unordered_map<std::string, TokenId> untokened_;
  std::vector<std::string> untokened_spellings_;
  std::unordered_map<TokenId, std::pair<TokenId, TokenId>> parts_;  // of what takes part in joins only

  bool words_begin_at_mark_ =
      false;  // whether no token spans the border before a "▁" that is not at its beginning
};

}  // namespace ferrum
