// The syntax of GBNF: https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/code_points.h"
#include "grammar/refusal.h"
#include "grammar/regex.h"

namespace ferrum::grammar {

struct GbnfNode {
  enum class Kind : uint8_t { kSet, kRule, kSequence, kAlternatives, kRepeat };
  Kind kind = Kind::kSequence;
  CodePointSet set;
  uint32_t rule = 0;
  uint32_t least = 0, most = kUnbounded;
  std::vector<GbnfNode> children;
};

struct GbnfSyntax {
  struct Definition {
    std::string name;
    int line = 0;
    bool is_defined = false;
    GbnfNode body;
  };
  std::vector<Definition> rules;
  uint32_t root = 0;
};

GbnfSyntax parse_gbnf(std::string_view source);

}  // namespace ferrum::grammar
