// A tokenizer's normalisation: the steps that change text before it is split. See NormalizeStep. Linear time.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer_spec.h"
#include "text/trie.h"

namespace ferrum {

class Normalizer {
 public:
  // `kept`: spellings that SentencePiece's normalisation does not change (its user-defined tokens). Errors
  // name `source`.
  Normalizer(std::vector<NormalizeStep> steps, const std::vector<std::string_view>& kept,
             const std::string& source);
  ~Normalizer();

  // Returns `text` itself if nothing changes, otherwise a view of `storage`.
  std::string_view apply(std::string_view text, std::string& storage) const;

  struct Step;  // a NormalizeStep, prepared

 private:
  std::vector<std::unique_ptr<const Step>> steps_;
};

}  // namespace ferrum
