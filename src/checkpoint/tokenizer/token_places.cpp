#include "checkpoint/tokenizer/token_places.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/log.h"

namespace ferrum {
namespace {

constexpr size_t kMostHoles = 1'000'000;

const TokenizerSpec::Token kHole{.spelling = "", .kind = TokenKind::kUnused};

enum class Spelled { kOnce, kReplaced, kReplacing };  // by a later token with the same spelling

std::vector<Spelled> find_repeated(const std::vector<TokenPlaces::Entry>& entries, const TokenizerSpec& spec,
                                   std::string_view field) {
  std::vector<Spelled> spelled(entries.size(), Spelled::kOnce);
  std::unordered_map<std::string_view, size_t> last;
  last.reserve(entries.size());
  size_t repeated = 0;
  for (size_t i = 0; i < entries.size(); ++i) {
    const auto [known, is_new] = last.try_emplace(entries[i].spelling, i);
    if (is_new) continue;
    if (repeated++ == 0)
      log::warn("{}: {} has the token {} twice, as {} and as {}; text becomes the last", spec.source, field,
                in_quotes(entries[i].spelling), entries[known->second].id, entries[i].id);
    spelled[known->second] = Spelled::kReplaced;
    spelled[i] = Spelled::kReplacing;
    known->second = i;
  }
  if (repeated > 1) log::warn("{}: {} repeats {} more spellings", spec.source, field, repeated - 1);
  return spelled;
}

bool is_hole(const TokenizerSpec::Token& token) {
  return token.kind == TokenKind::kUnused && token.spelling.empty();
}

void warn_of_holes(const TokenizerSpec& spec, std::string_view field) {
  const auto first = std::find_if(spec.tokens.begin(), spec.tokens.end(), is_hole);
  if (first == spec.tokens.end()) return;
  log::warn("{}: {} has no token for {} of the ids 0 to {}; the first of them is {}", spec.source, field,
            std::count_if(first, spec.tokens.end(), is_hole), spec.tokens.size() - 1,
            first - spec.tokens.begin());
}

}  // namespace

void TokenPlaces::fill(TokenizerSpec& spec, std::vector<Entry> entries, Replaced replaced,
                       std::string_view field) {
  size_t size = 0;
  for (const Entry& entry : entries) {
    size = std::max(size, static_cast<size_t>(entry.id) + 1);
    if (size > entries.size() + kMostHoles)
      fail(ErrorCode::kBadFile, "{}: {} gives {} the id {}, but has {} tokens: at most {} ids may be missing",
           spec.source, field, in_quotes(entry.spelling), entry.id, entries.size(), kMostHoles);
  }
  for (const Entry& entry : entries)
    if (entry.spelling.empty())
      log::warn("{}: {} has a token without a spelling, {}: no text becomes it", spec.source, field,
                entry.id);
  const std::vector<Spelled> spelled = find_repeated(entries, spec, field);
  spec.tokens.assign(size, kHole);
  size_t shared_ids = 0;
  for (size_t i = 0; i < entries.size(); ++i) {
    if (spelled[i] == Spelled::kReplaced && replaced == Replaced::kDropped) continue;
    Entry& entry = entries[i];
    TokenizerSpec::Token& token = spec.tokens[static_cast<size_t>(entry.id)];
    const bool is_free = token.kind == TokenKind::kUnused;
    if (!is_free && shared_ids++ == 0)
      log::warn("{}: {} gives the id {} to both {} and {}, and decodes it to the first", spec.source, field,
                entry.id, in_quotes(token.spelling), in_quotes(entry.spelling));
    // Where an earlier token has the id or the spelling, only an alias makes text become this one.
    if (!entry.spelling.empty() && (!is_free || spelled[i] == Spelled::kReplacing))
      spec.aliases.emplace_back(entry.spelling, static_cast<TokenId>(entry.id));
    if (is_free)
      token = {.spelling = std::move(entry.spelling), .kind = TokenKind::kNormal, .score = entry.score};
  }
  if (shared_ids > 1)
    log::warn("{}: {} has {} more tokens whose id another one has", spec.source, field, shared_ids - 1);
  warn_of_holes(spec, field);
}

TokenPlaces::TokenPlaces(TokenizerSpec& spec) : spec_(spec) {
  ids_.reserve(spec.tokens.size());
  for (const auto& [spelling, id] : spec.aliases) {
    ids_.emplace(spelling, id);
    if (spec.tokens[static_cast<size_t>(id)].spelling != spelling) ++model_size_;
  }
  for (size_t id = 0; id < spec.tokens.size(); ++id) {
    const TokenizerSpec::Token& token = spec.tokens[id];
    if (!token.is_added && !is_hole(token)) ++model_size_;
    if (!token.spelling.empty()) ids_.emplace(token.spelling, static_cast<TokenId>(id));
  }
}

std::optional<TokenId> TokenPlaces::find(std::string_view spelling) const {
  const auto it = ids_.find(std::string(spelling));
  return it == ids_.end() ? std::nullopt : std::optional(it->second);
}

TokenId TokenPlaces::next_id() const {
  auto next = static_cast<TokenId>(model_size_);
  for (const AddedToken& added : spec_.added) next = std::max(next, added.id + 1);
  return next;
}

void TokenPlaces::put(const std::string& spelling, TokenId id) {
  const auto place = static_cast<size_t>(id);
  if (place >= spec_.tokens.size()) spec_.tokens.resize(place + 1, kHole);
  TokenizerSpec::Token& token = spec_.tokens[place];
  if (!is_hole(token)) {
    log::warn("{}: the id {} is that of {} and becomes that of the added token {} too", spec_.source, id,
              in_quotes(token.spelling), in_quotes(spelling));
    spec_.aliases.emplace_back(token.spelling, id);
  }
  token = {.spelling = spelling, .kind = TokenKind::kNormal, .is_added = true};
  ids_.emplace(spelling, id);
}

void TokenPlaces::add(const std::vector<Addition>& additions, const std::string& source) {
  TokenId next = next_id();
  for (const auto& [entry, field] : additions) {
    if (entry.content.empty()) {
      log::warn("{}: {}.content is empty, and the token is left out", source, field);
      continue;
    }
    const std::optional<TokenId> known = find(entry.content);
    const TokenId id = known ? *known : next++;
    if (id != entry.id)
      log::warn("{}: {} gives {} the id {}, but {} {}", source, field, in_quotes(entry.content), entry.id,
                known ? "the vocabulary has it at" : "the next free one is", id);
    if (!known) put(entry.content, id);
    declare_added(spec_, entry, id);
  }
}

}  // namespace ferrum
