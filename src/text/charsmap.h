// SentencePiece's precompiled character map: a double-array trie of prefixes, each with a replacement
// (https://github.com/google/sentencepiece, normalizer.cc; the trie's units are those of Darts-clone).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ferrum {

class Charsmap {
 public:
  // Throws kBadFile naming `where`. An empty blob maps nothing.
  Charsmap(std::string_view blob, std::string_view where);

  struct Match {
    size_t length = 0;
    std::string_view replacement;
  };
  std::optional<Match> longest_prefix(std::string_view text) const;
  std::optional<Match> shortest_prefix(std::string_view text) const;

 private:
  template <class F>
  void for_each_prefix(std::string_view text, F&& found) const;  // stops when `found` returns false
  std::string_view replacement_at(uint32_t offset) const;

  std::vector<uint32_t> units_;
  std::string replacements_;  // each ends with a NUL
};

}  // namespace ferrum
