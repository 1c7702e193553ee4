// The tokens of a vocabulary by what follows the white space that they begin with.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "grammar/token_trie.h"

namespace ferrum::grammar {

class SpacedTokens {
 public:
  struct Space {
    int32_t token;
    uint32_t characters;
  };

  // `texts[i]` is the text of token i, or empty.
  explicit SpacedTokens(std::span<const std::string_view> texts);

  const TokenTrie& rests() const { return *rests_; }         // of tokens that are more than white space
  std::span<const Space> spaces() const { return spaces_; }  // those that are nothing else, shortest first
  // How much white space each token begins with.
  const uint16_t* leading() const { return leading_.data(); }
  uint32_t most_leading() const { return most_leading_; }  // of tokens that are more than that

 private:
  std::vector<uint16_t> leading_;
  std::vector<Space> spaces_;
  uint32_t most_leading_ = 0;
  std::unique_ptr<const TokenTrie> rests_;
};

}  // namespace ferrum::grammar
