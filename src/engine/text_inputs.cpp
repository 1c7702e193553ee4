#include "engine/text_inputs.h"

#include <algorithm>

#include "base/error.h"

namespace ferrum {
namespace {

// The lengths of a pair that leave `room` tokens: the longer text is cut first, then both evenly, as
// "longest_first" of Hugging Face's tokenizers.
std::pair<size_t, size_t> fitted(size_t first, size_t second, size_t room) {
  if (first + second <= room) return {first, second};
  const bool swapped = first > second;
  size_t shorter = std::min(first, second);
  size_t longer = shorter > room ? shorter : std::max(shorter, room - shorter);
  if (shorter + longer > room) {
    shorter = room / 2;
    longer = shorter + room % 2;
  }
  return swapped ? std::pair(longer, shorter) : std::pair(shorter, longer);
}

// A form of a pair with texts in their places. What users wrote is not trusted.
std::vector<TextSpan> filled(std::string_view form, std::string_view query, std::string_view instruction) {
  struct Place {
    std::string_view name, text;
  };
  const Place places[] = {{"{instruction}", instruction}, {"{query}", query}};
  std::vector<TextSpan> spans;
  while (!form.empty()) {
    const Place* next = nullptr;
    size_t at = form.size();
    for (const Place& place : places) {
      const size_t found = form.find(place.name);
      if (found >= at) continue;
      at = found;
      next = &place;
    }
    if (at > 0) spans.push_back({form.substr(0, at), true});
    if (next == nullptr) break;
    spans.push_back({next->text, false});
    form.remove_prefix(at + next->name.size());
  }
  return spans;
}

}  // namespace

int longest_text(const ModelDescription& model) {
  const int said = model.text_head.max_tokens;
  return said > 0 ? std::min(said, model.context) : model.context;
}

TextInputs::TextInputs(const ModelDescription& model, const Tokenizer& tokenizer, int max_tokens)
    : model_(model), tokenizer_(tokenizer), max_tokens_(max_tokens) {}

std::vector<TokenId> TextInputs::encode(std::string_view prompt, std::string_view text) const {
  const TextSpan spans[] = {{prompt, true}, {text, false}};
  return tokenizer_.encode(spans, {.add_special = false});
}

int32_t TextInputs::type_of(int type) const {
  const int types = model_.encoder ? model_.encoder->types : 0;
  return std::clamp(type, 0, std::max(0, types - 1));
}

void TextInputs::check_length(const TextTokens& text) const {
  if (text.tokens.empty()) fail(ErrorCode::kBadArgument, "the text is empty: it has no tokens");
  if (static_cast<int>(text.tokens.size()) > max_tokens_)
    fail(ErrorCode::kContextFull, "the text has {} tokens, and the model reads at most {}",
         text.tokens.size(), max_tokens_);
}

TextTokens TextInputs::single(std::string_view prompt, std::string_view text, TooLong too_long) const {
  const Tokenizer::Special& special = tokenizer_.special();
  TextTokens result;
  std::vector<TokenId> inner = encode(prompt, text);
  const size_t around = special.before.size() + special.after.size();
  const size_t room = std::max(static_cast<size_t>(max_tokens_), around) - around;
  if (too_long == TooLong::kCut && inner.size() > room) {
    inner.resize(room);
    result.was_cut = true;
  }
  result.tokens = special.before;
  result.tokens.insert(result.tokens.end(), inner.begin(), inner.end());
  result.tokens.insert(result.tokens.end(), special.after.begin(), special.after.end());
  result.types.assign(result.tokens.size(), 0);
  check_length(result);
  if (!model_.text_head.pools_prompt && !prompt.empty()) {
    const size_t tokens = special.before.size() + encode(prompt, "").size();
    result.unpooled = static_cast<int>(std::min(tokens, result.tokens.size() - 1));
  }
  return result;
}

// What stands behind the document is the model's own, and never cut.
TextTokens TextInputs::in_turns(std::string_view query, std::string_view document, TooLong too_long,
                                std::string_view instruction) const {
  constexpr std::string_view kDocument = "{document}";
  const TextHeadDescription& head = model_.text_head;
  const std::string_view form =
      instruction.empty() && !head.plain_form.empty() ? head.plain_form : head.pair_form;
  const size_t end_at = std::min(form.find(kDocument), form.size());
  std::vector<TextSpan> spans = filled(form.substr(0, end_at), query, instruction);
  spans.push_back({document, false});
  const TextSpan behind = {form.substr(std::min(form.size(), end_at + kDocument.size())), true};
  TextTokens result;
  result.tokens = tokenizer_.encode(spans, {.add_special = false});
  const std::vector<TokenId> end = tokenizer_.encode(behind, {.add_special = false});
  const size_t room = std::max(static_cast<size_t>(max_tokens_), end.size()) - end.size();
  if (too_long == TooLong::kCut && result.tokens.size() > room) {
    result.tokens.resize(room);
    result.was_cut = true;
  }
  result.tokens.insert(result.tokens.end(), end.begin(), end.end());
  result.types.assign(result.tokens.size(), 0);
  check_length(result);
  return result;
}

TextTokens TextInputs::pair(std::string_view first, std::string_view second, TooLong too_long,
                            std::string_view instruction) const {
  const TextHeadDescription& head = model_.text_head;
  if (!head.pair_form.empty())
    return in_turns(first, second, too_long, instruction.empty() ? head.instruction : instruction);
  std::vector<TokenId> texts[] = {encode("", first), encode("", second)};
  const std::vector<TemplatePart>& parts = tokenizer_.special().pair;
  TextTokens result;
  if (too_long == TooLong::kCut) {
    const auto around = static_cast<size_t>(
        std::ranges::count_if(parts, [](const TemplatePart& part) { return part.text < 0; }));
    const size_t room = std::max(static_cast<size_t>(max_tokens_), around) - around;
    const auto [of_first, of_second] = fitted(texts[0].size(), texts[1].size(), room);
    result.was_cut = of_first < texts[0].size() || of_second < texts[1].size();
    texts[0].resize(of_first);
    texts[1].resize(of_second);
  }
  for (const TemplatePart& part : parts) {
    if (part.text < 0) {
      result.tokens.push_back(part.token);
    } else {
      const std::vector<TokenId>& text = texts[part.text == 0 ? 0 : 1];
      result.tokens.insert(result.tokens.end(), text.begin(), text.end());
    }
    result.types.resize(result.tokens.size(), type_of(part.type));
  }
  check_length(result);
  return result;
}

TextTokens TextInputs::ready(std::vector<TokenId> tokens, TooLong too_long) const {
  for (const TokenId token : tokens)
    if (token < 0 || token >= model_.vocab)
      fail(ErrorCode::kBadArgument, "token {} is not in the vocabulary, 0 to {}", token, model_.vocab - 1);
  TextTokens result;
  result.was_cut = too_long == TooLong::kCut && tokens.size() > static_cast<size_t>(max_tokens_);
  if (result.was_cut) tokens.resize(static_cast<size_t>(max_tokens_));
  result.tokens = std::move(tokens);
  result.types.assign(result.tokens.size(), 0);
  check_length(result);
  return result;
}

std::string_view TextInputs::prompt(std::string_view name) const {
  const TextHeadDescription& head = model_.text_head;
  if (name.empty()) name = head.default_prompt;
  if (name.empty()) return {};
  std::string names;
  for (const auto& [other, text] : head.prompts) {
    if (other == name) return text;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", in_quotes(other));
  }
  fail(ErrorCode::kBadArgument, "the model has no prompt named {}; {}", in_quotes(name),
       names.empty() ? "it has none at all" : "it has " + names);
}

}  // namespace ferrum
