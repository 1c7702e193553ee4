#include "grammar/gbnf_parser.h"

#include <algorithm>
#include <map>

#include "base/utf8.h"

namespace ferrum::grammar {
namespace {

constexpr int kMaxDepth = 200;

class GbnfParser {
 public:
  explicit GbnfParser(std::string_view text) : text_(text) {
    if (!utf8::is_valid(text)) fail("the grammar is no UTF-8");
  }

  RuleSyntax parse() {
    skip_lines();
    while (!done()) {
      definition();
      skip_lines();
    }
    const auto root = ids_.find("root");
    if (root == ids_.end() || !out_.rules[root->second].is_defined)
      throw Refusal("root", "", "the grammar has no rule root");
    out_.root = root->second;
    for (const RuleSyntax::Definition& rule : out_.rules)
      if (!rule.is_defined) throw Refusal(rule.name, at_line(rule.line), "no rule has this name");
    return std::move(out_);
  }

 private:
  using Kind = RuleNode::Kind;

  static std::string at_line(int line) { return "line " + std::to_string(line); }
  [[noreturn]] void fail(const std::string& what) const { throw Refusal("grammar", at_line(line_), what); }
  bool done() const { return at_ >= text_.size(); }
  char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  void skip(bool over_lines) {
    while (!done()) {
      if (peek() == '#') {
        while (!done() && peek() != '\n') ++at_;
      } else if (peek() == ' ' || peek() == '\t' || (over_lines && (peek() == '\n' || peek() == '\r'))) {
        if (peek() == '\n') ++line_;
        ++at_;
      } else {
        return;
      }
    }
  }
  void skip_lines() { skip(true); }

  static bool is_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  }
  std::string name() {
    std::string out;
    while (!done() && is_name(peek())) out += text_[at_++];
    if (out.empty()) fail("a rule's name was expected");
    return out;
  }
  uint32_t id_of(const std::string& name) {
    const auto [place, is_new] = ids_.emplace(name, static_cast<uint32_t>(out_.rules.size()));
    if (is_new) out_.rules.push_back({name, line_, false, {}});
    return place->second;
  }

  void definition() {
    const uint32_t id = id_of(name());
    skip(false);
    if (text_.substr(at_, 3) != "::=") fail("::= was expected");
    at_ += 3;
    skip_lines();
    if (out_.rules[id].is_defined) fail("a second rule named " + out_.rules[id].name);
    RuleNode body = alternatives(0, false);
    out_.rules[id].body = std::move(body);
    out_.rules[id].is_defined = true;
    out_.rules[id].line = line_;
    if (!done() && peek() != '\n' && peek() != '\r') fail("the rule does not end here");
  }

  RuleNode alternatives(int depth, bool is_nested) {
    if (depth > kMaxDepth) fail("groups are nested too deeply");
    RuleNode out = {.kind = Kind::kAlternatives};
    out.children.push_back(sequence(depth, is_nested));
    while (peek() == '|') {
      ++at_;
      skip_lines();
      out.children.push_back(sequence(depth, is_nested));
    }
    return out;
  }

  RuleNode sequence(int depth, bool is_nested) {
    RuleNode out = {.kind = Kind::kSequence};
    for (;;) {
      const char c = peek();
      if (c == '"') {
        size_t first = out.children.size();
        literal(out);
        // A repetition behind a text means the whole text.
        if (out.children.size() - first != 1) {
          RuleNode whole = {.kind = Kind::kSequence};
          whole.children.assign(out.children.begin() + static_cast<std::ptrdiff_t>(first),
                                out.children.end());
          out.children.resize(first);
          out.children.push_back(std::move(whole));
        }
      } else if (c == '[') {
        out.children.push_back({.kind = Kind::kSet, .set = set()});
      } else if (c == '.') {
        ++at_;
        out.children.push_back({.kind = Kind::kSet, .set = CodePointSet::all()});
      } else if (c == '(') {
        ++at_;
        skip_lines();
        out.children.push_back(alternatives(depth + 1, true));
        if (peek() != ')') fail("an unmatched (");
        ++at_;
      } else if (c == '<' || c == '!') {
        throw Refusal("grammar", at_line(line_), "references to tokens are not supported");
      } else if (is_name(c) && !done()) {
        const uint32_t rule = id_of(name());
        out.children.push_back({.kind = Kind::kRule, .rule = rule});
      } else {
        return out;
      }
      skip(is_nested);
      repetitions(out, is_nested);
    }
  }

