// The model of a tokenizer, which turns a piece of text into ids: BPE, unigram, WordPiece or whole words.
#pragma once
#include <memory>
#include <string_view>
#include <vector>

#include "text/piece_cache.h"
#include "text/tokenizer_spec.h"
#include "text/vocabulary.h"

namespace ferrum {

// Scratch memory, reused from piece to piece and from call to call; used by one thread at a time.
struct EncodeScratch {
  struct Symbol {
    TokenId id;  // negative: no token
    int32_t previous;
    int32_t next;
  };
  struct Join {  // a join of the symbol at `at` with the one after it
    uint32_t rank;
    uint32_t at;
    TokenId result;
  };
  struct Step {  // the best way to reach a place in the piece
    double score;
    uint32_t begin;
    TokenId id;  // negative: unreachable
  };
  std::vector<Symbol> symbols;
  std::vector<Join> joins;
  std::vector<Step> steps;
  PieceCache cache;

  // Releases the extra memory that one giant piece needed.
  void trim();
};

class TokenModel {
 public:
  virtual ~TokenModel() = default;

  // Appends the ids of `piece` to `out`, control tokens excepted.
  virtual void encode(std::string_view piece, EncodeScratch& scratch, std::vector<TokenId>& out) const = 0;

  // `units`: whether pieces are bytes, which the vocabulary spells in GPT-2's alphabet, or text. `vocabulary`
  // must outlive the model. Errors: see Tokenizer::make.
  enum class Units { kBytes, kText };
  static std::unique_ptr<const TokenModel> make(const ModelSpec& spec, const Vocabulary& vocabulary,
                                                Units units, std::optional<TokenId> unknown,
                                                std::string_view merges_field);
};

}  // namespace ferrum
