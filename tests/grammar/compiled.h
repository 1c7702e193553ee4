// Grammars for tests, and whole texts judged by them.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "grammar/grammar.h"
#include "grammar/matcher.h"

namespace ferrum::grammar {

inline std::shared_ptr<const Grammar> from_schema(std::string schema,
                                                  Spec::Writing writing = Spec::Writing::kAnswers) {
  return Grammar::compile({.kind = Spec::Kind::kJsonSchema, .source = std::move(schema), .writing = writing});
}

inline std::shared_ptr<const Grammar> from_regex(std::string pattern) {
  return Grammar::compile({.kind = Spec::Kind::kRegex, .source = std::move(pattern)});
}

inline std::shared_ptr<const Grammar> from_gbnf(std::string source) {
  return Grammar::compile({.kind = Spec::Kind::kGbnf, .source = std::move(source)});
}

inline bool takes(const std::shared_ptr<const Grammar>& grammar, std::string_view text) {
  Matcher matcher(grammar);
  return matcher.accept(text) && matcher.is_complete();
}

// What a source is refused for; empty: it is not.
template <class Compile>
std::string refused_keyword(Compile compile) {
  try {
    compile();
  } catch (const Refusal& refusal) {
    return refusal.keyword();
  }
  return "";
}

}  // namespace ferrum::grammar
