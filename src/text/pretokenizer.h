// Splits normalised text into pieces, which the model turns into ids one by one. See PretokenizeStep.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/regex.h"
#include "text/token_model.h"
#include "text/tokenizer_spec.h"

namespace ferrum {

using PieceSink = FunctionRef<void(std::string_view)>;  // the view is valid during the call

class Pretokenizer {
 public:
  // Errors name `source`.
  Pretokenizer(std::vector<PretokenizeStep> steps, const std::string& source);
  ~Pretokenizer();

  // The units of pieces: bytes if the last step is byte-level, otherwise text.
  TokenModel::Units units() const { return units_; }
  // Whether every byte has a letter, so that malformed UTF-8 is preserved.
  bool spells_bytes() const { return spells_bytes_; }

  // `start`: how many of the text's first bytes were made of the whole text's first character or put before
  // it. Pieces that begin there begin the whole text (SplitMetaspace::Prepend::kFirst).
  void run(std::string_view text, size_t start, PieceSink sink) const;
  // Whether `start` matters.
  bool tells_starts() const { return tells_starts_; }

  struct Step;  // a PretokenizeStep, prepared

 private:
  void run_from(size_t step, std::string_view text, size_t start, PieceSink sink) const;

  std::vector<std::unique_ptr<const Step>> steps_;
  TokenModel::Units units_ = TokenModel::Units::kText;
  bool spells_bytes_ = false;
  bool tells_starts_ = false;
};

}  // namespace ferrum
