#include "grammar/token_trie.h"

#include <algorithm>

namespace ferrum::grammar {

TokenTrie::TokenTrie(std::span<const std::string_view> texts) {
  for (size_t i = 0; i < texts.size(); ++i)
    if (!texts[i].empty() && texts[i].size() <= kMaxBytes) tokens_.push_back(static_cast<int32_t>(i));
  const auto text_of = [&](int32_t token) { return texts[static_cast<size_t>(token)]; };
  std::sort(tokens_.begin(), tokens_.end(), [&](int32_t a, int32_t b) {
    const int order = text_of(a).compare(text_of(b));
    return order != 0 ? order < 0 : a < b;
  });
  nodes_.push_back({.end = 0, .tokens = 0, .depth = 0, .byte = 0});
  std::vector<uint32_t> path = {kRoot};  // by depth
  const auto close = [&](size_t depth) {
    for (; path.size() > depth + 1; path.pop_back())
      nodes_[path.back()].end = static_cast<uint32_t>(nodes_.size());
  };
  std::string_view before;
  for (size_t t = 0; t < tokens_.size(); ++t) {
    const std::string_view text = text_of(tokens_[t]);
    const auto differ = std::mismatch(before.begin(), before.end(), text.begin(), text.end());
    const auto common = static_cast<size_t>(differ.second - text.begin());
    close(common);
    for (size_t depth = common + 1; depth <= text.size(); ++depth) {
      path.push_back(static_cast<uint32_t>(nodes_.size()));
      nodes_.push_back({.end = 0,
                        .tokens = static_cast<uint32_t>(t),
                        .depth = static_cast<uint16_t>(depth),
                        .byte = static_cast<uint8_t>(text[depth - 1])});
    }
    max_depth_ = std::max(max_depth_, text.size());
    before = text;
  }
  close(0);
  nodes_[kRoot].end = static_cast<uint32_t>(nodes_.size());
  nodes_.push_back({.end = static_cast<uint32_t>(nodes_.size()),
                    .tokens = static_cast<uint32_t>(tokens_.size()),
                    .depth = 0,
                    .byte = 0});
}

}  // namespace ferrum::grammar
