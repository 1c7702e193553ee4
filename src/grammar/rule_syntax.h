// Grammars as rules that call each other, however they are written.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "grammar/code_points.h"
#include "grammar/refusal.h"
#include "grammar/regex.h"

namespace ferrum::grammar {

struct RuleNode {
  enum class Kind : uint8_t { kSet, kPattern, kRule, kSequence, kAlternatives, kRepeat };
  Kind kind = Kind::kSequence;
  CodePointSet set{};
  std::shared_ptr<const Regex> pattern{};  // of which a part of the text is one whole match
  uint32_t rule = 0;
  uint32_t least = 0, most = kUnbounded;
  std::vector<RuleNode> children{};
};

struct RuleSyntax {
  struct Definition {
    std::string name;
    int line = 0;
    bool is_defined = false;
    RuleNode body;
  };
  std::vector<Definition> rules;
  uint32_t root = 0;
};

// Whether each rule matches some text, and whether it matches the empty one.
struct RuleFacts {
  explicit RuleFacts(const RuleSyntax& syntax);
  std::vector<bool> productive, nullable;

  bool is_nullable(const RuleNode& node) const;
};

// Rewrites rules that begin with themselves, directly or by way of others, into repetitions. The texts that
// they match stay the same. Refusal: a rule that begins with itself behind something that may be empty; a
// grammar that would grow too much.
void remove_left_recursion(RuleSyntax& syntax, const Limits& limits);

// One regular expression of all texts that the root matches; nothing where rules contain themselves, or where
// it would be too large.
std::optional<Regex> as_regex(const RuleSyntax& syntax, const Limits& limits);

}  // namespace ferrum::grammar
