// A set of byte strings, each with a number: finds all that are prefixes of a text.
#pragma once
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace ferrum {

class Trie {
 public:
  // Of equal keys the first is used; empty keys are ignored.
  explicit Trie(std::vector<std::pair<std::string_view, int32_t>> entries = {});

  bool empty() const { return nodes_.size() <= 1; }

  // Whether any key begins with `byte`.
  bool begins(char byte) const { return child(0, static_cast<uint8_t>(byte)) != 0; }

  // Calls f(length, number) for every key that is a prefix of `text`, shortest first.
  template <class F>
  void for_each_prefix(std::string_view text, F&& found) const {
    uint32_t node = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      node = child(node, static_cast<uint8_t>(text[i]));
      if (node == 0) return;
      if (nodes_[node].value >= 0) found(i + 1, nodes_[node].value);
    }
  }

 private:
  // The children of a node are adjacent, in the order of their bytes.
  struct Node {
    uint32_t first = 0;
    uint16_t count = 0;
    uint8_t byte = 0;
    int32_t value = -1;
  };

  uint32_t child(uint32_t node, uint8_t byte) const {
    const Node& parent = nodes_[node];
    uint32_t low = parent.first;
    uint32_t high = low + parent.count;
    if (parent.count == 256) return low + byte;
    while (low < high) {
      const uint32_t middle = (low + high) / 2;
      if (nodes_[middle].byte < byte)
        low = middle + 1;
      else
        high = middle;
    }
    return low < parent.first + parent.count && nodes_[low].byte == byte ? low : 0;
  }

  std::vector<Node> nodes_;
};

}  // namespace ferrum