  void repetitions(RuleNode& out, bool is_nested) {
    for (;;) {
      uint32_t least = 0, most = kUnbounded;
      if (peek() == '*') {
        ++at_;
      } else if (peek() == '+') {
        least = 1, ++at_;
      } else if (peek() == '?') {
        most = 1, ++at_;
      } else if (peek() == '{') {
        ++at_;
        skip(is_nested);
        least = number();
        skip(is_nested);
        most = least;
        if (peek() == ',') {
          ++at_;
          skip(is_nested);
          most = peek() == '}' ? kUnbounded : number();
          skip(is_nested);
        }
        if (peek() != '}') fail("} was expected");
        ++at_;
        if (least > most) fail("a count whose bounds are reversed");
      } else {
        return;
      }
      RuleNode repeat = {.kind = Kind::kRepeat, .least = least, .most = most};
      repeat.children.push_back(std::move(out.children.back()));
      out.children.back() = std::move(repeat);
      skip(is_nested);
    }
  }

  uint32_t number() {
    uint64_t value = 0;
    if (peek() < '0' || peek() > '9') fail("a number was expected");
    while (peek() >= '0' && peek() <= '9')
      value = std::min<uint64_t>(value * 10 + static_cast<uint64_t>(text_[at_++] - '0'), kUnbounded - 1);
    return static_cast<uint32_t>(value);
  }

  char32_t hex(int digits) {
    char32_t value = 0;
    for (int i = 0; i < digits; ++i) {
      const char c = peek();
      const char lower = static_cast<char>(c | 0x20);
      if (c >= '0' && c <= '9')
        value = value * 16 + static_cast<char32_t>(c - '0');
      else if (lower >= 'a' && lower <= 'f')
        value = value * 16 + static_cast<char32_t>(lower - 'a' + 10);
      else
        fail("a hexadecimal digit was expected");
      ++at_;
    }
    if (value > kLastCodePoint) fail("a code point beyond the last");
    return value;
  }

  char32_t character() {
    if (done() || peek() == '\n') fail("the line ends too early");
    if (peek() != '\\') {
      const utf8::Decoded c = utf8::decode(text_.substr(at_));
      at_ += c.size;
      return c.code_point;
    }
    ++at_;
    const char c = peek();
    ++at_;
    switch (c) {
      case 'x':
        return hex(2);
      case 'u':
        return hex(4);
      case 'U':
        return hex(8);
      case 't':
        return '\t';
      case 'r':
        return '\r';
      case 'n':
        return '\n';
      case '\\':
      case '"':
      case '[':
      case ']':
        return static_cast<char32_t>(c);
      default:
        fail("an escape that stands for nothing");
    }
  }

  void literal(RuleNode& out) {
    ++at_;
    while (peek() != '"') {
      const char32_t c = character();
      out.children.push_back({.kind = Kind::kSet, .set = CodePointSet({{c, c}})});
    }
    ++at_;
  }

  CodePointSet set() {
    ++at_;
    const bool is_negative = peek() == '^';
    if (is_negative) ++at_;
    std::vector<CodePointSet::Range> ranges;
    while (peek() != ']') {
      const char32_t first = character();
      char32_t last = first;
      if (peek() == '-' && peek(1) != ']') {
        ++at_;
        last = character();
      }
      if (first > last) fail("a range whose bounds are reversed");
      ranges.push_back({first, last});
    }
    ++at_;
    CodePointSet out(std::move(ranges));
    return is_negative ? out.complement() : out;
  }

  std::string_view text_;
  size_t at_ = 0;
  int line_ = 1;
  RuleSyntax out_;
  std::map<std::string, uint32_t> ids_;
};

}  // namespace

RuleSyntax parse_gbnf(std::string_view source) { return GbnfParser(source).parse(); }

}  // namespace ferrum::grammar
