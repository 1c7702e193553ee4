#include "grammar/token_trie.h"

#include <algorithm>

#include "grammar/byte_classes.h"
#include "grammar/decoder.h"

namespace ferrum::grammar {

TokenTrie::TokenTrie(std::span<const std::string_view> texts) {
  for (size_t i = 0; i < texts.size(); ++i)
    if (!texts[i].empty()) tokens_.push_back(static_cast<int32_t>(i));
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
  look_at_strings();
}

void TokenTrie::look_at_strings() {
  for (uint32_t i = size(); i-- > 0;)  // children before their parents
    for (uint32_t child = i + 1; child < nodes_[i].end; child = nodes_[child].end) {
      nodes_[i].has_quote = nodes_[i].has_quote || nodes_[child].byte == '"' || nodes_[child].has_quote;
      nodes_[i].classes |= nodes_[child].classes | byte_classes::bit_of(nodes_[child].byte);
      Node alone = {};
      add_child_of_string(alone, child, 0);
      add_child_of_text(alone, child, 0);
      nodes_[child].begins_plain = alone.is_plain;
      nodes_[child].begins_utf8 = alone.is_utf8;
      nodes_[child].begins_longest = alone.longest;
      nodes_[i].is_plain = nodes_[i].is_plain && alone.is_plain;
      nodes_[i].is_utf8 = nodes_[i].is_utf8 && alone.is_utf8;
      nodes_[i].longest = std::max(nodes_[i].longest, alone.longest);
    }
}

void TokenTrie::add_child_of_text(Node& node, uint32_t child, uint32_t decoding) const {
  const Decoded decoded = decode_utf8(decoding, nodes_[child].byte);
  if (decoded.kind == Decoded::Kind::kDead) {
    node.is_utf8 = false;
  } else if (decoded.kind == Decoded::Kind::kCharacter) {
    node.is_utf8 = node.is_utf8 && nodes_[child].is_utf8;
  } else {
    for (uint32_t next = child + 1; next < nodes_[child].end; next = nodes_[next].end)
      add_child_of_text(node, next, decoded.state);
  }
}

// What `child`, read behind `decoding`, adds to what is known of `node`.
void TokenTrie::add_child_of_string(Node& node, uint32_t child, uint32_t decoding) {
  const Decoded decoded = decode_json(decoding, nodes_[child].byte);
  const auto needs = [&](int characters) {
    node.longest = std::max(node.longest, static_cast<uint16_t>(characters));
  };
  switch (decoded.kind) {
    case Decoded::Kind::kDead:
    case Decoded::Kind::kQuote:
      node.is_plain = false;
      return;
    case Decoded::Kind::kCharacter:
      node.is_plain = node.is_plain && nodes_[child].is_plain;
      return needs(1 + nodes_[child].longest);
    case Decoded::Kind::kPartial:
      needs(1);
      for (uint32_t next = child + 1; next < nodes_[child].end; next = nodes_[next].end)
        add_child_of_string(node, next, decoded.state);
      return;
  }
}

}  // namespace ferrum::grammar
