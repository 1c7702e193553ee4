// The parser's position in the tokens.
#pragma once
#include <string_view>
#include <vector>

#include "text/jinja/token.h"

namespace ferrum::jinja {

class TokenStream {
 public:
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& current() const { return tokens_[at_]; }
  const Token& look() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  const Token& next();  // returns the current token and moves on

  bool at_operator(std::string_view op) const { return current().is_operator(op); }
  bool at_name(std::string_view name) const { return current().is_name(name); }
  bool at(TokenKind kind) const { return current().kind == kind; }

  bool skip_operator(std::string_view op);
  bool skip_name(std::string_view name);
  void expect_operator(std::string_view op);
  void expect_name(std::string_view name);
  const Token& expect(TokenKind kind);

  // Fails at the current token with "expected …, got …".
  [[noreturn]] void unexpected(std::string_view expected) const;

 private:
  std::vector<Token> tokens_;
  size_t at_ = 0;
};

}  // namespace ferrum::jinja
