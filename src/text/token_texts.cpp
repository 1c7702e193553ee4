#include "text/token_texts.h"

#include <memory>
#include <span>
#include <utility>

#include "base/utf8.h"
#include "text/byte_alphabet.h"
#include "text/decode_step.h"
#include "text/regex.h"
#include "text/token_chain.h"
#include "text/whole_text_steps.h"

namespace ferrum {
namespace {

bool treats_first_differently(const DecodeStep& step) {
  return std::holds_alternative<DecodeMetaspace>(step) || std::holds_alternative<DecodeWordPiece>(step) ||
         std::holds_alternative<DecodeSpaced>(step);
}

bool fuses(const DecodeStep& step) {
  return std::holds_alternative<DecodeFuse>(step) || std::holds_alternative<DecodeByteLevel>(step);
}

bool spells_bytes(const DecodeStep& step) {
  return std::holds_alternative<DecodeByteLevel>(step) || std::holds_alternative<DecodeByteFallback>(step);
}

// Whether a step on a fused text does the same to each token's part of it. `has_bytes`: the parts may end
// inside a character.
bool works_in_parts(const DecodeStep& step, bool has_bytes) {
  const auto is_one_character = [&](const std::string& text) {
    return !text.empty() && utf8::decode(text).size == text.size() && (text.size() == 1 || !has_bytes);
  };
  if (std::holds_alternative<DecodeFuse>(step)) return true;
  if (const auto* metaspace = std::get_if<DecodeMetaspace>(&step))
    return is_one_character(metaspace->replacement);
  if (const auto* suffix = std::get_if<DecodeSuffix>(&step)) return is_one_character(suffix->suffix);
  if (const auto* word_piece = std::get_if<DecodeWordPiece>(&step)) return !word_piece->cleanup;
  const auto* replace = std::get_if<DecodeReplace>(&step);
  return replace != nullptr && replace->pattern.kind == TextPattern::Kind::kLiteral &&
         is_one_character(replace->pattern.text);
}

// How many of the steps are done to each token by itself.
size_t token_steps(const std::vector<DecodeStep>& steps) {
  bool is_fused = false;
  bool has_bytes = false;
  for (size_t i = 0; i < steps.size(); ++i) {
    if (is_fused && !works_in_parts(steps[i], has_bytes)) return i;
    is_fused = is_fused || fuses(steps[i]);
    has_bytes = has_bytes || spells_bytes(steps[i]);
  }
  return steps.size();
}

// Whether what becomes of a token depends on its neighbours by more than its place: on a run of bytes or of
// repeats that another step works on, or on tokens that an earlier step has dropped.
bool depends_on_neighbours(const std::vector<DecodeStep>& steps, const Vocabulary& vocabulary) {
  bool has_bytes = false;
  for (TokenId id = 0; id < vocabulary.size() && !has_bytes; ++id)
    has_bytes = byte_of_spelling(vocabulary[id].spelling).has_value();
  const auto replaces_characters = [](const DecodeStep& step) {
    return !std::holds_alternative<DecodeWordPiece>(step) && works_in_parts(step, false);
  };
  bool has_run = false;
  bool has_ctc = false;
  for (size_t i = 0; i < steps.size() && !fuses(steps[i]); ++i) {
    if (has_ctc || (has_run && !replaces_characters(steps[i]))) return true;
    has_ctc = std::holds_alternative<DecodeCtc>(steps[i]);
    if (has_ctc && i > 0) return true;
    has_run = has_run || (has_bytes && std::holds_alternative<DecodeByteFallback>(steps[i]));
  }
  return false;
}

}  // namespace

TokenTexts::TokenTexts(const std::vector<DecodeStep>& steps, const Vocabulary& vocabulary) {
  const size_t count = token_steps(steps);
  if (depends_on_neighbours(steps, vocabulary))
    rules_.whole =
        std::make_shared<const WholeTextSteps>(std::make_unique<const TokenChain>(steps, vocabulary));
  else if (count < steps.size())
    rules_.whole =
        std::make_shared<const WholeTextSteps>(std::span(steps).subspan(count), vocabulary.source());
  std::vector<std::unique_ptr<const Regex>> regexes;
  bool first_differs = false;
  bool is_fused = false;
  for (size_t i = 0; i < count; ++i) {
    first_differs = first_differs || (!is_fused && treats_first_differently(steps[i]));
    if (std::holds_alternative<DecodeByteFallback>(steps[i]))
      rules_.broken_bytes = Tokenizer::BrokenBytes::kOneForEach;
    if (std::holds_alternative<DecodeCtc>(steps[i]) && !is_fused) rules_.repeats_count_once = true;
    if (std::holds_alternative<DecodeSuffix>(steps[i]) && !is_fused) rules_.last_differs = true;
    is_fused = is_fused || fuses(steps[i]);
    regexes.push_back(regex_of(steps[i], vocabulary.source()));
  }
  const auto text_of = [&](TokenId id, TokenPlace place) {
    std::string text = vocabulary[id].spelling;
    for (size_t i = 0; i < count; ++i) {
      text = decode_one(steps[i], regexes[i].get(), place, std::move(text));
      if (fuses(steps[i])) place = TokenPlace::kOnly;  // of the one text that all tokens are
    }
    return text;
  };
  const auto fill = [&](TokenPlace place) {
    auto& texts = texts_[static_cast<size_t>(place)];
    texts.reserve(static_cast<size_t>(vocabulary.size()));
    for (TokenId id = 0; id < vocabulary.size(); ++id) texts.push_back(text_of(id, place));
  };
  fill(TokenPlace::kInside);
  if (first_differs) fill(TokenPlace::kFirst);
  if (rules_.last_differs) fill(TokenPlace::kLast);
  if (rules_.last_differs) fill(TokenPlace::kOnly);
}

}  // namespace ferrum
