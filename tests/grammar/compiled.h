// Grammars for tests, and whole texts judged by them.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/grammar.h"
#include "grammar/matcher.h"
#include "grammar/structure.h"
#include "grammar/vocabulary.h"

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

inline std::shared_ptr<const Grammar> from_structure(Structure structure,
                                                     Spec::Space space = Spec::Space::kBounded) {
  return Grammar::compile({.kind = Spec::Kind::kStructure,
                           .space = space,
                           .structure = std::make_shared<const Structure>(std::move(structure))});
}

inline std::vector<Vocabulary::Token> tokens_of(const std::vector<std::string>& texts) {
  std::vector<Vocabulary::Token> tokens;
  for (const std::string& text : texts) tokens.push_back({text, false});
  return tokens;
}

inline std::vector<Vocabulary::Token> tokens_of_bytes() {
  std::vector<Vocabulary::Token> tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.push_back({std::string(1, static_cast<char>(byte)), false});
  return tokens;
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
