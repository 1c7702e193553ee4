#include "engine/sampling/dry_breakers.h"

#include <algorithm>

namespace ferrum {

DryBreakers::DryBreakers(const Tokenizer& tokenizer, std::span<const std::string> strings)
    : breaks_(static_cast<size_t>(tokenizer.size())) {
  for (TokenId id = 0; id < tokenizer.size(); ++id) {
    const std::string text = tokenizer.bytes(id);
    breaks_[static_cast<size_t>(id)] = std::any_of(strings.begin(), strings.end(), [&](const std::string& s) {
      return text.find(s) != std::string::npos;
    });
  }
}

DryBreakers::DryBreakers(std::span<const TokenId> ids) {
  for (const TokenId id : ids) {
    if (static_cast<size_t>(id) >= breaks_.size()) breaks_.resize(static_cast<size_t>(id) + 1);
    breaks_[static_cast<size_t>(id)] = true;
  }
}

}  // namespace ferrum
