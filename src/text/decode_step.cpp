#include "text/decode_step.h"

#include <string_view>
#include <utility>

#include "text/byte_alphabet.h"
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
  const Regex* regex;
  std::string text;

  bool is_first() const { return place == TokenPlace::kFirst || place == TokenPlace::kOnly; }
  bool is_last() const { return place == TokenPlace::kLast || place == TokenPlace::kOnly; }

  std::string operator()(const DecodeByteLevel&) {
    auto bytes = byte_alphabet::read(text);
    return bytes ? std::move(*bytes) : std::move(text);
  }
  std::string operator()(const DecodeByteFallback&) {
    const auto byte = byte_of_spelling(text);
    return byte ? std::string(1, static_cast<char>(*byte)) : std::move(text);
  }
  std::string operator()(const DecodeFuse&) { return std::move(text); }
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
    regex->for_each_match(text, replace);
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

}  // namespace

std::unique_ptr<const Regex> regex_of(const DecodeStep& step, const std::string& source) {
  const auto* const replace = std::get_if<DecodeReplace>(&step);
  if (replace == nullptr || replace->pattern.kind != TextPattern::Kind::kRegex) return nullptr;
  return std::make_unique<const Regex>(replace->pattern.text, source + ": decoder");
}

std::string decode_one(const DecodeStep& step, const Regex* regex, TokenPlace place, std::string text) {
  return std::visit(Apply{place, regex, std::move(text)}, step);
}

}  // namespace ferrum
