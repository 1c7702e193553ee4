// Texts of tokens as a tree of bytes, flat and in depth-first order: what follows a node is its first child,
// and behind a node's subtree comes its next sibling.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace ferrum::grammar {

class TokenTrie {
 public:
  struct Node {
    uint32_t end;     // the node behind its subtree
    uint32_t tokens;  // where its subtree's tokens begin in the list; they end where those of `end` begin
    uint16_t depth;   // bytes
    uint8_t byte;     // the last one; the root has none
    uint16_t begins_longest = 0;  // most characters that a token from this byte on needs, which begins one
    uint64_t classes = 0;         // of the bytes below it (byte_classes.h)
    bool is_utf8 = true;          // texts of tokens below it begin as UTF-8 does, behind a whole character
    // The same with the node's own byte in front, behind a whole character of a JSON string, and of a text.
    bool begins_plain = true, begins_utf8 = true;
    // Of what follows the node inside a JSON string, where no character is begun:
    bool is_plain = true;    // no token below it ends the string or breaks it
    bool has_quote = false;  // a token below it has a quote
    uint16_t longest = 0;    // most characters that a token below needs: whole ones, and one that is begun
  };

  // `texts[i]` is the text of token i, of at most kMaxBytes; empty: it is not in the tree.
  explicit TokenTrie(std::span<const std::string_view> texts);

  static constexpr size_t kMaxBytes = 1024;
  static constexpr uint32_t kRoot = 0;
  uint32_t size() const { return static_cast<uint32_t>(nodes_.size() - 1); }
  const Node& operator[](uint32_t node) const { return nodes_[node]; }
  // The tokens whose text ends at `node`, and those of its whole subtree.
  std::span<const int32_t> tokens_at(uint32_t node) const { return between(node, node + 1); }
  std::span<const int32_t> tokens_below(uint32_t node) const { return between(node, nodes_[node].end); }
  size_t max_depth() const { return max_depth_; }

 private:
  std::span<const int32_t> between(uint32_t node, uint32_t end) const {
    return std::span(tokens_).subspan(nodes_[node].tokens, nodes_[end].tokens - nodes_[node].tokens);
  }

  void look_at_strings();
  void add_child_of_text(Node& node, uint32_t child, uint32_t decoding) const;
  void add_child_of_string(Node& node, uint32_t child, uint32_t decoding);

  std::vector<Node> nodes_;  // and one behind the last
  std::vector<int32_t> tokens_;
  size_t max_depth_ = 0;
};

}  // namespace ferrum::grammar
