#include "grammar/byte_search.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "grammar/byte_classes.h"

namespace ferrum::grammar {
namespace {

bool is_space(uint8_t byte) { return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t'; }

// Patterns that begin alike share their nodes.
struct PatternNode {
  std::map<std::pair<uint8_t, bool>, uint32_t> children;  // by byte, and whether it ends a piece
  bool is_gap = false;                                    // white space may come first
  bool is_end = false;
};

std::vector<PatternNode> tree_of(const std::vector<TextPattern>& patterns) {
  std::vector<PatternNode> nodes(1);
  for (const TextPattern& pattern : patterns) {
    uint32_t at = 0;
    for (size_t p = 0; p < pattern.size(); ++p)
      for (size_t i = 0; i < pattern[p].size(); ++i) {
        const bool ends_piece = i + 1 == pattern[p].size() && p + 1 < pattern.size();
        const auto byte = static_cast<uint8_t>(pattern[p][i]);
        const auto [place, is_new] =
            nodes[at].children.emplace(std::pair(byte, ends_piece), static_cast<uint32_t>(nodes.size()));
        at = place->second;
        if (is_new) nodes.emplace_back();
        nodes[at].is_gap = ends_piece;
      }
    nodes[at].is_end = at != 0;
  }
  return nodes;
}

}  // namespace

ByteSearch::ByteSearch(const std::vector<TextPattern>& patterns, const Limits& limits) {
  const std::vector<PatternNode> nodes = tree_of(patterns);
  std::array<bool, 256> is_told_apart{};
  bool has_gaps = false;
  for (const PatternNode& node : nodes) {
    has_gaps = has_gaps || node.is_gap;
    for (const auto& child : node.children) is_told_apart[child.first.first] = true;
  }
  std::vector<uint8_t> representatives = {0};  // of class 0: any byte without a class of its own
  uint16_t space_class = 0;
  for (int byte = 0; byte < 256; ++byte) {
    const auto b = static_cast<uint8_t>(byte);
    const bool is_shared_space = has_gaps && is_space(b) && !is_told_apart[b];
    if (!is_told_apart[b] && !is_shared_space) continue;
    if (is_shared_space && space_class != 0) {
      class_of_[b] = space_class;
      continue;
    }
    class_of_[b] = static_cast<uint16_t>(representatives.size());
    if (is_shared_space) space_class = class_of_[b];
    representatives.push_back(b);
  }
  const auto classes = static_cast<uint32_t>(representatives.size());

  using Set = std::vector<uint32_t>;  // nodes, ascending, without the root, which is always there
  std::map<Set, uint32_t> ids;
  std::vector<const Set*> sets;
  const auto id_of = [&](Set set) {
    std::sort(set.begin(), set.end());
    set.erase(std::unique(set.begin(), set.end()), set.end());
    const auto [place, is_new] = ids.emplace(std::move(set), static_cast<uint32_t>(sets.size()));
    if (is_new) {
      if (sets.size() >= limits.max_states) throw Refusal("structure", "", "its marks need too many states");
      sets.push_back(&place->first);
    }
    return place->second;
  };
  id_of({});
  for (size_t q = 0; q < sets.size(); ++q) {
    const Set from = *sets[q];
    begins_.push_back(static_cast<uint32_t>(edges_.size()));
    for (uint32_t c = 0; c < classes; ++c) {
      const uint8_t byte = representatives[c];
      Set to;
      bool is_found = false;
      const auto follow = [&](uint32_t node) {
        for (const bool ends_piece : {false, true}) {
          const auto child = nodes[node].children.find({byte, ends_piece});
          if (c == 0 || child == nodes[node].children.end()) continue;
          is_found = is_found || nodes[child->second].is_end;
          to.push_back(child->second);
        }
        if (nodes[node].is_gap && is_space(byte) && c != 0) to.push_back(node);
      };
      follow(0);
      for (const uint32_t node : from) follow(node);
      const uint32_t next = is_found ? kFound : id_of(std::move(to));
      if (q == 0)
        root_.push_back(next);
      else if (next != root_[c])
        edges_.emplace_back(c, next);
    }
  }
  begins_.push_back(static_cast<uint32_t>(edges_.size()));
  for (unsigned byte = 0; byte < 256; ++byte)
    if (step(0, static_cast<uint8_t>(byte)) != 0)
      leaving_ |= byte_classes::bit_of(static_cast<uint8_t>(byte));
}

}  // namespace ferrum::grammar
