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
  // The same for a text that begins the whole one. `start` becomes the number of the result's first bytes
  // that were made of its first character or put before it: none where that was removed.
  std::string_view apply(std::string_view text, std::string& storage, size_t& start) const;

  struct Step;  // a NormalizeStep, prepared

 private:
  std::vector<std::unique_ptr<const Step>> steps_;
};

}  // namespace ferrum
