#include "grammar/lark_tokens.h"

#include "base/utf8.h"
#include "grammar/refusal.h"

namespace ferrum::grammar {
namespace {

using Kind = LarkToken::Kind;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name_character(char c) { return is_letter(c) || is_digit(c); }

class Words {
 public:
  explicit Words(std::string_view text) : text_(text) {}

  std::vector<LarkToken> read() {
    if (!utf8::is_valid(text_)) throw Refusal("grammar", "", "it is no UTF-8");
    while (at_ < text_.size()) next();
    begins_line_ = true;
    add(Kind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  void next() {
    const std::string_view rest = text_.substr(at_);
    const char c = rest[0];
    if (c == '\n') {
      begins_line_ = true;
      ++line_;
      ++at_;
    } else if (c == ' ' || c == '\t' || c == '\r' || c == '\f') {
      ++at_;
    } else if (c == '\\' && rest.size() > 1 && (rest[1] == '\n' || rest[1] == '\r')) {
      at_ = text_.find('\n', at_) + 1;  // the line goes on in the next one
      ++line_;
    } else if (rest.starts_with("//") || c == '#') {
      run([](char x) { return x != '\n'; });
    } else if (is_letter(c)) {
      add(Kind::kName, run(is_name_character));
    } else if (is_digit(c)) {
      add(Kind::kName, run(is_digit));
    } else if (c == '%') {
      ++at_;
      add(Kind::kCommand, "%" + run(is_name_character));
    } else if (c == '"' || c == '/') {
      const std::string inner = quoted(c);
      add(c == '"' ? Kind::kString : Kind::kRegex, inner);
      tokens_.back().flags = run(is_letter);
    } else {
      const std::string_view sign =
          rest.starts_with("..") || rest.starts_with("->") ? rest.substr(0, 2) : rest.substr(0, 1);
      if (sign.size() == 1 && std::string_view("()[]{}|?!*+~:,.-").find(c) == std::string_view::npos)
        refuse(in_quotes(rest.substr(0, 20)) + " is not understood");
      at_ += sign.size();
      add(Kind::kSign, std::string(sign));
    }
  }

  [[noreturn]] void refuse(const std::string& what) const {
    throw Refusal("grammar", "line " + std::to_string(line_), what);
  }

  std::string run(bool (*belongs)(char)) {
    const size_t begin = at_;
    while (at_ < text_.size() && belongs(text_[at_])) ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }

  // Up to a delimiter that no backslash precedes.
  std::string quoted(char end) {
    const size_t begin = ++at_;
    while (at_ < text_.size() && text_[at_] != end && text_[at_] != '\n') at_ += text_[at_] == '\\' ? 2 : 1;
    if (at_ >= text_.size() || text_[at_] != end)
      refuse(in_quotes(text_.substr(begin - 1, 40)) + " is not closed");
    return std::string(text_.substr(begin, at_++ - begin));
  }

  void add(Kind kind, std::string what) {
    tokens_.push_back({.kind = kind, .text = std::move(what), .line = line_, .begins_line = begins_line_});
    begins_line_ = false;
  }

  std::string_view text_;
  size_t at_ = 0;
  int line_ = 1;
  bool begins_line_ = true;
  std::vector<LarkToken> tokens_;
};

}  // namespace

std::vector<LarkToken> lark_tokens(std::string_view source) { return Words(source).read(); }

}  // namespace ferrum::grammar
