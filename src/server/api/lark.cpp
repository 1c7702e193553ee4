#include "server/api/lark.h"

#include <array>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/numbers.h"

namespace ferrum::server {
namespace {

constexpr size_t kMaxPattern = size_t{256} << 10;  // bytes: rules are written out wherever they are used
constexpr int kMaxDepth = 100;                     // of groups and rules in each other

struct Token {
  enum class Kind {
    kName,
    kString,   // without its quotation marks, escapes as written
    kRegex,    // without its slashes
    kSign,     // one of ( ) [ ] | ? * + ~ : , .. ->
    kCommand,  // %import, %ignore, …
    kEnd,
  };
  Kind kind = Kind::kEnd;
  std::string text;
  std::string flags;         // behind a string or a regular expression
  bool begins_line = false;  // nothing but space precedes it there

  bool is(std::string_view sign) const { return kind == Kind::kSign && text == sign; }
};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name_character(char c) { return is_letter(c) || (c >= '0' && c <= '9'); }

std::vector<Token> tokens_of(std::string_view text) {
  std::vector<Token> tokens;
  bool begins_line = true;
  size_t at = 0;
  const auto run = [&](auto belongs) {
    const size_t begin = at;
    while (at < text.size() && belongs(text[at])) ++at;
    return std::string(text.substr(begin, at - begin));
  };
  const auto add = [&](Token::Kind kind, std::string what) {
    tokens.push_back({.kind = kind, .text = std::move(what), .flags = {}, .begins_line = begins_line});
    begins_line = false;
  };
  // Up to a delimiter that no backslash precedes.
  const auto quoted = [&](char end) {
    const size_t begin = ++at;
    while (at < text.size() && text[at] != end && text[at] != '\n') at += text[at] == '\\' ? 2 : 1;
    if (at >= text.size() || text[at] != end)
      fail(ErrorCode::kBadArgument, "{} is not closed", in_quotes(text.substr(begin - 1, 40)));
    return std::string(text.substr(begin, at++ - begin));
  };
  while (at < text.size()) {
    const std::string_view rest = text.substr(at);
    const char c = text[at];
    if (c == '\n') {
      begins_line = true;
      ++at;
    } else if (c == ' ' || c == '\t' || c == '\r') {
      ++at;
    } else if (rest.starts_with("//") || c == '#') {
      run([](char x) { return x != '\n'; });
    } else if (is_letter(c)) {
      add(Token::Kind::kName, run(is_name_character));
    } else if (c >= '0' && c <= '9') {
      add(Token::Kind::kName, run([](char x) { return x >= '0' && x <= '9'; }));
    } else if (c == '%') {
      ++at;
      add(Token::Kind::kCommand, "%" + run(is_name_character));
    } else if (c == '"' || c == '/') {
      const std::string inner = quoted(c);
      add(c == '"' ? Token::Kind::kString : Token::Kind::kRegex, inner);
      tokens.back().flags = run(is_letter);
    } else {
      const std::string_view sign =
          rest.starts_with("..") || rest.starts_with("->") ? rest.substr(0, 2) : rest.substr(0, 1);
      if (sign.size() == 1 && std::string_view("()[]|?*+~:,.!-").find(c) == std::string_view::npos)
        fail(ErrorCode::kBadArgument, "{} is not supported", in_quotes(rest.substr(0, 20)));
      at += sign.size();
      add(Token::Kind::kSign, std::string(sign));
    }
  }
  tokens.push_back({.kind = Token::Kind::kEnd, .text = {}, .flags = {}, .begins_line = true});
  return tokens;
}

// Terminals of Lark's module `common`.
std::optional<std::string_view> common_terminal(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 18> kAll = {{
      {"DIGIT", "[0-9]"},
      {"HEXDIGIT", "[0-9A-Fa-f]"},
      {"INT", "[0-9]+"},
      {"SIGNED_INT", "[+-]?[0-9]+"},
      {"DECIMAL", R"((?:[0-9]+\.[0-9]*|\.[0-9]+))"},
      {"FLOAT", R"((?:[0-9]+[eE][+-]?[0-9]+|(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?))"},
      {"NUMBER", R"((?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"},
      {"SIGNED_NUMBER", R"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"},
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
  }};
  for (const auto& [known, pattern] : kAll)
    if (known == name) return pattern;
  if (name == "NEWLINE") return R"((?:\r?\n)+)";
  return std::nullopt;
}

// A string's characters as themselves; its escapes mean the same in a pattern.
std::string literal_pattern(const std::string& text) {
  std::string pattern;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      const char next = text[++i];
      pattern += next == '"' || next == '\'' ? std::string(1, next) : std::string{'\\', next};
    } else {
      if (std::string_view("\\^$.*+?()[]{}|/").find(text[i]) != std::string_view::npos) pattern += '\\';
      pattern += text[i];
    }
  }
  return pattern;
}

class Expander {
 public:
  explicit Expander(std::string_view grammar) : tokens_(tokens_of(grammar)) {
    while (peek().kind != Token::Kind::kEnd) {
      if (peek().kind == Token::Kind::kCommand)
        command();
      else
        rule();
    }
  }

  std::string pattern() { return of_rule("start"); }

 private:
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

  // Whether a rule or a command begins here: "name:", "name.2:", "?name:".
  bool is_at_statement() const {
    const Token& token = peek();
    if (token.kind == Token::Kind::kEnd || token.kind == Token::Kind::kCommand) return true;
    size_t name = 0;
    while (peek(name).is("!") || (peek(name).is("?") && peek(name).begins_line)) ++name;
    if (peek(name).kind != Token::Kind::kName) return false;
    return peek(name + 1).is(":") || (peek(name + 1).is(".") && peek(name + 3).is(":"));
  }

