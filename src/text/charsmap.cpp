#include "text/charsmap.h"

#include <cstring>

#include "base/error.h"

namespace ferrum {
namespace {

// A unit of the double array holds a label or a leaf's value, and the offset of its children.
constexpr bool has_leaf(uint32_t unit) { return (unit >> 8) & 1; }
constexpr uint32_t label_of(uint32_t unit) { return unit & 0x800000FFu; }
constexpr uint32_t value_of(uint32_t unit) { return unit & 0x7FFFFFFFu; }
constexpr uint32_t offset_of(uint32_t unit) { return (unit >> 10) << ((unit & (1u << 9)) >> 6); }

}  // namespace

Charsmap::Charsmap(std::string_view blob, std::string_view where) {
  if (blob.empty()) return;
  uint32_t trie_bytes = 0;
  if (blob.size() >= 4)
    for (int i = 3; i >= 0; --i)
      trie_bytes = trie_bytes << 8 | static_cast<unsigned char>(blob[static_cast<size_t>(i)]);
  if (blob.size() < 4 || trie_bytes % 4 != 0 || trie_bytes > blob.size() - 4)
    fail(ErrorCode::kBadFile,
         "{}: the precompiled charsmap's trie of {} bytes does not fit into its {} bytes", where, trie_bytes,
         blob.size());
  units_.resize(trie_bytes / 4);
  for (size_t i = 0; i < units_.size(); ++i)
    for (size_t k = 4; k-- > 0;) units_[i] = units_[i] << 8 | static_cast<unsigned char>(blob[4 + i * 4 + k]);
  replacements_ = blob.substr(4 + size_t{trie_bytes});
}

std::string_view Charsmap::replacement_at(uint32_t offset) const {
  if (offset >= replacements_.size()) return {};
  const std::string_view from = std::string_view(replacements_).substr(offset);
  return from.substr(0, from.find('\0'));
}

template <class F>
void Charsmap::for_each_prefix(std::string_view text, F&& found) const {
  if (units_.empty()) return;
  uint32_t at = offset_of(units_[0]);
  for (size_t i = 0; i < text.size() && text[i] != '\0'; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    at ^= byte;
    if (at >= units_.size()) return;
    const uint32_t unit = units_[at];
    if (label_of(unit) != byte) return;
    at ^= offset_of(unit);
    if (!has_leaf(unit)) continue;
    if (at >= units_.size() || !found(Match{i + 1, replacement_at(value_of(units_[at]))})) return;
  }
}

std::optional<Charsmap::Match> Charsmap::longest_prefix(std::string_view text) const {
  std::optional<Match> best;
  for_each_prefix(text, [&](const Match& match) {
    best = match;
    return true;
  });
  return best;
}

std::optional<Charsmap::Match> Charsmap::shortest_prefix(std::string_view text) const {
  std::optional<Match> best;
  for_each_prefix(text, [&](const Match& match) {
    best = match;
    return false;
  });
  return best;
}

}  // namespace ferrum
