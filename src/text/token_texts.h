// What each token adds to a text: the steps of a decoder (see DecodeStep), applied to every token beforehand.
#pragma once
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

  const std::string& inside(TokenId id) const { return inside_[static_cast<size_t>(id)]; }
  const std::string& first(TokenId id) const {
    return first_.empty() ? inside(id) : first_[static_cast<size_t>(id)];
  }
  Tokenizer::BrokenBytes broken_bytes() const { return broken_bytes_; }

 private:
  std::vector<std::string> inside_;  // by id
  std::vector<std::string>
      first_;  // by id, of a text's first token; empty where no step treats it differently
  Tokenizer::BrokenBytes broken_bytes_ = Tokenizer::BrokenBytes::kOneForSequence;
};

}  // namespace ferrum
