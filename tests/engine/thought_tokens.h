// Marks of thoughts that are one token each, in a vocabulary without texts.
#pragma once
#include <memory>

#include "engine/sampling/thought_marks.h"

namespace ferrum::test {

inline std::shared_ptr<const ThoughtMarks> thought_tokens(TokenId begin, TokenId end, int vocabulary) {
  const auto bytes = [=](TokenId id) -> std::string {
    return id == begin ? "<think>" : id == end ? "</think>" : "x";
  };
  return std::make_shared<const ThoughtMarks>(
      ThoughtMarks::Vocabulary{.size = vocabulary,
                               .bytes = bytes,
                               .is_text = [=](TokenId id) { return id != begin && id != end; },
                               .encode = [=](const std::string&) { return std::vector<TokenId>{end}; }},
      ThoughtMarks::Texts{.open = "<think>", .close = "</think>", .begin = "<think>", .anywhere = true});
}

}  // namespace ferrum::test
