#include "grammar/string_tokens.h"

#include <algorithm>
#include <map>
#include <string>

#include "grammar/decoder.h"

namespace ferrum::grammar {
namespace {

StringTokens::TailFacts facts_of(std::string_view tail) {
  StringTokens::TailFacts facts;
  for (const char byte : tail) {
    const bool is_separator = std::string_view(",: \n\r\t").find(byte) != std::string_view::npos;
    facts.is_separator = facts.is_separator && is_separator;
    facts.is_closing = facts.is_closing && (is_separator || byte == ']' || byte == '}');
    if (byte == '"') ++facts.quotes;
  }
  return facts;
}

}  // namespace

StringTokens::StringTokens(std::span<const std::string_view> texts) : words_((texts.size() + 31) / 32) {
  std::map<std::string_view, uint32_t> ids;
  std::vector<std::string_view> tails;
  uint32_t most = 0;
  characters_.resize(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    const std::string_view text = texts[i];
    if (text.empty()) continue;
    const auto token = static_cast<int32_t>(i);
    uint32_t characters = 0, decoding = 0;
    size_t at = 0;
    Decoded::Kind kind = Decoded::Kind::kCharacter;
    for (; at < text.size(); ++at) {
      const Decoded decoded = decode_json(decoding, static_cast<uint8_t>(text[at]));
      kind = decoded.kind;
      if (kind == Decoded::Kind::kDead || kind == Decoded::Kind::kQuote) break;
      decoding = decoded.state;
      if (kind == Decoded::Kind::kCharacter) ++characters;
    }
    if (kind == Decoded::Kind::kDead) continue;
    if (kind != Decoded::Kind::kQuote) {
      inside_.push_back({token, characters + (decoding != 0 ? 1 : 0)});
      characters_[i] = static_cast<uint16_t>(inside_.back().characters);
      most = std::max(most, inside_.back().characters);
      continue;
    }
    const std::string_view tail = text.substr(at + 1);
    uint32_t id = kNoTail;
    if (!tail.empty()) {
      const auto [place, is_new] = ids.emplace(tail, static_cast<uint32_t>(ids.size()));
      id = place->second;
      if (is_new) tails.push_back(tail);
    }
    closers_.push_back({token, characters, id});
  }
  std::stable_sort(inside_.begin(), inside_.end(),
                   [](const Inside& a, const Inside& b) { return a.characters < b.characters; });
  std::stable_sort(closers_.begin(), closers_.end(),
                   [](const Closer& a, const Closer& b) { return a.tail + 1 < b.tail + 1; });
  tails_ = std::make_unique<const TokenTrie>(tails);
  for (const std::string_view tail : tails) facts_.push_back(facts_of(tail));
  masks_.resize(most + 1);
}

std::span<const uint32_t> StringTokens::inside(uint32_t characters) const {
  const size_t which = std::min<size_t>(characters, masks_.size() - 1);
  const std::scoped_lock lock(mutex_);
  std::vector<uint32_t>& mask = masks_[which];
  if (mask.empty()) mask = make_mask(static_cast<uint32_t>(which));
  return mask;
}

std::vector<uint32_t> StringTokens::make_mask(uint32_t characters) const {
  std::vector<uint32_t> mask(words_);
  for (const Inside& one : inside_) {
    if (one.characters > characters) break;
    mask[static_cast<size_t>(one.token) / 32] |= 1U << (static_cast<size_t>(one.token) % 32);
  }
  return mask;
}

}  // namespace ferrum::grammar
