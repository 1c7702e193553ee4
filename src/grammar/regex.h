// Regular expressions of ECMA-262 as a syntax tree.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/code_points.h"

namespace ferrum::grammar {

inline constexpr uint32_t kUnbounded = UINT32_MAX;

struct RegexNode {
  enum class Kind : uint8_t {
    kEmpty,  // matches nothing and always
    kSet,    // one character of sets[set]
    kConcatenation,
    kAlternatives,
    kRepeat,      // children[0], `least` to `most` times
    kBegin,       // ^
    kEnd,         // $
    kWordEdge,    // \b
    kNoWordEdge,  // \B
    kLook,        // (?=…), (?!…), (?<=…), (?<!…)
  };
  Kind kind = Kind::kEmpty;
  bool is_ahead = true;
  bool is_negative = false;
  uint32_t set = 0;
  uint32_t least = 0, most = 0;
  std::vector<uint32_t> children;
};

struct Regex {
  std::vector<RegexNode> nodes;
  std::vector<CodePointSet> sets;
  uint32_t root = 0;
  // Characters beyond U+FFFF are two, as without the flag u.
  bool has_code_units = false;

  uint32_t add(RegexNode node);
  uint32_t add_set(CodePointSet set);
  uint32_t add_repeat(uint32_t child, uint32_t least, uint32_t most);
  uint32_t add_list(RegexNode::Kind kind, std::vector<uint32_t> children);
};

// `pattern` with the flag u; where that is no syntax, without it (Annex B). Refusal with `path`: neither
// parses, or what no finite automaton can match.
Regex parse_regex(std::string_view pattern, const std::string& path);

}  // namespace ferrum::grammar
