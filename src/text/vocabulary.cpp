#include "text/vocabulary.h"

#include <utility>

#include "base/error.h"
#include "base/log.h"

namespace ferrum {
namespace {

constexpr size_t kMostTokens = 16'000'000;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::optional<unsigned char> byte_of_spelling(std::string_view spelling) {
  if (spelling.size() != 6 || !spelling.starts_with("<0x") || spelling[5] != '>') return std::nullopt;
  const int high = hex_digit(spelling[3]);
  const int low = hex_digit(spelling[4]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<unsigned char>(high * 16 + low);
}

Vocabulary::Vocabulary(std::vector<TokenizerSpec::Token> tokens,
                       std::vector<std::pair<std::string, TokenId>> aliases, std::string source,
                       std::string field)
    : tokens_(std::move(tokens)),
      aliases_(std::move(aliases)),
      source_(std::move(source)),
      field_(std::move(field)) {
  if (tokens_.empty()) fail(ErrorCode::kBadFile, "{}: {} has no tokens", source_, field_);
  if (tokens_.size() > kMostTokens)
    fail(ErrorCode::kBadFile, "{}: {} has {} tokens, more than the {} allowed", source_, field_,
         tokens_.size(), kMostTokens);
  ids_.reserve(tokens_.size());
  for (const auto& [spelling, id] : aliases_) ids_.emplace(spelling, Place{id, true});
  size_t repeated = 0;
  for (size_t id = 0; id < tokens_.size(); ++id) {
    if (tokens_[id].spelling.empty()) continue;
    const auto [known, is_new] = ids_.emplace(tokens_[id].spelling, Place{static_cast<TokenId>(id), false});
    if (is_new || known->second.is_alias || repeated++ > 0) continue;
    log::warn("{}: {} has the token {} twice, as {} and as {}; text becomes the first", source_, field_,
              in_quotes(tokens_[id].spelling), known->second.id, id);
  }
  if (repeated > 1)
    log::warn("{}: {} has {} more tokens whose spelling an earlier one has", source_, field_, repeated - 1);
}

std::optional<TokenId> Vocabulary::find(std::string_view spelling) const {
  const auto it = ids_.find(spelling);
  return it == ids_.end() ? std::nullopt : std::optional(it->second.id);
}

std::optional<TokenId> Vocabulary::find_spellable(std::string_view spelling) const {
  const auto it = ids_.find(spelling);
  if (it == ids_.end() || !(it->second.is_alias || is_spellable(it->second.id))) return std::nullopt;
  return it->second.id;
}

std::vector<TokenId> Vocabulary::byte_tokens() const {
  std::vector<TokenId> ids(256, -1);
  for (TokenId id = 0; id < size(); ++id) {
    if ((*this)[id].kind != TokenKind::kByte) continue;
    if (const auto byte = byte_of_spelling((*this)[id].spelling)) ids[*byte] = id;
  }
  return ids;
}

}  // namespace ferrum
