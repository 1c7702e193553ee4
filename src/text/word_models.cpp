#include "text/word_models.h"

#include "base/log.h"
#include "base/utf8.h"

namespace ferrum {
namespace {

bool is_longer_than(std::string_view text, size_t characters) {
  if (text.size() <= characters) return false;
  size_t n = 0;
  for (size_t i = 0; i < text.size(); i += utf8::decode(text.substr(i)).size)
    if (++n > characters) return true;
  return false;
}

}  // namespace

WordPieceModel::WordPieceModel(const WordPieceSpec& spec, const Vocabulary& vocabulary,
                               std::optional<TokenId> unknown)
    : unknown_(unknown), max_word_characters_(spec.max_word_characters) {
  if (!unknown)
    log::warn("{}: {} has no unknown token: words that it cannot spell are left out", vocabulary.source(),
              vocabulary.field());
  std::vector<std::pair<std::string_view, int32_t>> beginnings, continuations;
  const auto add = [&](std::string_view spelling, TokenId id) {
    if (spelling.starts_with(spec.word_prefix))
      beginnings.emplace_back(spelling.substr(spec.word_prefix.size()), id);
    const bool only_begins =
        spec.continuing_prefix.empty() && !spec.word_prefix.empty() && spelling.starts_with(spec.word_prefix);
    if (spelling.starts_with(spec.continuing_prefix) && !only_begins)
      continuations.emplace_back(spelling.substr(spec.continuing_prefix.size()), id);
  };
  for (const auto& [spelling, id] : vocabulary.aliases()) add(spelling, id);
  for (TokenId id = 0; id < vocabulary.size(); ++id)
    if (vocabulary.is_spellable(id)) add(vocabulary[id].spelling, id);
  beginnings_ = Trie(std::move(beginnings));
  continuations_ = Trie(std::move(continuations));
}

void WordPieceModel::encode(std::string_view piece, EncodeScratch&, std::vector<TokenId>& out) const {
  if (piece.empty()) return;
  const size_t before = out.size();
  bool spelled = !max_word_characters_ || !is_longer_than(piece, *max_word_characters_);
  for (size_t at = 0; spelled && at < piece.size();) {
    size_t longest = 0;
    TokenId best = 0;
    (at == 0 ? beginnings_ : continuations_)
        .for_each_prefix(piece.substr(at), [&](size_t length, TokenId id) {
          longest = length;
          best = id;
        });
    spelled = longest > 0;
    out.push_back(best);
    at += longest;
  }
  if (spelled) return;
  out.resize(before);
  if (unknown_) out.push_back(*unknown_);
}

}  // namespace ferrum
