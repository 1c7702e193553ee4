// The tokens of a template's source.
#pragma once
#include <string>
#include <string_view>

namespace ferrum::jinja {

struct Place {
  int line = 1;    // from 1
  int column = 1;  // from 1, in bytes
};

enum class TokenKind {
  kData,  // template text outside of tags
  kVariableBegin,
  kVariableEnd,
  kBlockBegin,
  kBlockEnd,
  kName,
  kString,  // its text has the escapes resolved
  kInteger,
  kFloat,
  kOperator,
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;
  Place place;

  bool is_operator(std::string_view op) const { return kind == TokenKind::kOperator && text == op; }
  bool is_name(std::string_view name) const { return kind == TokenKind::kName && text == name; }
};

}  // namespace ferrum::jinja
