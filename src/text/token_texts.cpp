#include "text/token_texts.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "text/byte_alphabet.h"
#include "text/regex.h"

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
  // Stripping the ends of a fused text is a rule of the whole text.
  std::string operator()(const DecodeStrip& s) {
    if (is_fused) return std::move(text);
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

// Steps on a fused text whose results may reach from token to token, which are applied to each token alone.
void warn_of_token_by_token(const DecodeStep& step, const Tokenizer::TextRules& rules,
                            const std::string& source) {
  const auto* replace = std::get_if<DecodeReplace>(&step);
  if (replace && replace->pattern.kind == TextPattern::Kind::kRegex)
    log::warn("{}: decoder replaces {} in the whole text, but here in each token by itself", source,
              in_quotes(replace->pattern.text));
  if (std::holds_alternative<DecodeStrip>(step) && !rules.stripped.empty())
    log::warn("{}: decoder strips the whole text twice, but here the last time only", source);
}

}  // namespace

TokenTexts::TokenTexts(const std::vector<DecodeStep>& steps, const Vocabulary& vocabulary) {
  std::vector<std::unique_ptr<Regex>> regexes(steps.size());
  bool first_differs = false;
  bool is_fused = false;
  for (size_t i = 0; i < steps.size(); ++i) {
    first_differs = first_differs || treats_first_differently(steps[i]);
    if (std::holds_alternative<DecodeByteFallback>(steps[i]))
      rules_.broken_bytes = Tokenizer::BrokenBytes::kOneForEach;
    if (std::holds_alternative<DecodeCtc>(steps[i]) && !is_fused) rules_.repeats_count_once = true;
    if (std::holds_alternative<DecodeSuffix>(steps[i])) rules_.last_differs = true;
    is_fused = is_fused || std::holds_alternative<DecodeFuse>(steps[i]) ||
               std::holds_alternative<DecodeByteLevel>(steps[i]);
    if (is_fused) warn_of_token_by_token(steps[i], rules_, vocabulary.source());
    if (const auto* strip = std::get_if<DecodeStrip>(&steps[i]); strip && is_fused) {
      rules_.stripped = strip->content;
      rules_.most_at_start = strip->content.empty() ? 0 : strip->start;
      rules_.most_at_end = strip->content.empty() ? 0 : strip->stop;
    }
    const auto* replace = std::get_if<DecodeReplace>(&steps[i]);
    if (replace && replace->pattern.kind == TextPattern::Kind::kRegex)
      regexes[i] = std::make_unique<Regex>(replace->pattern.text, vocabulary.source() + ": decoder");
  }
  const auto text_of = [&](TokenId id, TokenPlace place) {
    bool fused = false;
    std::string text = vocabulary[id].spelling;
    for (size_t i = 0; i < steps.size(); ++i)
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
