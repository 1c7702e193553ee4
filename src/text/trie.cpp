#include "text/trie.h"

#include <algorithm>

namespace ferrum {

Trie::Trie(std::vector<std::pair<std::string_view, int32_t>> entries) {
  std::stable_sort(entries.begin(), entries.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  nodes_.emplace_back();
  // Breadth first: the sorted entries below a node share a prefix of `depth` bytes.
  struct Part {
    size_t begin, end, depth;
  };
  std::vector<Part> parts{{0, entries.size(), 0}};
  for (size_t node = 0; node < parts.size(); ++node) {
    const Part part = parts[node];
    size_t i = part.begin;
    while (i < part.end && entries[i].first.size() == part.depth) {
      if (part.depth > 0 && nodes_[node].value < 0) nodes_[node].value = entries[i].second;
      ++i;
    }
    nodes_[node].first = static_cast<uint32_t>(nodes_.size());
    while (i < part.end) {
      const char byte = entries[i].first[part.depth];
      size_t end = i + 1;
      while (end < part.end && entries[end].first[part.depth] == byte) ++end;
      Node child;
      child.byte = static_cast<uint8_t>(byte);
      nodes_.push_back(child);
      ++nodes_[node].count;
      parts.push_back({i, end, part.depth + 1});
      i = end;
    }
  }
}

}  // namespace ferrum
