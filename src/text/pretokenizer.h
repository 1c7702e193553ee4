// Cuts normalised text into the pieces that a model turns into ids one by one: see PretokenizeStep.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/regex.h"
#include "text/token_model.h"
#include "text/tokenizer_spec.h"

namespace ferrum {

using PieceSink = FunctionRef<void(std::string_view)>;  // the view lives for the length of the call

class Pretokenizer {
 public:
  // Errors name `source`.
  Pretokenizer(std::vector<PretokenizeStep> steps, const std::string& source);
  ~Pretokenizer();

  // What pieces are made of: bytes where a byte-level step is the last, else text.
  TokenModel::Units units() const { return units_; }
  // Whether every byte has a letter, so that broken UTF-8 is kept.
  bool spells_bytes() const { return spells_bytes_; }

  enum class Place { kTextStart, kInside };  // whether `text` is the beginning of the whole
  void run(std::string_view text, Place place, PieceSink sink) const;

  struct Step;  // a PretokenizeStep, prepared

 private:
  void run_from(size_t step, std::string_view text, Place place, PieceSink sink) const;

  std::vector<std::unique_ptr<const Step>> steps_;
  TokenModel::Units units_ = TokenModel::Units::kText;
  bool spells_bytes_ = false;
};

}  // namespace ferrum
