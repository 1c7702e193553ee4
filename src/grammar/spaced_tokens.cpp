#include "grammar/spaced_tokens.h"

#include <algorithm>

namespace ferrum::grammar {

SpacedTokens::SpacedTokens(std::span<const std::string_view> texts) : leading_(texts.size()) {
  std::vector<std::string_view> rests(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    const std::string_view text = texts[i];
    if (text.empty()) continue;
    const size_t leading = std::min(text.find_first_not_of(" \n\r\t"), text.size());
    leading_[i] = static_cast<uint16_t>(leading);
    rests[i] = text.substr(leading);
    if (rests[i].empty())
      spaces_.push_back({static_cast<int32_t>(i), static_cast<uint32_t>(leading)});
    else
      most_leading_ = std::max(most_leading_, static_cast<uint32_t>(leading));
  }
  std::stable_sort(spaces_.begin(), spaces_.end(),
                   [](const Space& a, const Space& b) { return a.characters < b.characters; });
  rests_ = std::make_unique<const TokenTrie>(rests);
}

}  // namespace ferrum::grammar
