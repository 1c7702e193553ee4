#include "text/jinja/lexer.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/error.h"
#include "base/utf8.h"
#include "text/jinja/string_literal.h"
#include "text/jinja/strings.h"

namespace ferrum::jinja {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_byte(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

enum class Strip { kDefault, kAll, kNone };  // no sign, '-', '+'

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) lex_data();
    add(TokenKind::kEnd, "", source_.size());
    return std::move(tokens_);
  }

 private:
  enum class Tag { kVariable, kBlock, kComment };

  // --- text between tags ---

  void lex_data() {
    const std::optional<size_t> open = find_tag(at_);
    if (!open) {
      add_data(source_.substr(at_));
      at_ = source_.size();
      return;
    }
    const Tag tag = source_[*open + 1] == '{'   ? Tag::kVariable
                    : source_[*open + 1] == '%' ? Tag::kBlock
                                                : Tag::kComment;
    size_t inside = *open + 2;
    Strip strip = Strip::kDefault;
    if (inside < source_.size() && (source_[inside] == '-' || source_[inside] == '+')) {
      strip = source_[inside] == '-' ? Strip::kAll : Strip::kNone;
      ++inside;
    }
    add_data(before_tag(source_.substr(at_, *open - at_), strip, tag));
    if (tag == Tag::kComment) {
      skip_comment(*open, inside);
    } else if (const std::optional<size_t> raw = tag == Tag::kBlock ? after_raw_tag(inside) : std::nullopt) {
      lex_raw(*open, *raw);
    } else {
      add(tag == Tag::kVariable ? TokenKind::kVariableBegin : TokenKind::kBlockBegin, "", *open);
      at_ = inside;
      lex_tag(tag);
    }
  }

  std::optional<size_t> find_tag(size_t from) const {
    for (size_t at = source_.find('{', from); at != std::string_view::npos; at = source_.find('{', at + 1)) {
      const char next = at + 1 < source_.size() ? source_[at + 1] : '\0';
      if (next == '{' || next == '%' || next == '#') return at;
    }
    return std::nullopt;
  }

  // The text before a tag, after stripping.
  std::string_view before_tag(std::string_view text, Strip strip, Tag tag) const {
    if (strip == Strip::kAll) return trim_right(text);
    if (strip == Strip::kNone || tag == Tag::kVariable) return text;
    const size_t newline = text.rfind('\n');
    if (newline == std::string_view::npos && !line_starts_) return text;
    const size_t line = newline == std::string_view::npos ? 0 : newline + 1;
    return trim_right(text.substr(line)).empty() ? text.substr(0, line) : text;
  }

  static std::string_view trim_right(std::string_view text) {
    while (!text.empty()) {
      const size_t last = *byte_of_last_code_points(text, 1);
      const utf8::Decoded d = utf8::decode(text.substr(last));
      if (!d.valid || !is_space(d.code_point)) break;
      text = text.substr(0, last);
    }
    return text;
  }

  size_t skip_space(size_t at) const {
    while (at < source_.size()) {
      const utf8::Decoded d = utf8::decode(source_.substr(at));
      if (!d.valid || !is_space(d.code_point)) break;
      at += d.size;
    }
    return at;
  }

  bool stands_at(size_t at, std::string_view text) const { return source_.substr(at).starts_with(text); }

  // Continues after a tag that ends at `end`; `strip` is its closing sign, which decides about white space.
  void leave_tag(size_t end, Strip strip) {
    at_ = end;
    if (strip == Strip::kAll) at_ = skip_space(end);
    if (strip == Strip::kDefault && stands_at(end, "\n")) at_ = end + 1;
    line_starts_ = source_[at_ - 1] == '\n';
  }

  void skip_comment(size_t open, size_t inside) {
    if (inside == source_.size()) {  // Jinja allows a template to end right after "{#"
      at_ = inside;
      return;
    }
    const size_t close = source_.find("#}", inside);
    if (close == std::string_view::npos) fail_at(place(open), "a comment that does not end");
    const char sign = close > inside ? source_[close - 1] : '\0';
    leave_tag(close + 2, sign == '-' ? Strip::kAll : sign == '+' ? Strip::kNone : Strip::kDefault);
  }

  // --- raw blocks ---

  // The end of a tag `name %}` that begins at `at`, before what its sign strips; nullopt if there is none.
  struct TagEnd {
    size_t end;
    Strip strip;
  };
  std::optional<TagEnd> end_of_tag(size_t at, std::string_view name) const {
    at = skip_space(at);
    if (!stands_at(at, name)) return std::nullopt;
    at = skip_space(at + name.size());
    if (stands_at(at, "-%}")) return TagEnd{at + 3, Strip::kAll};
    if (stands_at(at, "+%}")) return TagEnd{at + 3, Strip::kNone};
    if (stands_at(at, "%}")) return TagEnd{at + 2, Strip::kDefault};
    return std::nullopt;
  }

  std::optional<size_t> after_raw_tag(size_t inside) const {
    const std::optional<TagEnd> tag = end_of_tag(inside, "raw");
    if (!tag || tag->strip == Strip::kNone) return std::nullopt;
    return tag->strip == Strip::kAll ? skip_space(tag->end) : tag->end;  // a newline after it is kept
  }

  void lex_raw(size_t open, size_t begin) {
    line_starts_ = source_[begin - 1] == '\n';
    if (begin == source_.size()) {  // as for comments
      at_ = begin;
      return;
    }
    for (size_t at = source_.find("{%", begin); at != std::string_view::npos;
         at = source_.find("{%", at + 1)) {
      size_t inside = at + 2;
      Strip strip = Strip::kDefault;
      if (stands_at(inside, "-") || stands_at(inside, "+"))
        strip = source_[inside++] == '-' ? Strip::kAll : Strip::kNone;
      const std::optional<TagEnd> tag = end_of_tag(inside, "endraw");
      if (!tag) continue;
      at_ = begin;
      add_data(before_tag(source_.substr(begin, at - begin), strip, Tag::kBlock));
      leave_tag(tag->end, tag->strip);
      return;
    }
    fail_at(place(open), "a raw block that does not end");
  }

  // --- inside of tags ---

  void lex_tag(Tag tag) {
    const size_t open = at_;
    std::string closers;  // closing brackets of those that are open, innermost last
    while (true) {
      if (closers.empty() && leave_at_end(tag)) return;
      at_ = skip_space(at_);
      if (at_ >= source_.size()) fail_at(place(open), "a tag that does not end");
      if (closers.empty() && leave_at_end(tag)) return;
      const char c = source_[at_];
      if (is_digit(c))
        lex_number();
      else if (is_name_byte(c))
        lex_name();
      else if (c == '\'' || c == '"')
        lex_string();
      else
        lex_operator(closers);
    }
  }

  bool leave_at_end(Tag tag) {
    const std::string_view close = tag == Tag::kVariable ? "}}" : "%}";
    Strip strip = Strip::kDefault;
    size_t at = at_;
    if (at < source_.size() && (source_[at] == '-' || (source_[at] == '+' && tag == Tag::kBlock)))
      strip = source_[at++] == '-' ? Strip::kAll : Strip::kNone;
    if (!stands_at(at, close)) return false;
    add(tag == Tag::kVariable ? TokenKind::kVariableEnd : TokenKind::kBlockEnd, "", at_);
    // A newline after }} is kept.
    if (tag == Tag::kVariable && strip == Strip::kDefault) strip = Strip::kNone;
    leave_tag(at + 2, strip);
    return true;
  }

  size_t skip_digits(size_t at) const {
    const auto digit = [this](size_t i) { return i < source_.size() && is_digit(source_[i]); };
    while (digit(at) || (at < source_.size() && source_[at] == '_' && digit(at + 1))) ++at;
    return at;
  }

  void lex_number() {
    const size_t begin = at_;
    if (source_[begin] == '0' && begin + 1 < source_.size() &&
        std::string_view("xXoObB").find(source_[begin + 1]) != std::string_view::npos) {
      at_ = begin + 2;
      while (at_ < source_.size() && is_name_byte(source_[at_])) ++at_;
      add_number(TokenKind::kInteger, begin);
      return;
    }
    at_ = skip_digits(begin);
    const bool after_dot = begin > 0 && source_[begin - 1] == '.';  // x.0.1: two subscripts
    TokenKind kind = TokenKind::kInteger;
    const auto digit_at = [this](size_t i) { return i < source_.size() && is_digit(source_[i]); };
    if (!after_dot && stands_at(at_, ".") && digit_at(at_ + 1)) {
      at_ = skip_digits(at_ + 1);
      kind = TokenKind::kFloat;
    }
    if (!after_dot && (stands_at(at_, "e") || stands_at(at_, "E"))) {
      const size_t sign = stands_at(at_ + 1, "+") || stands_at(at_ + 1, "-") ? 1 : 0;
      if (digit_at(at_ + 1 + sign)) {
        at_ = skip_digits(at_ + 1 + sign);
        kind = TokenKind::kFloat;
      }
    }
    add_number(kind, begin);
  }

  void add_number(TokenKind kind, size_t begin) {
    std::string digits(source_.substr(begin, at_ - begin));
    std::erase(digits, '_');
    add(kind, std::move(digits), begin);
  }

  void lex_name() {
    const size_t begin = at_;
    while (at_ < source_.size() && is_name_byte(source_[at_])) ++at_;
    add(TokenKind::kName, std::string(source_.substr(begin, at_ - begin)), begin);
  }

  void lex_string() {
    const size_t begin = at_;
    const char quote = source_[begin];
    for (++at_; at_ < source_.size() && source_[at_] != quote; ++at_)
      if (source_[at_] == '\\') ++at_;
    if (at_ >= source_.size()) fail_at(place(begin), "a string that does not end");
    ++at_;
    const std::string_view inner = source_.substr(begin + 1, at_ - begin - 2);
    std::optional<std::string> text = unescaped(inner);
    if (!text) fail_at(place(begin), "a string with a broken escape");
    add(TokenKind::kString, std::move(*text), begin);
  }

  void lex_operator(std::string& closers) {
    constexpr std::array<std::string_view, 25> kOperators = {
        "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
        "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ","};
    const auto op = std::find_if(kOperators.begin(), kOperators.end(),
                                 [this](std::string_view candidate) { return stands_at(at_, candidate); });
    if (op == kOperators.end())
      fail_at(place(at_),
              "unexpected " + in_quotes(source_.substr(at_, code_point_size(source_.substr(at_)))));
    if (*op == "(") closers += ')';
    if (*op == "[") closers += ']';
    if (*op == "{") closers += '}';
    if (*op == ")" || *op == "]" || *op == "}") {
      if (closers.empty()) fail_at(place(at_), fmt::format("unexpected '{}'", *op));
      if (closers.back() != (*op)[0])
        fail_at(place(at_), fmt::format("unexpected '{}', expected '{}'", *op, closers.back()));
      closers.pop_back();
    }
    add(TokenKind::kOperator, std::string(*op), at_);
    at_ += op->size();
  }

  // --- tokens ---

  void add_data(std::string_view text) {
    if (!text.empty()) add(TokenKind::kData, std::string(text), at_);
  }

  void add(TokenKind kind, std::string text, size_t at) {
    tokens_.push_back({kind, std::move(text), place(at)});
  }

  // Offsets ascend except for a few steps back, so counting continues from the last one.
  Place place(size_t at) {
    if (at < counted_) counted_ = 0, line_ = 1, line_begin_ = 0;
    for (; counted_ < at; ++counted_)
      if (source_[counted_] == '\n') ++line_, line_begin_ = counted_ + 1;
    return {line_, static_cast<int>(at - line_begin_) + 1};
  }

  std::string_view source_;
  size_t at_ = 0;
  bool line_starts_ = true;  // only newlines or nothing precede at_ on its line
  std::vector<Token> tokens_;

  size_t counted_ = 0;
  int line_ = 1;
  size_t line_begin_ = 0;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) { return Lexer(source).run(); }

std::string normalized(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r' && i + 1 < source.size() && source[i + 1] == '\n') continue;
    out += source[i] == '\r' ? '\n' : source[i];
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

void fail_at(const Place& place, const std::string& message) {
  fail(ErrorCode::kBadTemplate, "chat template, line {}, column {}: {}", place.line, place.column, message);
}

}  // namespace ferrum::jinja