  void command() {
    const std::string name = next().text;
    if (name != "%import") fail(ErrorCode::kBadArgument, "{} is not supported", name);
    // %import common.LF, and %import common (LF, INT)
    if (next().text != "common") fail(ErrorCode::kBadArgument, "%import: only `common` is known");
    const bool several = !take(".");
    if (several && !take("(")) fail(ErrorCode::kBadArgument, "%import common: a name is missing");
    do {
      const std::string terminal = next().text;
      const std::optional<std::string_view> pattern = common_terminal(terminal);
      if (!pattern) fail(ErrorCode::kBadArgument, "%import: common has no {} here", in_quotes(terminal));
      const bool renamed = take("->");
      patterns_[renamed ? next().text : terminal] = std::string(*pattern);
    } while (several && take(","));
    if (several && !take(")")) fail(ErrorCode::kBadArgument, "%import common: ) is missing");
  }

  void rule() {
    if (!is_at_statement())
      fail(ErrorCode::kBadArgument, "a rule was expected at {}", in_quotes(peek().text));
    while (peek().is("!") || peek().is("?")) next();
    const std::string name = next().text;
    if (take(".")) next();  // a priority
    next();                 // the colon
    if (!rules_.emplace(name, at_).second)
      fail(ErrorCode::kBadArgument, "there are two rules {}", in_quotes(name));
    while (!is_at_statement()) next();
  }

  std::string of_rule(const std::string& name) {
    if (const auto known = patterns_.find(name); known != patterns_.end()) return known->second;
    const auto rule = rules_.find(name);
    if (rule == rules_.end()) fail(ErrorCode::kBadArgument, "there is no rule {}", in_quotes(name));
    if (!open_.insert(name).second)
      fail(ErrorCode::kBadArgument, "the rule {} contains itself, which no regular expression can say",
           in_quotes(name));
    const size_t back = std::exchange(at_, rule->second);
    const std::string pattern = group(alternatives());
    if (!is_at_statement())
      fail(ErrorCode::kBadArgument, "the rule {} is not understood at {}", in_quotes(name),
           in_quotes(peek().text));
    at_ = back;
    open_.erase(name);
    patterns_[name] = pattern;
    return pattern;
  }

  static std::string group(const std::string& pattern) { return "(?:" + pattern + ")"; }

  std::string alternatives() {
    if (++depth_ > kMaxDepth)
      fail(ErrorCode::kBadArgument, "groups and rules are nested more than {} deep", kMaxDepth);
    std::string pattern;
    do {
      if (!pattern.empty()) pattern += '|';
      pattern += sequence();
      if (pattern.size() > kMaxPattern)
        fail(ErrorCode::kBadArgument, "the grammar is longer than {} bytes as a regular expression",
             kMaxPattern);
    } while (take("|"));
    --depth_;
    return pattern;
  }

  std::string sequence() {
    std::string pattern;
    while (!is_at_statement() && !peek().is("|") && !peek().is(")") && !peek().is("]")) {
      if (take("->")) {  // an alias
        next();
        break;
      }
      pattern += repeated(item());
      if (pattern.size() > kMaxPattern) break;
    }
    return pattern.empty() ? "(?:)" : pattern;
  }

  std::string item() {
    const Token token = next();
    if (token.is("(") || token.is("[")) {
      const std::string inner = group(alternatives());
      if (!take(token.is("(") ? ")" : "]")) fail(ErrorCode::kBadArgument, "{} is not closed", token.text);
      return token.is("(") ? inner : inner + "?";
    }
    if (!token.flags.empty())
      fail(ErrorCode::kBadArgument, "the flags {} of {} are not supported", in_quotes(token.flags),
           in_quotes(token.text));
    switch (token.kind) {
      case Token::Kind::kName:
        return of_rule(token.text);
      case Token::Kind::kRegex:
        return group(token.text);
      case Token::Kind::kString:
        if (take("..")) return "[" + literal_pattern(token.text) + "-" + literal_pattern(next().text) + "]";
        return group(literal_pattern(token.text));
      default:
        fail(ErrorCode::kBadArgument, "{} is not understood", in_quotes(token.text));
    }
  }

  // Groups make it safe to repeat an item.
  std::string repeated(const std::string& item) {
    if (peek().is("?") && !peek().begins_line) {
      next();
      return group(item) + "?";
    }
    if (take("*")) return group(item) + "*";
    if (take("+")) return group(item) + "+";
    if (!take("~")) return item;
    const std::string least = number();
    return group(item) + "{" + least + (take("..") ? "," + number() : "") + "}";
  }

  std::string number() {
    const std::string text = next().text;
    if (!whole_number<uint32_t>(text))
      fail(ErrorCode::kBadArgument, "~ needs a number, not {}", in_quotes(text));
    return text;
  }

  const std::vector<Token> tokens_;
  size_t at_ = 0;
  std::map<std::string, size_t> rules_;          // where they begin
  std::map<std::string, std::string> patterns_;  // of rules and terminals that are known
  std::set<std::string> open_;                   // rules that are being written out
  int depth_ = 0;
};

}  // namespace

std::string pattern_of_lark(std::string_view grammar) { return Expander(grammar).pattern(); }

}  // namespace ferrum::server
