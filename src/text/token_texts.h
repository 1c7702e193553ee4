// The text that each token adds: a decoder's steps (see DecodeStep), applied to every token in advance.
#pragma once
#include <array>
#include <string>
#include <vector>

#include "text/tokenizer.h"
#include "text/tokenizer_spec.h"
#include "text/vocabulary.h"

namespace ferrum {

class TokenTexts {
 public:
  // Errors name the vocabulary's source.
  TokenTexts(const std::vector<DecodeStep>& steps, const Vocabulary& vocabulary);

  const std::string& at(TokenId id, TokenPlace place) const {
    const auto& texts = texts_[static_cast<size_t>(place)];
    return (texts.empty() ? texts_[0] : texts)[static_cast<size_t>(id)];
  }
  const Tokenizer::TextRules& rules() const { return rules_; }

 private:
  // Indexed by place and id; empty for places that no step treats differently.
  std::array<std::vector<std::string>, 4> texts_;
  Tokenizer::TextRules rules_;
};

}  // namespace ferrum
