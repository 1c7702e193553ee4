#include "text/token_model.h"

#include "text/bpe_model.h"
#include "text/unigram_model.h"
#include "text/word_models.h"

namespace ferrum {
namespace {

constexpr size_t kKeptElements = size_t{1} << 16;

template <class T>
void trim_one(std::vector<T>& v) {
  if (v.capacity() > kKeptElements) v = {};
}

}  // namespace

void EncodeScratch::trim() {
  trim_one(symbols);
  trim_one(joins);
  trim_one(steps);
}

std::unique_ptr<const TokenModel> TokenModel::make(const ModelSpec& spec, const Vocabulary& vocabulary,
                                                   Units units, std::optional<TokenId> unknown,
                                                   std::string_view merges_field) {
  if (const auto* bpe = std::get_if<BpeSpec>(&spec))
    return std::make_unique<BpeModel>(*bpe, vocabulary, units, unknown, merges_field);
  if (const auto* unigram = std::get_if<UnigramSpec>(&spec))
    return std::make_unique<UnigramModel>(*unigram, vocabulary, unknown);
  if (const auto* word_piece = std::get_if<WordPieceSpec>(&spec))
    return std::make_unique<WordPieceModel>(*word_piece, vocabulary, unknown);
  return std::make_unique<WordLevelModel>(vocabulary, unknown);
}

}  // namespace ferrum
