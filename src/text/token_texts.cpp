#include "text/token_texts.h"

#include <array>
#include <memory>
#include <utility>

#include "text/byte_alphabet.h"
#include "text/regex.h"

namespace ferrum {
namespace {

enum class Place { kFirst, kInside };

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

// English punctuation and contractions without the space before them, as transformers cleans up.
std::string cleaned_up(std::string text) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kRules{{
      {" .", "."},
      {" ?", "?"},
      {" !", "!"},
      {" ,", ","},
      {" ' ", "'"},
      {" n't", "n't"},
      {" 'm", "'m"},
      {" do not", " don't"},
      {" 's", "'s"},
      {" 've", "'ve"},
      {" 're", "'re"},
  }};
  for (const auto& [what, with] : kRules)
    if (text.find(what) != std::string::npos) text = replace_all(text, what, with);
  return text;
}

std::string without_leading(std::string text, std::string_view content, size_t most) {
  size_t cut = 0;
  for (size_t n = 0; n < most && !content.empty() && std::string_view(text).substr(cut).starts_with(content);
       ++n)
    cut += content.size();
  return text.substr(cut);
}

struct Apply {
  Place place;
  bool& is_fused;
  const std::vector<std::unique_ptr<Regex>>& regexes;  // by step
  size_t step;
  std::string text;

  std::string operator()(const DecodeByteLevel&) {
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
    return replace_all(text, s.replacement, place == Place::kFirst && s.drop_leading ? "" : " ");
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
  // Tokens that were fused are one text, which has one beginning.
  std::string operator()(const DecodeStrip& s) {
    if (is_fused && place == Place::kInside) return std::move(text);
    return without_leading(std::move(text), s.content, s.start);
  }
  std::string operator()(const DecodeWordPiece& s) {
    if (place == Place::kInside)
      text = text.starts_with(s.prefix) ? text.substr(s.prefix.size()) : " " + text;
    return s.cleanup ? cleaned_up(std::move(text)) : std::move(text);
  }
  std::string operator()(const DecodeSuffix& s) { return replace_all(text, s.suffix, " "); }
};

bool treats_first_differently(const DecodeStep& step) {
  return std::holds_alternative<DecodeMetaspace>(step) || std::holds_alternative<DecodeStrip>(step) ||
         std::holds_alternative<DecodeWordPiece>(step);
}

}  // namespace

TokenTexts::TokenTexts(const std::vector<DecodeStep>& steps, const Vocabulary& vocabulary) {
  std::vector<std::unique_ptr<Regex>> regexes(steps.size());
  bool first_differs = false;
  for (size_t i = 0; i < steps.size(); ++i) {
    first_differs = first_differs || treats_first_differently(steps[i]);
    if (std::holds_alternative<DecodeByteFallback>(steps[i]))
      broken_bytes_ = Tokenizer::BrokenBytes::kOneForEach;
    const auto* replace = std::get_if<DecodeReplace>(&steps[i]);
    if (replace && replace->pattern.kind == TextPattern::Kind::kRegex)
      regexes[i] = std::make_unique<Regex>(replace->pattern.text, vocabulary.source() + ": decoder");
  }
  const auto text_of = [&](TokenId id, Place place) {
    bool is_fused = false;
    std::string text = vocabulary[id].spelling;
    for (size_t i = 0; i < steps.size(); ++i)
      text = std::visit(Apply{place, is_fused, regexes, i, std::move(text)}, steps[i]);
    return text;
  };
  inside_.reserve(static_cast<size_t>(vocabulary.size()));
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    inside_.push_back(text_of(id, Place::kInside));
    if (first_differs) first_.push_back(text_of(id, Place::kFirst));
  }
}

}  // namespace ferrum
