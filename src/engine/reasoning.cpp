#include "engine/reasoning.h"

#include <algorithm>

namespace ferrum {

std::shared_ptr<const ThoughtMarks> thought_marks_of(const Tokenizer& tokenizer, const tools::Format& format,
                                                     const std::optional<std::string>& chat_template) {
  const tools::Reasoning& marks = format.reasoning;
  ThoughtMarks::Texts texts = {
      .open = marks.open, .close = marks.close, .begin = marks.open, .anywhere = marks.anywhere};
  if (format.syntax == tools::Syntax::kChannels) {
    texts = {.open = "<|channel|>analysis<|message|>",
             .close = "<|end|>",
             .begin = "<|channel|>analysis",
             .anywhere = true};
  } else if (marks.open.empty() || marks.close.empty()) {
    return nullptr;
  } else {
    const auto template_has = [&](const std::string& mark) {
      return chat_template && chat_template->find(mark) != std::string::npos;
    };
    const bool has_tokens = tokenizer.find(marks.open) && tokenizer.find(marks.close);
    if (!has_tokens && !template_has(marks.open) && !template_has(marks.close)) return nullptr;
    const auto is_mark = [&](TokenId id) { return tokenizer.kind(id) != TokenKind::kNormal; };
    const std::vector<TokenId> open = tokenizer.encode({marks.open, true}, {.add_special = false});
    texts.anywhere |= tokenizer.find(marks.open).has_value() || std::ranges::any_of(open, is_mark);
  }
  for (const tools::Wrapper& wrapper : format.wrappers) texts.other_firsts += wrapper.open.substr(0, 1);
  texts.other_firsts += format.marks.open.substr(0, 1);
  return std::make_shared<const ThoughtMarks>(
      ThoughtMarks::Vocabulary{
          .size = tokenizer.size(),
          .bytes = [&tokenizer](TokenId id) { return tokenizer.bytes(id); },
          .is_text = [&tokenizer](TokenId id) { return tokenizer.kind(id) == TokenKind::kNormal; },
          .encode =
              [&tokenizer](const std::string& text) {
                return tokenizer.encode({text, true}, {.add_special = false});
              }},
      std::move(texts));
}

}  // namespace ferrum
