#include "text/token_texts.h"

#include <memory>
#include <span>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"
#include "text/byte_alphabet.h"
#include "text/regex.h"
#include "text/whole_text_steps.h"

namespace ferrum {
namespace {

std::string replace_all(std::string_view text, std::string_view what, std::string_view with) {
  std::string out;
  size_t from = 0;
  size_t found = what.empty() ? std::string_view::npos : text.find(what);
  for (; found != std::string_view::npos; found = text.find(what, from)) {
    out += text.substr(from, found - from);
    out += with;
    from = found + what.size();
  }
  return out += text.substr(from);
}

// transformers' clean-up: removes the space before English punctuation and contractions.
std::string cleaned_up(std::string text) {
  for (const auto& [what, with] : clean_up_rules())
    if (text.find(what) != std::string::npos) text = replace_all(text, what, with);
  return text;
}

std::string_view without_leading(std::string_view text, std::string_view content, size_t most) {
  for (size_t n = 0; n < most && !content.empty() && text.starts_with(content); ++n)
    text.remove_prefix(content.size());
  return text;
}

std::string_view without_trailing(std::string_view text, std::string_view content, size_t most) {
  for (size_t n = 0; n < most && !content.empty() && text.ends_with(content); ++n)
    text.remove_suffix(content.size());
  return text;
}

struct Apply {
  TokenPlace place;
  bool& is_fused;  // fused tokens are one text, whose only token is both first and last
  const std::vector<std::unique_ptr<Regex>>& regexes;  // by step
  size_t step;
  std::string text;

  bool is_first() const { return is_fused || place == TokenPlace::kFirst || place == TokenPlace::kOnly; }
  bool is_last() const { return is_fused || place == TokenPlace::kLast || place == TokenPlace::kOnly; }

  std::string operator()(const DecodeByteLevel&) {
    is_fused = true;
    auto bytes = byte_alphabet::read(text);
    return bytes ? std::move(*bytes) : std::move(text);
  }
  std::string operator()(const DecodeByteFallback&) {
    const auto byte = byte_of_spelling(text);
    return byte ? std::string(1, static_cast<char>(*byte)) : std::move(text);
  }
  std::string operator()(const DecodeFuse&) {
    is_fused = true;
    return std::move(text);
  }
  std::string operator()(const DecodeMetaspace& s) {
    return replace_all(text, s.replacement, is_first() && s.drop_leading ? "" : " ");
  }
  std::string operator()(const DecodeReplace& s) {
    if (s.pattern.kind == TextPattern::Kind::kLiteral) return replace_all(text, s.pattern.text, s.with);
    std::string out;
    size_t from = 0;
    const auto replace = [&](size_t begin, size_t end) {
      out += std::string_view(text).substr(from, begin - from);
      out += s.with;
      from = end;
    };
    regexes[step]->for_each_match(text, replace);
    return out += std::string_view(text).substr(from);
  }
  std::string operator()(const DecodeStrip& s) {
    return std::string(without_trailing(without_leading(text, s.content, s.start), s.content, s.stop));
  }
  std::string operator()(const DecodeWordPiece& s) {
    if (!is_first()) text = text.starts_with(s.prefix) ? text.substr(s.prefix.size()) : " " + text;
    return s.cleanup ? cleaned_up(std::move(text)) : std::move(text);
  }
  std::string operator()(const DecodeSuffix& s) { return replace_all(text, s.suffix, is_last() ? "" : " "); }
  std::string operator()(const DecodeCtc& s) {
    text = replace_all(text, s.padding, "");
    return s.cleanup ? replace_all(cleaned_up(std::move(text)), s.word_delimiter, " ") : std::move(text);
  }
  std::string operator()(const DecodeSpaced&) { return is_first() ? std::move(text) : " " + text; }
};

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

}  // namespace

TokenTexts::TokenTexts(const std::vector<DecodeStep>& steps, const Vocabulary& vocabulary) {
  const size_t count = token_steps(steps);
  if (count < steps.size())
    rules_.whole =
        std::make_shared<const WholeTextSteps>(std::span(steps).subspan(count), vocabulary.source());
  std::vector<std::unique_ptr<Regex>> regexes(count);
  bool first_differs = false;
  bool is_fused = false;
  for (size_t i = 0; i < count; ++i) {
    first_differs = first_differs || (!is_fused && treats_first_differently(steps[i]));
    if (std::holds_alternative<DecodeByteFallback>(steps[i]))
      rules_.broken_bytes = Tokenizer::BrokenBytes::kOneForEach;
    if (std::holds_alternative<DecodeCtc>(steps[i]) && !is_fused) rules_.repeats_count_once = true;
    if (std::holds_alternative<DecodeSuffix>(steps[i]) && !is_fused) rules_.last_differs = true;
    is_fused = is_fused || fuses(steps[i]);
    const auto* replace = std::get_if<DecodeReplace>(&steps[i]);
    if (replace && replace->pattern.kind == TextPattern::Kind::kRegex)
      regexes[i] = std::make_unique<Regex>(replace->pattern.text, vocabulary.source() + ": decoder");
  }
  const auto text_of = [&](TokenId id, TokenPlace place) {
    bool fused = false;
    std::string text = vocabulary[id].spelling;
    for (size_t i = 0; i < count; ++i)
      text = std::visit(Apply{place, fused, regexes, i, std::move(text)}, steps[i]);
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
