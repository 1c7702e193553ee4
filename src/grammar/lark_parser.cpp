#include "grammar/lark_parser.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <utility>

#include "base/numbers.h"
#include "base/utf8.h"
#include "grammar/lark_tokens.h"
#include "grammar/python_regex.h"

namespace ferrum::grammar {
namespace {

using Token = LarkToken;
using Kind = RuleNode::Kind;

constexpr int kMaxDepth = 200;  // of groups in each other

// Terminals of Lark's module `common`, as regular expressions of ECMA.
constexpr std::pair<std::string_view, std::string_view> kCommon[] = {
    {"DIGIT", "[0-9]"},
    {"HEXDIGIT", "[0-9A-Fa-f]"},
    {"INT", "[0-9]+"},
    {"SIGNED_INT", "[+\\-]?[0-9]+"},
    {"DECIMAL", R"((?:[0-9]+\.[0-9]*|\.[0-9]+))"},
    {"FLOAT", R"((?:[0-9]+[eE][+\-]?[0-9]+|(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][+\-]?[0-9]+)?))"},
    {"SIGNED_FLOAT", R"([+\-]?(?:[0-9]+[eE][+\-]?[0-9]+|(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][+\-]?[0-9]+)?))"},
    {"NUMBER", R"((?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+\-]?[0-9]+)?)"},
    {"SIGNED_NUMBER", R"([+\-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+\-]?[0-9]+)?)"},
    {"LCASE_LETTER", "[a-z]"},
    {"UCASE_LETTER", "[A-Z]"},
    {"LETTER", "[A-Za-z]"},
    {"WORD", "[A-Za-z]+"},
    {"CNAME", "[A-Za-z_][A-Za-z0-9_]*"},
    {"ESCAPED_STRING", R"("(?:[^"\\\n]|\\[^\n])*")"},
    {"WS_INLINE", R"([ \t]+)"},
    {"WS", R"([ \t\f\r\n]+)"},
    {"CR", R"(\r)"},
    {"LF", R"(\n)"},
    {"NEWLINE", R"((?:\r?\n)+)"},
    {"SH_COMMENT", R"(#[^\n]*)"},
    {"CPP_COMMENT", R"(\/\/[^\n]*)"},
    {"C_COMMENT", R"(\/\*(?:[^*]|\*+[^*\/])*\*+\/)"},
    {"SQL_COMMENT", R"(--[^\n]*)"},
    {"_EXP", R"([eE][+\-]?[0-9]+)"},
};

bool is_terminal(std::string_view name) {
  const auto letter = std::ranges::find_if(name, [](char c) { return c != '_'; });
  return letter != name.end() && *letter >= 'A' && *letter <= 'Z';
}

class LarkParser {
 public:
  LarkParser(std::string_view source, const Limits& limits) : tokens_(lark_tokens(source)), limits_(limits) {
    ignored_ = id_of("%ignore", 0);
    out_.rules[ignored_].is_defined = true;
    out_.rules[ignored_].body = {.kind = Kind::kRepeat, .children = {{.kind = Kind::kAlternatives}}};
  }

  RuleSyntax parse() {
    while (peek().kind != Token::Kind::kEnd) {
      if (peek().kind == Token::Kind::kCommand)
        command();
      else
        definition();
    }
    const auto start = ids_.find("start");
    if (start == ids_.end() || !out_.rules[start->second].is_defined)
      throw Refusal("start", "", "the grammar has no rule start");
    for (const RuleSyntax::Definition& rule : out_.rules)
      if (!rule.is_defined) throw Refusal(rule.name, at_line(rule.line), "no rule has this name");
    for (const auto& [name, id] : ids_)
      if (is_terminal(name)) check_terminal(id, 0);
    const bool ignores = !out_.rules[ignored_].body.children[0].children.empty();
    if (!ignores) out_.rules[ignored_].body = {};
    // What is ignored may also come at the end.
    out_.root = start->second;
    if (!ignores) return std::move(out_);
    RuleNode whole;
    whole.children = {{.kind = Kind::kRule, .rule = start->second}, {.kind = Kind::kRule, .rule = ignored_}};
    out_.root = static_cast<uint32_t>(out_.rules.size());
    out_.rules.push_back({"start", out_.rules[start->second].line, true, std::move(whole)});
    return std::move(out_);
  }

 private:
  static std::string at_line(int line) { return "line " + std::to_string(line); }
  [[noreturn]] void refuse(const std::string& what) const { refuse("grammar", what); }
  [[noreturn]] void refuse(const std::string& construct, const std::string& what) const {
    throw Refusal(construct, at_line(peek().line), what);
  }

  const Token& peek(size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  const Token& next() {
    const Token& token = peek();
    at_ = std::min(at_ + 1, tokens_.size() - 1);
    return token;
  }
  bool take(std::string_view sign) {
    if (!peek().is(sign)) return false;
    next();
    return true;
  }
  void expect(std::string_view sign) {
    if (!take(sign)) refuse(fmt::format("{} was expected, not {}", sign, in_quotes(peek().text)));
  }
  std::string name() {
    if (peek().kind != Token::Kind::kName) refuse("a name was expected, not " + in_quotes(peek().text));
    return next().text;
  }

  uint32_t id_of(const std::string& name, int line) {
    const auto [place, is_new] = ids_.emplace(name, static_cast<uint32_t>(out_.rules.size()));
    if (is_new) out_.rules.push_back({name, line, false, {}});
    return place->second;
  }

  void define(const std::string& name, RuleNode body) {
    RuleSyntax::Definition& rule = out_.rules[id_of(name, peek().line)];
    if (rule.is_defined) refuse(name, "there are two rules of this name");
    rule.body = std::move(body);
    rule.is_defined = true;
  }

  // A terminal is what one token may be: it cannot contain itself.
  void check_terminal(uint32_t rule, int depth) {
    if (depth > kMaxDepth)
      throw Refusal(out_.rules[rule].name, at_line(out_.rules[rule].line), "the terminal contains itself");
    const auto visit = [&](const auto& self, const RuleNode& node) -> void {
      if (node.kind == Kind::kRule) check_terminal(node.rule, depth + 1);
      for (const RuleNode& child : node.children) self(self, child);
    };
    if (checked_[rule]) return;
    visit(visit, out_.rules[rule].body);
    checked_[rule] = true;
  }

  // Whether a rule or a command begins here: "name:", "name.2:", "?name:".
  bool is_at_statement() const {
    const Token& token = peek();
    if (token.kind == Token::Kind::kEnd || token.kind == Token::Kind::kCommand) return true;
    size_t name = 0;
    while (peek(name).is("!") || (peek(name).is("?") && peek(name).begins_line)) ++name;
    if (peek(name).kind != Token::Kind::kName) return false;
    size_t behind = name + 1;
    if (peek(behind).is("{") && peek(name).begins_line)  // a template
      while (!peek(behind).is("}") && peek(behind).kind != Token::Kind::kEnd) ++behind;
    if (peek(behind).is("}")) ++behind;
    if (peek(behind).is(":")) return true;
    return peek(behind).is(".") && (peek(behind + 2).is(":") || peek(behind + 3).is(":"));
  }

  void command() {
    const Token& token = next();
    if (token.text == "%import") {
      import();
    } else if (token.text == "%ignore") {
      in_terminal_ = true;
      RuleNode body = alternatives(0);
      in_terminal_ = false;
      out_.rules[ignored_].body.children[0].children.push_back(std::move(body));
      if (!is_at_statement()) refuse("%ignore", "it is not understood at " + in_quotes(peek().text));
    } else {
      throw Refusal(token.text, at_line(token.line), "this directive is not supported");
    }
  }

  // %import common.LF, and %import common (LF, INT)
  void import() {
    std::string module = take(".") ? "." : "";
    module += name();
    if (module != "common")
      refuse("%import", fmt::format("only `common` is known, not {}", in_quotes(module)));
    const bool several = !take(".");
    if (several) expect("(");
    do {
      const std::string terminal = name();
      const auto known =
          std::ranges::find(kCommon, terminal, &std::pair<std::string_view, std::string_view>::first);
      if (known == std::end(kCommon)) refuse("%import", "common has no " + in_quotes(terminal) + " here");
      RuleNode body = {.kind = Kind::kPattern,
                       .pattern = std::make_shared<const Regex>(parse_regex(known->second, ""))};
      define(take("->") ? name() : terminal, std::move(body));
    } while (several && take(","));
    if (several) expect(")");
  }

  void definition() {
    if (!is_at_statement()) refuse("a rule was expected at " + in_quotes(peek().text));
    while (peek().is("!") || peek().is("?")) next();
    const int line = peek().line;
    const std::string rule = name();
    if (peek().is("{")) refuse(rule, "templates are not supported");
    if (take(".")) {  // a priority
      take("-");
      name();
    }
    expect(":");
    in_terminal_ = is_terminal(rule);
    RuleNode body = alternatives(0);
    if (!is_at_statement()) refuse(rule, "the rule is not understood at " + in_quotes(peek().text));
    in_terminal_ = false;
    define(rule, std::move(body));
    out_.rules[ids_.at(rule)].line = line;
  }

  RuleNode alternatives(int depth) {
    if (depth > kMaxDepth) refuse("groups are nested too deeply");
    RuleNode out = {.kind = Kind::kAlternatives};
    do out.children.push_back(sequence(depth));
    while (take("|"));
    return out;
  }

  RuleNode sequence(int depth) {
    RuleNode out;
    while (!is_at_statement() && !peek().is("|") && !peek().is(")") && !peek().is("]")) {
      if (take("->")) {  // an alias
        name();
        break;
      }
      out.children.push_back(repeated(item(depth)));
    }
    return out;
  }

  // In a rule, what is ignored may come in front of each terminal.
  RuleNode token(RuleNode node) const {
    if (in_terminal_) return node;
    RuleNode out;
    out.children = {{.kind = Kind::kRule, .rule = ignored_}, std::move(node)};
    return out;
  }

  RuleNode item(int depth) {
    const Token token = peek();
    if (token.is("(") || token.is("[")) {
      next();
      RuleNode inner = alternatives(depth + 1);
      expect(token.is("(") ? ")" : "]");
      return token.is("(") ? inner : repeat(std::move(inner), 0, 1);
    }
    switch (token.kind) {
      case Token::Kind::kName: {
        next();
        if (peek().is("{")) refuse(token.text, "templates are not supported");
        if (peek().is("[") && !peek().begins_line && tokens_[at_ - 1].line == peek().line &&
            peek(1).kind == Token::Kind::kName && peek(2).is("="))
          refuse(token.text, "attributes are not supported");
        RuleNode called = {.kind = Kind::kRule, .rule = id_of(token.text, token.line)};
        if (in_terminal_ && !is_terminal(token.text)) refuse(token.text, "a terminal cannot contain a rule");
        return is_terminal(token.text) ? this->token(std::move(called)) : called;
      }
      case Token::Kind::kRegex: {
        next();
        RuleNode node = {.kind = Kind::kPattern};
        node.pattern =
            std::make_shared<const Regex>(parse_python_regex(token.text, token.flags, at_line(token.line)));
        return this->token(std::move(node));
      }
      case Token::Kind::kString:
        return this->token(literal());
      default:
        refuse(in_quotes(token.text) + " is not understood");
    }
  }

  // A text, or the characters from one to another.
  RuleNode literal() {
    const Token first = next();
    if (!first.flags.empty() && first.flags != "i")
      refuse("flags",
             fmt::format("{} of {} is not supported", in_quotes(first.flags), in_quotes(first.text)));
    const std::u32string text = unescaped(first);
    if (take("..")) {
      const Token last = next();
      const std::u32string end = last.kind == Token::Kind::kString ? unescaped(last) : U"";
      if (text.size() != 1 || end.size() != 1 || text[0] > end[0])
        refuse("..", "a range goes from one character to a later one");
      return {.kind = Kind::kSet, .set = CodePointSet({{text[0], end[0]}})};
    }
    RuleNode out;
    for (const char32_t c : text) {
      std::vector<CodePointSet::Range> ranges = {{c, c}};
      const char32_t lower = c | 0x20;
      if (first.flags == "i" && lower >= 'a' && lower <= 'z')
        ranges = {{lower, lower}, {lower - 32, lower - 32}};
      if (first.flags == "i" && c >= 0x80) refuse("flags", "i is known for texts in ASCII only");
      out.children.push_back({.kind = Kind::kSet, .set = CodePointSet(std::move(ranges))});
    }
    return out;
  }

  // Escapes are those of Python; before other characters the backslash stands for itself.
  std::u32string unescaped(const Token& token) const {
    std::u32string out;
    std::string_view rest = token.text;
    const auto character = [&] {
      const utf8::Decoded c = utf8::decode(rest);
      rest.remove_prefix(c.size);
      return c.code_point;
    };
    const auto hex = [&](size_t digits) {
      uint32_t value = kFirstSurrogate;
      if (rest.size() >= digits) {
        const char* const end = rest.data() + digits;
        if (std::from_chars(rest.data(), end, value, 16).ptr != end) value = kFirstSurrogate;
      }
      if (value > kLastCodePoint || (value >= kFirstSurrogate && value <= kLastSurrogate))
        refuse(fmt::format("an escape in {} stands for nothing", in_quotes(token.text)));
      rest.remove_prefix(digits);
      out += static_cast<char32_t>(value);
    };
    while (!rest.empty()) {
      const char32_t c = character();
      if (c != '\\' || rest.empty()) {
        out += c;
        continue;
      }
      const char32_t escaped = character();
      constexpr std::u32string_view kNames = U"nrtf\\\"", kMeant = U"\n\r\t\f\\\"";
      if (const size_t at = kNames.find(escaped); at != std::u32string_view::npos) {
        out += kMeant[at];
      } else if (escaped == 'x' || escaped == 'u' || escaped == 'U') {
        hex(escaped == 'x' ? 2 : escaped == 'u' ? 4 : 8);
      } else {
        out += '\\';
        out += escaped;
      }
    }
    return out;
  }

  static RuleNode repeat(RuleNode node, uint32_t least, uint32_t most) {
    RuleNode out = {.kind = Kind::kRepeat, .least = least, .most = most};
    out.children.push_back(std::move(node));
    return out;
  }

  RuleNode repeated(RuleNode node) {
    if (peek().is("?") && !peek().begins_line) {
      next();
      return repeat(std::move(node), 0, 1);
    }
    if (take("*")) return repeat(std::move(node), 0, kUnbounded);
    if (take("+")) return repeat(std::move(node), 1, kUnbounded);
    if (!take("~")) return node;
    const uint32_t least = number();
    const uint32_t most = take("..") ? number() : least;
    if (least > most) refuse("~", "a count whose bounds are reversed");
    return repeat(std::move(node), least, most);
  }

  uint32_t number() {
    const std::string text = next().text;
    const auto value = whole_number<uint32_t>(text);
    if (!value || *value > limits_.max_count) refuse("~", "a count was expected, not " + in_quotes(text));
    return *value;
  }

  const std::vector<Token> tokens_;
  const Limits& limits_;
  size_t at_ = 0;
  bool in_terminal_ = false;
  uint32_t ignored_ = 0;  // the rule of what is ignored
  RuleSyntax out_;
  std::map<std::string, uint32_t> ids_;
  std::map<uint32_t, bool> checked_;
};

}  // namespace

RuleSyntax parse_lark(std::string_view source, const Limits& limits) {
  if (source.size() > limits.max_source_bytes) throw Refusal("grammar", "", "it is too large");
  return LarkParser(source, limits).parse();
}

}  // namespace ferrum::grammar
