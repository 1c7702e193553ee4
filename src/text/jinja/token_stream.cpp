#include "text/jinja/token_stream.h"

#include "base/error.h"
#include "text/jinja/lexer.h"

namespace ferrum::jinja {
namespace {

std::string described(TokenKind kind) {
  switch (kind) {
    case TokenKind::kData:
      return "template text";
    case TokenKind::kVariableBegin:
      return "'{{'";
    case TokenKind::kVariableEnd:
      return "'}}'";
    case TokenKind::kBlockBegin:
      return "'{%'";
    case TokenKind::kBlockEnd:
      return "'%}'";
    case TokenKind::kName:
      return "a name";
    case TokenKind::kString:
      return "a string";
    case TokenKind::kInteger:
    case TokenKind::kFloat:
      return "a number";
    case TokenKind::kOperator:
      return "an operator";
    case TokenKind::kEnd:
      return "the end of the template";
  }
  return "?";
}

std::string described(const Token& token) {
  const bool has_text = token.kind == TokenKind::kName || token.kind == TokenKind::kOperator ||
                        token.kind == TokenKind::kInteger || token.kind == TokenKind::kFloat;
  return has_text ? in_quotes(token.text, 40) : described(token.kind);
}

}  // namespace

const Token& TokenStream::next() {
  const Token& token = tokens_[at_];
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool TokenStream::skip_operator(std::string_view op) {
  if (!at_operator(op)) return false;
  next();
  return true;
}

bool TokenStream::skip_name(std::string_view name) {
  if (!at_name(name)) return false;
  next();
  return true;
}

void TokenStream::expect_operator(std::string_view op) {
  if (!skip_operator(op)) unexpected(fmt::format("'{}'", op));
}

void TokenStream::expect_name(std::string_view name) {
  if (!skip_name(name)) unexpected(fmt::format("'{}'", name));
}

const Token& TokenStream::expect(TokenKind kind) {
  if (!at(kind)) unexpected(described(kind));
  return next();
}

void TokenStream::unexpected(std::string_view expected) const {
  fail_at(current().place, fmt::format("expected {}, got {}", expected, described(current())));
}

}  // namespace ferrum::jinja
