#include "text/unigram_model.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/utf8.h"

namespace ferrum {
namespace {

constexpr double kUnknownPenalty = 10;
constexpr TokenId kUnreached = -1;
constexpr TokenId kUncovered = -2;  // a character that no token covers

}  // namespace

UnigramModel::UnigramModel(const UnigramSpec& spec, const Vocabulary& vocabulary,
                           std::optional<TokenId> unknown)
    : vocabulary_(vocabulary),
      unknown_(unknown),
      single_precision_(spec.single_precision),
      own_scores_(spec.own_scores) {
  std::vector<std::pair<std::string_view, int32_t>> entries;  // of equal spellings the first is used
  for (const auto& [spelling, id] : vocabulary.aliases()) entries.emplace_back(spelling, id);
  double lowest = std::numeric_limits<double>::infinity();
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    const auto& token = vocabulary[id];
    // Hugging Face takes the lowest score of all tokens, SentencePiece that of tokens that text can become.
    if (vocabulary.is_spellable(id) || (own_scores_ && !token.is_added))
      lowest = std::min(lowest, token.score);
    // In Hugging Face tokenizers, the text "<0x0A>" becomes the token of that spelling.
    const bool is_byte = own_scores_ && token.kind == TokenKind::kByte;
    if (vocabulary.is_spellable(id) || is_byte) entries.emplace_back(token.spelling, id);
  }
  unknown_score_ = (std::isinf(lowest) ? 0 : lowest) - kUnknownPenalty;
  tokens_ = Trie(std::move(entries));
  if (spec.byte_fallback) fallback_bytes_ = vocabulary.byte_tokens();
}

void UnigramModel::encode(std::string_view piece, EncodeScratch& scratch, std::vector<TokenId>& out) const {
  if (piece.empty() || scratch.cache.append(piece, out)) return;
  auto& steps = scratch.steps;
  steps.assign(piece.size() + 1, {0, 0, kUnreached});
  const auto offer = [&](size_t begin, size_t end, TokenId id, double score) {
    auto& step = steps[end];
    const double total = steps[begin].score + score;
    if (step.id == kUnreached || total > step.score)
      step = {single_precision_ ? static_cast<float>(total) : total, static_cast<uint32_t>(begin), id};
  };
  for (size_t begin = 0; begin < piece.size();) {
    const size_t size = utf8::decode(piece.substr(begin)).size;
    bool covered = false;
    tokens_.for_each_prefix(piece.substr(begin), [&](size_t length, TokenId id) {
      // SentencePiece prefers a user-defined token to any other segmentation.
      const bool is_free = !own_scores_ && vocabulary_[id].kind == TokenKind::kUserDefined;
      const double score = is_free ? 0 : vocabulary_[id].score;
      offer(begin, begin + length, id, score);
      covered = covered || length == size;
    });
    if (!covered) offer(begin, begin + size, kUncovered, unknown_score_);
    begin += size;
  }
  const size_t before = out.size();
  emit(piece, steps, out);
  scratch.cache.put(piece, out.data() + before, out.size() - before);
}

void UnigramModel::emit(std::string_view piece, const std::vector<EncodeScratch::Step>& steps,
                        std::vector<TokenId>& out) const {
  const auto before = static_cast<std::ptrdiff_t>(out.size());
  const auto is_unknown = [&](TokenId id) { return id == kUncovered || (own_scores_ && unknown_ == id); };
  for (size_t end = piece.size(); end > 0;) {  // last token first
    size_t begin = steps[end].begin;
    if (!is_unknown(steps[end].id)) {
      out.push_back(steps[end].id);
    } else {
      while (begin > 0 && is_unknown(steps[begin].id)) begin = steps[begin].begin;
      emit_uncovered(piece.substr(begin, end - begin), out);
    }
    end = begin;
  }
  std::reverse(out.begin() + before, out.end());
}

// Last byte first. If one of the bytes has no token, all of them are one unknown token.
void UnigramModel::emit_uncovered(std::string_view characters, std::vector<TokenId>& out) const {
  if (const auto id = own_scores_ ? vocabulary_.find_spellable(characters) : std::nullopt) {
    out.push_back(*id);
    return;
  }
  const auto has_token = [&](char c) { return fallback_bytes_[static_cast<unsigned char>(c)] >= 0; };
  if (!fallback_bytes_.empty() && std::all_of(characters.begin(), characters.end(), has_token)) {
    for (size_t i = characters.size(); i > 0; --i)
      out.push_back(fallback_bytes_[static_cast<unsigned char>(characters[i - 1])]);
  } else if (unknown_) {
    out.push_back(*unknown_);
  }
}

}  // namespace ferrum
