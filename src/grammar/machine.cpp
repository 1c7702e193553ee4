#include "grammar/machine.h"

#include <algorithm>
#include <map>

#include "grammar/regex.h"

namespace ferrum::grammar {

Alphabet::Alphabet(const std::vector<CodePointSet>& told_apart) {
  std::vector<char32_t> borders = {0};
  for (const CodePointSet& set : told_apart)
    for (const CodePointSet::Range& range : set.ranges()) {
      borders.push_back(range.first);
      borders.push_back(range.last + 1);
    }
  std::sort(borders.begin(), borders.end());
  borders.erase(std::unique(borders.begin(), borders.end()), borders.end());
  if (borders.back() > kLastCodePoint) borders.pop_back();
  std::vector<std::vector<bool>> members(borders.size(), std::vector<bool>(told_apart.size()));
  for (size_t s = 0; s < told_apart.size(); ++s)
    for (const CodePointSet::Range& range : told_apart[s].ranges()) {
      auto at = std::lower_bound(borders.begin(), borders.end(), range.first) - borders.begin();
      for (; static_cast<size_t>(at) < borders.size() && borders[at] <= range.last; ++at)
        members[at][s] = true;
    }
  std::map<std::vector<bool>, uint32_t> symbols;
  for (size_t i = 0; i < borders.size(); ++i) {
    const auto [place, is_new] = symbols.emplace(members[i], static_cast<uint32_t>(representatives_.size()));
    if (is_new) representatives_.push_back(borders[i]);
    const char32_t last = i + 1 < borders.size() ? borders[i + 1] - 1 : kLastCodePoint;
    if (!intervals_.empty() && intervals_.back().symbol == place->second)
      intervals_.back().last = last;
    else
      intervals_.push_back({borders[i], last, place->second});
  }
}

LiteralMachine::LiteralMachine(const std::vector<std::u32string>& texts) : nodes_(1) {
  for (size_t i = 0; i < texts.size(); ++i) {
    uint32_t node = 0;
    for (const char32_t c : texts[i]) {
      uint32_t child = 0;
      for (const auto& [symbol, next] : nodes_[node].children)
        if (symbol == c) child = next;
      if (child == 0) {
        child = static_cast<uint32_t>(nodes_.size());
        nodes_[node].children.emplace_back(c, child);
        nodes_.emplace_back();
      }
      node = child;
    }
    if (nodes_[node].index < 0) nodes_[node].index = static_cast<int>(i);
  }
}

void LiteralMachine::tell_apart(std::vector<CodePointSet>& sets) const {
  std::vector<char32_t> characters;
  for (const Node& node : nodes_)
    for (const auto& child : node.children) characters.push_back(child.first);
  std::sort(characters.begin(), characters.end());
  characters.erase(std::unique(characters.begin(), characters.end()), characters.end());
  for (const char32_t c : characters) sets.push_back(CodePointSet({{c, c}}));
}

uint32_t LiteralMachine::step(uint32_t state, uint32_t symbol) {
  const char32_t c = alphabet_->representative(symbol);
  for (const auto& [character, next] : nodes_[state].children)
    if (character == c) return next;
  return kDead;
}

uint32_t LengthMachine::step(uint32_t state, uint32_t /*symbol*/) {
  if (most_ == kUnbounded) return std::min(state + 1, least_);
  return state + 1 > most_ ? kDead : state + 1;
}

}  // namespace ferrum::grammar
