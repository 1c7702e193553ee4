// A decoder's steps on the list of a text's tokens, each step on what the one before leaves, as in the
// tokenizers library. For decoders that cannot be applied token by token (see TokenTexts).
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "text/regex.h"
#include "text/tokenizer_spec.h"
#include "text/vocabulary.h"

namespace ferrum {

class TokenChain {
 public:
  // The vocabulary must outlive it; errors name its source. A warning says that such text comes at its end.
  TokenChain(const std::vector<DecodeStep>& steps, const Vocabulary& vocabulary);

  // Ids past the vocabulary have no text.
  std::string decode(std::span<const TokenId> ids) const;

 private:
  const Vocabulary& vocabulary_;
  std::vector<DecodeStep> steps_;
  std::vector<std::unique_ptr<const Regex>> regexes_;  // by step
};

}  // namespace ferrum
