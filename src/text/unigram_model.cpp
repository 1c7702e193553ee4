#include "text/unigram_model.h"

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "base/utf8.h"

namespace ferrum {
namespace {

constexpr double kUnknownPenalty = 10;
constexpr TokenId kUnreached = -1;
constexpr TokenId kUncovered = -2;  // one character that no token covers

}  // namespace

UnigramModel::UnigramModel(const UnigramSpec& spec, const Vocabulary& vocabulary,
                           std::optional<TokenId> unknown)
    : vocabulary_(vocabulary), unknown_(unknown), single_precision_(spec.single_precision) {
  std::vector<std::pair<std::string_view, int32_t>> entries;
  double lowest = std::numeric_limits<double>::infinity();
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    const auto& token = vocabulary[id];
    if (token.kind != TokenKind::kNormal && token.kind != TokenKind::kUserDefined) continue;
    entries.emplace_back(token.spelling, id);
    lowest = std::min(lowest, token.score);
  }
  unknown_score_ = (entries.empty() ? 0 : lowest) - kUnknownPenalty;
  tokens_ = Trie(std::move(entries));
  if (spec.byte_fallback) {
    fallback_bytes_ = vocabulary.byte_tokens();
    if (std::find(fallback_bytes_.begin(), fallback_bytes_.end(), -1) != fallback_bytes_.end())
      fallback_bytes_.clear();
  }
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
      // A token that a user defined wins over any other way to spell it.
      const double score = vocabulary_[id].kind == TokenKind::kUserDefined ? 0 : vocabulary_[id].score;
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
  bool after_unknown = false;
  for (size_t end = piece.size(); end > 0;) {  // last token first
    const auto& step = steps[end];
    if (step.id != kUncovered) {
      out.push_back(step.id);
    } else if (!fallback_bytes_.empty()) {
      for (size_t i = end; i > step.begin; --i)
        out.push_back(fallback_bytes_[static_cast<unsigned char>(piece[i - 1])]);
    } else if (unknown_ && !after_unknown) {
      out.push_back(*unknown_);
    }
    after_unknown = step.id == kUncovered;
    end = step.begin;
  }
  std::reverse(out.begin() + before, out.end());
}

}  // namespace ferrum
