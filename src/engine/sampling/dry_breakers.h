// The sequence breakers of DRY: tokens that end a repetition.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace ferrum {

class DryBreakers {
 public:
  // All tokens whose text contains one of `strings`. Reads the whole vocabulary: cache the result.
  DryBreakers(const Tokenizer& tokenizer, std::span<const std::string> strings);
  // Exactly these tokens.
  explicit DryBreakers(std::span<const TokenId> ids);

  bool contains(TokenId id) const {
    return static_cast<size_t>(id) < breaks_.size() && breaks_[static_cast<size_t>(id)];
  }

 private:
  std::vector<bool> breaks_;  // [vocab], or up to the last breaker
};

}  // namespace ferrum
