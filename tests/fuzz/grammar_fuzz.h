// A grammar followed by tokens that the input chooses: masks against each token tried by itself.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "grammar/grammar.h"
#include "grammar/token_matcher.h"

namespace ferrum::grammar {

// Bounds that keep an input's work short.
inline Limits fuzz_limits() {
  Limits limits;
  limits.max_source_bytes = 4096;
  limits.max_instructions = 2000;
  limits.max_states = 500;
  limits.max_total_states = 5000;
  limits.max_goals = 300;
  limits.max_shapes = 30;
  limits.max_count = 2000;
  return limits;
}

inline const std::shared_ptr<const Vocabulary>& fuzz_vocabulary() {
  static const auto kVocabulary = [] {
    std::vector<Vocabulary::Token> tokens;
    for (int byte = 0; byte < 256; ++byte) tokens.push_back({std::string(1, static_cast<char>(byte)), false});
    for (const char* text : {"\",",
                             "\": ",
                             "{\"",
                             "}}",
                             "\",\"",
                             "a\"",
                             "ab",
                             "abc\",",
                             "\\u00",
                             "\\\"",
                             "\xC3\xA9",
                             "\x98\x80",
                             "  ",
                             "\n ",
                             "12",
                             "1,",
                             "-0.",
                             "true",
                             "null,",
                             "[[",
                             "]}",
                             "aaaa",
                             "a\":\"b\",\"a\":",
                             "\",\"a\",",
                             "<a>",
                             "</a>\"",
                             ""})
      tokens.push_back({text, false});
    tokens.push_back({"<a>", true});
    return std::make_shared<const Vocabulary>(std::move(tokens));
  }();
  return kVocabulary;
}

// Follows the tokens of `choices`: each byte chooses one of those that may come.
inline void follow(const Spec& spec, std::string_view choices) {
  std::shared_ptr<const Grammar> grammar;
  try {
    grammar = Grammar::compile(spec, fuzz_limits());
  } catch (const Refusal&) {
    return;
  }
  const Vocabulary& vocabulary = *fuzz_vocabulary();
  TokenMatcher matcher(std::make_shared<const TokenGrammar>(grammar, fuzz_vocabulary()));
  std::vector<uint32_t> words(vocabulary.words());
  for (const char choice : choices.substr(0, 24)) {
    if (!matcher.mask(words)) words.assign(words.size(), UINT32_MAX);
    std::vector<int32_t> allowed;
    for (size_t i = 0; i < vocabulary.size(); ++i) {
      const auto token = static_cast<int32_t>(i);
      const bool is_allowed = words[i / 32] >> (i % 32) & 1;
      check(is_allowed == matcher.may(token), "a mask and a token tried alone agree");
      if (is_allowed) allowed.push_back(token);
    }
    check(!allowed.empty() || matcher.is_complete(), "what was begun can be ended");
    check(allowed.empty() ? matcher.is_at_end() : true, "where nothing may come, the text is over");
    if (allowed.empty()) return;
    const TokenMatcher before = matcher;
    check(matcher.accept(allowed[static_cast<uint8_t>(choice) % allowed.size()]),
          "what may come is accepted");
    matcher.rollback(1);
    check(matcher.forced_bytes() == before.forced_bytes(), "a token that is taken back leaves nothing");
    check(matcher.accept(allowed[static_cast<uint8_t>(choice) % allowed.size()]),
          "what may come is accepted");
  }
}

// The input up to its first zero byte is the source, the rest chooses tokens.
inline int fuzz_source(Spec spec, const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t end = text.find('\0');
  spec.source = text.substr(0, end);
  follow(spec, end == std::string_view::npos ? std::string_view() : text.substr(end + 1));
  return 0;
}

}  // namespace ferrum::grammar
