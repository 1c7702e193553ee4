// The tokens over which no repetition reaches.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace ferrum {

class DryBreakers {
 public:
  // Every token whose text contains one of `strings`. Reads the whole vocabulary: worth keeping.
  DryBreakers(const Tokenizer& tokenizer, std::span<const std::string> strings);
  // These tokens.
  explicit DryBreakers(std::span<const TokenId> ids);

  bool contains(TokenId id) const {
    return static_cast<size_t>(id) < breaks_.size() && breaks_[static_cast<size_t>(id)];
  }

 private:
  std::vector<bool> breaks_;  // [vocab], or as far as there are any
};

}  // namespace ferrum
