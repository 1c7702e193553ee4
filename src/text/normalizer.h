// The steps of a tokenizer that change text before anything is cut: see NormalizeStep. Linear time.
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
  // `kept`: spellings that SentencePiece's normalisation leaves as they are (its user-defined tokens). Errors
  // name `source`.
  Normalizer(std::vector<NormalizeStep> steps, const std::vector<std::string_view>& kept,
             const std::string& source);
  ~Normalizer();

  // The text itself where nothing changes it, else a view of `storage`.
  std::string_view apply(std::string_view text, std::string& storage) const;

  struct Step;  // a NormalizeStep, prepared

 private:
  std::vector<std::unique_ptr<const Step>> steps_;
};

}  // namespace ferrum
