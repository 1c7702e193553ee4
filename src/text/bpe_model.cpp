#include "text/bpe_model.h"

#include <algorithm>
#include <limits>
#include <map>

#include "base/error.h"
#include "base/log.h"
#include "base/utf8.h"
#include "text/byte_alphabet.h"

namespace ferrum {
namespace {

constexpr std::string_view kMark = "▁";
constexpr TokenId kNoToken = -1;
constexpr TokenId kGone = -2;  // marks a symbol that was joined to the one before it
constexpr uint32_t kMostBytes = std::numeric_limits<int32_t>::max();

bool is_later(const EncodeScratch::Join& a, const EncodeScratch::Join& b) {
  return a.rank != b.rank ? a.rank > b.rank : a.at > b.at;
}

// Whether `spelling` contains a "▁" that is not at its beginning.
bool has_inner_mark(std::string_view spelling) {
  for (size_t at = spelling.find(kMark, 1); at != std::string_view::npos; at = spelling.find(kMark, at + 1))
    if (!spelling.substr(0, at).ends_with(kMark)) return true;
  return false;
}

}  // namespace

BpeModel::BpeModel(const BpeSpec& spec, const Vocabulary& vocabulary, Units units,
                   std::optional<TokenId> unknown, std::string_view merges_field)
    : vocabulary_(vocabulary),
      units_(units),
      unknown_(unknown),
      by_score_(spec.by_score),
      ignore_merges_(spec.ignore_merges),
      fuse_unknown_(spec.fuse_unknown),
      continuing_prefix_(spec.continuing_prefix),
      word_suffix_(spec.word_suffix) {
  if (units == Units::kBytes) read_bytes_of_tokens();
  if (spec.byte_fallback) {
    fallback_bytes_ = vocabulary.byte_tokens();
    // SentencePiece falls back only if all 256 byte tokens exist; Hugging Face needs only those used.
    if (by_score_ && std::find(fallback_bytes_.begin(), fallback_bytes_.end(), -1) != fallback_bytes_.end())
      fallback_bytes_.clear();
  }
  if (spec.by_score)
    derive_merges_from_scores();
  else
    read_merges(spec, merges_field);
  find_word_borders();
}

void BpeModel::read_bytes_of_tokens() {
  byte_units_.assign(256, kNoToken);
  const auto read = [&](const std::string& spelling, TokenId id) {
    if (!ignore_merges_ && spelling.size() > 2) return;
    std::optional<std::string> bytes = byte_alphabet::read(spelling);
    if (!bytes || bytes->empty()) return;
    if (bytes->size() == 1) byte_units_[static_cast<unsigned char>((*bytes)[0])] = id;
    if (ignore_merges_) by_bytes_.emplace(std::move(*bytes), id);
  };
  for (const auto& [spelling, id] : vocabulary_.aliases()) read(spelling, id);
  for (TokenId id = 0; id < vocabulary_.size(); ++id)
    if (vocabulary_.is_spellable(id) && vocabulary_.find(vocabulary_[id].spelling) == id)
      read(vocabulary_[id].spelling, id);
}

// The id beyond the vocabulary of a spelling that no token has.
TokenId BpeModel::untokened_id(std::string_view spelling) {
  const auto [it, is_new] = untokened_.try_emplace(
      std::string(spelling), vocabulary_.size() + static_cast<TokenId>(untokened_spellings_.size()));
  if (is_new) untokened_spellings_.emplace_back(spelling);
  return it->second;
}

// The id of what merges join. Where no token has the spelling, its parts are the first letter and the rest.
TokenId BpeModel::joined_id(std::string_view spelling) {
  if (const std::optional<TokenId> id = vocabulary_.find(spelling)) return *id;
  const TokenId id = untokened_id(spelling);
  const auto is_letter = [](std::string_view text) {
    return text.empty() || utf8::decode(text).size == text.size();
  };
  const auto letter_id = [&](std::string_view letter) {
    const std::optional<TokenId> token = find_joinable(letter);
    return token ? *token : untokened_id(letter);
  };
  TokenId whole = id;
  while (!is_letter(spelling) && !parts_.contains(whole)) {
    const size_t first = utf8::decode(spelling).size;
    const TokenId head = letter_id(spelling.substr(0, first));
    spelling.remove_prefix(first);
    TokenId rest = 0;
    if (is_letter(spelling)) {
      rest = letter_id(spelling);
    } else {  // an id without a spelling, since nothing is joined to it
      rest = vocabulary_.size() + static_cast<TokenId>(untokened_spellings_.size());
      untokened_spellings_.emplace_back();
    }
    parts_[whole] = {head, rest};
    whole = rest;
  }
  return id;
}

void BpeModel::read_merges(const BpeSpec& spec, std::string_view field) {
  pairs_ = PairTable(spec.merges.size());
  const bool joins_all = spec.untokened == BpeSpec::Untokened::kJoined;
  size_t untokened = 0;
  std::string joined;
  for (size_t rank = 0; rank < spec.merges.size(); ++rank) {
    const std::string& left = spec.merges[rank].first;
    const std::string& right = spec.merges[rank].second;
    joined = left;
    joined +=
        std::string_view(right).substr(right.starts_with(continuing_prefix_) ? continuing_prefix_.size() : 0);
    const auto known = [&](std::string_view spelling) {
      const std::optional<TokenId> id = vocabulary_.find(spelling);
      if (id) return *id;
      if (!joins_all)
        fail(ErrorCode::kBadFile, "{}: {}[{}] joins {} and {}, but the vocabulary has no token {}",
             vocabulary_.source(), field, rank, in_quotes(left), in_quotes(right), in_quotes(spelling));
      if (untokened++ == 0)
        log::warn("{}: {}[{}] joins {} and {}, but the vocabulary has no token {}: it is spelled in letters",
                  vocabulary_.source(), field, rank, in_quotes(left), in_quotes(right), in_quotes(spelling));
      return joined_id(spelling);
    };
    const TokenId left_id = known(left);
    const TokenId right_id = known(right);
    const TokenId result = known(joined);
    // No merge makes a control token out of text.
    if (result < vocabulary_.size() && !vocabulary_.find_spellable(joined)) continue;
    pairs_.put(left_id, right_id, static_cast<uint32_t>(rank), result);
  }
  if (untokened > 1)
    log::warn("{}: {} names spellings that no token has {} more times", vocabulary_.source(), field,
              untokened - 1);
}

// Each pair of tokens or single characters that together spell a token is a merge, ranked by that token's
// score.
void BpeModel::derive_merges_from_scores() {
  std::vector<TokenId> joinable;
  for (TokenId id = 0; id < vocabulary_.size(); ++id) {
    // User-defined tokens are found as a whole before the model sees the text.
    const TokenKind kind = vocabulary_[id].kind;
    if (kind == TokenKind::kNormal || kind == TokenKind::kUnused) joinable.push_back(id);
  }
  std::stable_sort(joinable.begin(), joinable.end(),
                   [&](TokenId a, TokenId b) { return vocabulary_[a].score > vocabulary_[b].score; });

  const auto part = [&](std::string_view text) -> TokenId {
    if (const auto id = find_joinable(text)) return *id;
    if (text.empty() || utf8::decode(text).size != text.size()) return kNoToken;
    return untokened_id(text);
  };
  struct Merge {
    TokenId left, right;
    uint32_t rank;
    TokenId result;
  };
  std::vector<Merge> merges;
  uint32_t rank = 0;
  for (size_t i = 0; i < joinable.size(); ++i) {
    const TokenId id = joinable[i];
    if (i > 0 && vocabulary_[id].score != vocabulary_[joinable[i - 1]].score) ++rank;
    const std::string_view spelling = vocabulary_[id].spelling;
    for (size_t cut = 0; cut < spelling.size();) {
      cut += utf8::decode(spelling.substr(cut)).size;
      if (cut >= spelling.size()) break;
      const TokenId left = part(spelling.substr(0, cut));
      const TokenId right = part(spelling.substr(cut));
      if (left == kNoToken || right == kNoToken) continue;
      merges.push_back({left, right, rank, id});
      if (vocabulary_[id].kind == TokenKind::kUnused) parts_[id] = {left, right};
    }
  }
  pairs_ = PairTable(merges.size());
  for (const Merge& m : merges) pairs_.put(m.left, m.right, m.rank, m.result);
}

// SentencePiece joins symbols into unused tokens on the way to longer ones.
bool BpeModel::is_joinable(TokenId id) const {
  return vocabulary_.is_spellable(id) || (by_score_ && vocabulary_[id].kind == TokenKind::kUnused);
}

std::optional<TokenId> BpeModel::find_joinable(std::string_view spelling) const {
  if (const auto id = vocabulary_.find_spellable(spelling)) return id;
  const std::optional<TokenId> id = vocabulary_.find(spelling);
  return id && is_joinable(*id) ? id : std::nullopt;
}

void BpeModel::find_word_borders() {
  if (units_ != Units::kText || !continuing_prefix_.empty() || !word_suffix_.empty() || ignore_merges_)
    return;
  if (!vocabulary_.find_spellable(kMark)) return;
  words_begin_at_mark_ = true;
  for (TokenId id = 0; id < vocabulary_.size() && words_begin_at_mark_; ++id)
    if (is_joinable(id) && has_inner_mark(vocabulary_[id].spelling)) words_begin_at_mark_ = false;
}

void BpeModel::encode(std::string_view piece, EncodeScratch& scratch, std::vector<TokenId>& out) const {
  if (piece.empty()) return;
  if (piece.size() > kMostBytes)
    fail(ErrorCode::kBadArgument, "a text of {} bytes is too long", piece.size());
  if (ignore_merges_) {
    if (units_ == Units::kBytes) {
      if (scratch.cache.append(piece, out)) return;
      if (const auto it = by_bytes_.find(std::string(piece)); it != by_bytes_.end()) {
        scratch.cache.put(piece, &it->second, 1);
        out.push_back(it->second);
        return;
      }
    } else if (const auto id = vocabulary_.find_spellable(piece)) {
      out.push_back(*id);
      return;
    }
  }
  if (words_begin_at_mark_)
    encode_words(piece, scratch, out);
  else
    encode_word(piece, scratch, out);
}

void BpeModel::encode_words(std::string_view piece, EncodeScratch& scratch, std::vector<TokenId>& out) const {
  size_t begin = 0;
  size_t at = piece.find(kMark, 1);
  while (at != std::string_view::npos) {
    const bool follows_mark = at >= kMark.size() && piece.substr(at - kMark.size(), kMark.size()) == kMark;
    if (!follows_mark) {
      encode_word(piece.substr(begin, at - begin), scratch, out);
      begin = at;
    }
    at = piece.find(kMark, at + kMark.size());
  }
  encode_word(piece.substr(begin), scratch, out);
}

void BpeModel::encode_word(std::string_view word, EncodeScratch& scratch, std::vector<TokenId>& out) const {
  if (scratch.cache.append(word, out)) return;
  const size_t before = out.size();
  split_into_units(word, scratch);
  join_units(scratch);
  emit(scratch, out);
  scratch.cache.put(word, out.data() + before, out.size() - before);
}

// The unit as the vocabulary spells it at this place in the word.
std::string_view BpeModel::affixed(std::string_view unit, bool is_first, bool is_last,
                                   std::string& storage) const {
  if ((is_first || continuing_prefix_.empty()) && (!is_last || word_suffix_.empty())) return unit;
  storage = is_first ? "" : continuing_prefix_;
  storage += unit;
  if (is_last) storage += word_suffix_;
  return storage;
}

TokenId BpeModel::unit_id(std::string_view unit) const {
  if (const auto id = find_joinable(unit)) return *id;
  if (untokened_.empty()) return kNoToken;
  const auto it = untokened_.find(std::string(unit));
  return it == untokened_.end() ? kNoToken : it->second;
}

void BpeModel::split_into_units(std::string_view word, EncodeScratch& scratch) const {
  auto& symbols = scratch.symbols;
  symbols.clear();
  const auto add = [&](TokenId id) {
    const auto n = static_cast<int32_t>(symbols.size());
    symbols.push_back({id, n - 1, n + 1});
  };
  // An unknown unit is held back until the next known one, since neighbouring unknown units may be fused.
  bool unknown_waits = false;
  const auto flush_unknown = [&] {
    if (unknown_waits) add(*unknown_);
    unknown_waits = false;
  };
  std::string storage;
  const auto add_unit = [&](std::string_view letters, bool is_first, bool is_last) {
    letters = affixed(letters, is_first, is_last, storage);
    if (const TokenId id = unit_id(letters); id != kNoToken) {
      flush_unknown();
      add(id);
    } else if (falls_back(letters)) {  // Hugging Face emits these before a held-back unknown unit
      for (const char c : letters) add(fallback_bytes_[static_cast<unsigned char>(c)]);
    } else if (unknown_) {
      if (!fuse_unknown_) flush_unknown();
      unknown_waits = true;
    }
  };
  const bool has_affixes = !continuing_prefix_.empty() || !word_suffix_.empty();
  for (size_t i = 0; i < word.size();) {
    const size_t size = units_ == Units::kBytes ? 1 : utf8::decode(word.substr(i)).size;
    const std::string_view unit = word.substr(i, size);
    const bool is_first = i == 0;
    i += size;
    if (units_ == Units::kText) {
      add_unit(unit, is_first, i == word.size());
    } else if (const TokenId id = byte_units_[static_cast<unsigned char>(unit[0])];
               id != kNoToken && !has_affixes) {
      flush_unknown();
      add(id);
    } else {
      add_unit(byte_alphabet::spell(unit), is_first, i == word.size());
    }
  }
  flush_unknown();
  if (!symbols.empty()) symbols.back().next = -1;
}

bool BpeModel::falls_back(std::string_view letters) const {
  return !fallback_bytes_.empty() && std::all_of(letters.begin(), letters.end(), [&](char c) {
    return fallback_bytes_[static_cast<unsigned char>(c)] >= 0;
  });
}

void BpeModel::join_units(EncodeScratch& scratch) const {
  auto& symbols = scratch.symbols;
  auto& joins = scratch.joins;
  joins.clear();
  const auto join_at = [&](int32_t at) -> const PairTable::Entry* {
    const auto& left = symbols[static_cast<size_t>(at)];
    if (left.next < 0 || left.id < 0) return nullptr;
    const TokenId right = symbols[static_cast<size_t>(left.next)].id;
    return right < 0 ? nullptr : pairs_.find(left.id, right);
  };
  for (int32_t i = 0; i + 1 < static_cast<int32_t>(symbols.size()); ++i)
    if (const auto* entry = join_at(i))
      joins.push_back({entry->rank, static_cast<uint32_t>(i), entry->result});
  std::make_heap(joins.begin(), joins.end(), is_later);
  const auto consider = [&](int32_t at) {
    if (const auto* entry = join_at(at)) {
      joins.push_back({entry->rank, static_cast<uint32_t>(at), entry->result});
      std::push_heap(joins.begin(), joins.end(), is_later);
    }
  };
  while (!joins.empty()) {
    const EncodeScratch::Join best = joins.front();
    std::pop_heap(joins.begin(), joins.end(), is_later);
    joins.pop_back();
    const auto at = static_cast<int32_t>(best.at);
    auto& left = symbols[best.at];
    if (left.id == kGone) continue;
    const PairTable::Entry* entry = join_at(at);
    if (entry == nullptr || entry->result != best.result) continue;  // a later join replaced this one
    auto& right = symbols[static_cast<size_t>(left.next)];
    left.id = best.result;
    left.next = right.next;
    right.id = kGone;
    if (left.next >= 0) symbols[static_cast<size_t>(left.next)].previous = at;
    if (left.previous >= 0) consider(left.previous);
    consider(at);
  }
}

void BpeModel::emit(const EncodeScratch& scratch, std::vector<TokenId>& out) const {
  if (scratch.symbols.empty()) return;
  bool after_unknown = false;  // whether the previous symbol was unknown
  for (int32_t i = 0; i >= 0; i = scratch.symbols[static_cast<size_t>(i)].next) {
    const TokenId id = scratch.symbols[static_cast<size_t>(i)].id;
    const bool is_unknown = (id >= vocabulary_.size() && fallback_bytes_.empty() && !parts_.contains(id)) ||
                            (by_score_ && unknown_ == id);
    if (!is_unknown)
      emit_known(id, out);
    else if (unknown_ && !(fuse_unknown_ && after_unknown))
      out.push_back(*unknown_);
    after_unknown = is_unknown;
  }
}

// What takes part in joins but never in the result, as an unused token, is split into its parts.
void BpeModel::emit_known(TokenId id, std::vector<TokenId>& out) const {
  std::vector<TokenId> left_to_do;
  for (;;) {
    const auto parts = parts_.find(id);
    if (parts != parts_.end()) {
      left_to_do.push_back(parts->second.second);
      id = parts->second.first;
      continue;
    }
    if (id < vocabulary_.size()) {
      out.push_back(id);
    } else if (!fallback_bytes_.empty()) {
      for (const char c : untokened_spellings_[static_cast<size_t>(id - vocabulary_.size())])
        out.push_back(fallback_bytes_[static_cast<unsigned char>(c)]);
    } else if (unknown_) {
      out.push_back(*unknown_);
    }
    if (left_to_do.empty()) return;
    id = left_to_do.back();
    left_to_do.pop_back();
  }
}

}  // namespace ferrum
