#include <algorithm>
#include <optional>
#include <set>

#include "base/utf8.h"
#include "grammar/refusal.h"
#include "grammar/regex.h"

namespace ferrum::grammar {

uint32_t Regex::add(RegexNode node) {
  nodes.push_back(std::move(node));
  return static_cast<uint32_t>(nodes.size() - 1);
}

uint32_t Regex::add_set(CodePointSet set) {
  auto same = std::find(sets.begin(), sets.end(), set);
  if (same == sets.end()) same = sets.insert(sets.end(), std::move(set));
  return add({.kind = RegexNode::Kind::kSet, .set = static_cast<uint32_t>(same - sets.begin())});
}

uint32_t Regex::add_repeat(uint32_t child, uint32_t least, uint32_t most) {
  return add({.kind = RegexNode::Kind::kRepeat, .least = least, .most = most, .children = {child}});
}

uint32_t Regex::add_list(RegexNode::Kind kind, std::vector<uint32_t> children) {
  if (children.size() == 1) return children[0];
  return add({.kind = children.empty() ? RegexNode::Kind::kEmpty : kind, .children = std::move(children)});
}

namespace {

struct SyntaxMistake {
  std::string text;
};

constexpr std::u32string_view kSyntaxCharacters = U"^$\\.*+?()[]{}|";
constexpr int kMaxDepth = 200;

class RegexParser {
 public:
  RegexParser(std::u32string_view text, bool has_flag_u, const std::string& path)
      : text_(text), unicode_(has_flag_u), path_(path) {
    out_.has_code_units = !unicode_;
    count_groups();
  }

  Regex parse() {
    out_.root = alternatives(0);
    if (at_ < text_.size()) throw SyntaxMistake{"an unmatched )"};
    return std::move(out_);
  }

 private:
  using Kind = RegexNode::Kind;

  bool done() const { return at_ >= text_.size(); }
  char32_t peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : 0; }
  bool take(char32_t c) {
    if (done() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool take(std::u32string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  [[noreturn]] void refuse(const std::string& what) const {
    throw Refusal("pattern", path_, what + " cannot be matched by a finite automaton");
  }

  // Backreferences and \k depend on groups that may come later.
  void count_groups() {
    bool in_class = false;
    for (size_t i = 0; i < text_.size(); ++i) {
      if (text_[i] == '\\') {
        ++i;
      } else if (text_[i] == '[') {
        in_class = true;
      } else if (text_[i] == ']') {
        in_class = false;
      } else if (text_[i] == '(' && !in_class) {
        const bool is_named = text_.substr(i + 1, 2) == U"?<" && i + 3 < text_.size() &&
                              text_[i + 3] != '=' && text_[i + 3] != '!';
        if (is_named) has_names_ = true;
        if (is_named || i + 1 >= text_.size() || text_[i + 1] != '?') ++groups_;
      }
    }
  }

  uint32_t alternatives(int depth) {
    if (depth > kMaxDepth) throw Refusal("pattern", path_, "groups are nested too deeply");
    std::vector<uint32_t> list = {sequence(depth)};
    while (take('|')) list.push_back(sequence(depth));
    return out_.add_list(Kind::kAlternatives, std::move(list));
  }

  uint32_t sequence(int depth) {
    std::vector<uint32_t> list;
    while (!done() && peek() != '|' && peek() != ')') list.push_back(term(depth));
    return out_.add_list(Kind::kConcatenation, std::move(list));
  }

  uint32_t term(int depth) {
    bool may_repeat = true;
    const uint32_t one = atom(depth, may_repeat);
    uint32_t least = 0, most = 0;
    if (!quantifier(least, most)) return one;
    if (!may_repeat) throw SyntaxMistake{"a quantifier behind an assertion"};
    return out_.add_repeat(one, least, most);
  }

  bool quantifier(uint32_t& least, uint32_t& most) {
    if (take('*')) {
      least = 0, most = kUnbounded;
    } else if (take('+')) {
      least = 1, most = kUnbounded;
    } else if (take('?')) {
      least = 0, most = 1;
    } else if (!counts(least, most)) {
      return false;
    }
    take('?');  // laziness changes what is captured, not what matches
    return true;
  }

  bool counts(uint32_t& least, uint32_t& most) {
    const size_t start = at_;
    if (!take('{')) return false;
    const std::optional<uint32_t> first = number();
    std::optional<uint32_t> last = first;
    if (first && take(',')) last = peek() == '}' ? kUnbounded : number();
    if (!first || !last || !take('}')) {
      if (unicode_) throw SyntaxMistake{"a lone {"};
      at_ = start;
      return false;
    }
    if (*first > *last) throw SyntaxMistake{"a count whose bounds are reversed"};
    least = *first, most = *last;
    return true;
  }

  std::optional<uint32_t> number() {
    if (peek() < '0' || peek() > '9') return std::nullopt;
    uint64_t value = 0;
    while (peek() >= '0' && peek() <= '9')
      value = std::min<uint64_t>(value * 10 + (text_[at_++] - '0'), kUnbounded - 1);
    return static_cast<uint32_t>(value);
  }

  uint32_t atom(int depth, bool& may_repeat) {
    const char32_t c = text_[at_++];
    switch (c) {
      case '^':
        may_repeat = false;
        return out_.add({.kind = Kind::kBegin});
      case '$':
        may_repeat = false;
        return out_.add({.kind = Kind::kEnd});
      case '.':
        return out_.add_set(sets::any_but_line_ends());
      case '(':
        return group(depth, may_repeat);
      case '[':
        return out_.add_set(character_class());
      case '\\':
        return escape(may_repeat);
      case '*':
      case '+':
      case '?':
        throw SyntaxMistake{"a quantifier behind nothing"};
      case '{':
        if (unicode_) throw SyntaxMistake{"a lone {"};
        {
          --at_;
          uint32_t least = 0, most = 0;
          if (counts(least, most)) throw SyntaxMistake{"a quantifier behind nothing"};
          ++at_;
        }
        return literal(c);
      case ']':
      case '}':
        if (unicode_) throw SyntaxMistake{"a lone bracket"};
        return literal(c);
      default:
        return literal(c);
    }
  }

  uint32_t literal(char32_t c) {
    if (unicode_ || c <= 0xFFFF) return out_.add_set(CodePointSet({{c, c}}));
    const char32_t high = 0xD800 + ((c - 0x10000) >> 10), low = 0xDC00 + ((c - 0x10000) & 0x3FF);
    const std::vector<uint32_t> pair = {out_.add_set(CodePointSet({{high, high}})),
                                        out_.add_set(CodePointSet({{low, low}}))};
    return out_.add_list(Kind::kConcatenation, pair);
  }

  uint32_t group(int depth, bool& may_repeat) {
    RegexNode look = {.kind = Kind::kLook};
    bool is_look = false;
    if (take(U"?:")) {
    } else if (take(U"?=") || take(U"?!")) {
      is_look = true;
      look.is_negative = text_[at_ - 1] == '!';
      may_repeat = !unicode_;
    } else if (take(U"?<=") || take(U"?<!")) {
      is_look = true;
      look.is_ahead = false;
      look.is_negative = text_[at_ - 1] == '!';
      may_repeat = false;
    } else if (take(U"?<")) {
      if (!names_.insert(group_name()).second) throw SyntaxMistake{"two groups of one name"};
    } else if (peek() == '?') {
      throw SyntaxMistake{"a group that begins with ?"};
    }
    const uint32_t body = alternatives(depth + 1);
    if (!take(')')) throw SyntaxMistake{"an unmatched ("};
    if (!is_look) return body;
    look.children = {body};
    return out_.add(std::move(look));
  }

  std::u32string group_name() {
    std::u32string name;
    while (!done() && peek() != '>') {
      const char32_t c = text_[at_++];
      const bool letter =
          (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' || c > 0x7F;
      if (!letter && (name.empty() || c < '0' || c > '9')) throw SyntaxMistake{"a group's name"};
      name += c;
    }
    if (!take('>') || name.empty()) throw SyntaxMistake{"a group's name"};
    return name;
  }

  uint32_t escape(bool& may_repeat) {
    if (done()) throw SyntaxMistake{"a \\ at the end"};
    if (take('b')) return may_repeat = false, out_.add({.kind = Kind::kWordEdge});
    if (take('B')) return may_repeat = false, out_.add({.kind = Kind::kNoWordEdge});
    if (peek() == 'k' && (unicode_ || has_names_)) refuse("a backreference");
    if (peek() >= '1' && peek() <= '9') {
      const size_t start = at_;
      const uint32_t group = *number();
      if (group <= groups_) refuse("a backreference");
      if (unicode_) throw SyntaxMistake{"a backreference to no group"};
      at_ = start;
    }
    if (const auto set = class_escape()) return out_.add_set(*set);
    return literal(character_escape(false));
  }

  // \d, \w, \s, \p and their complements.
  std::optional<CodePointSet> class_escape() {
    const char32_t c = peek();
    std::optional<CodePointSet> set;
    if (c == 'd' || c == 'D') set = sets::digits();
    if (c == 'w' || c == 'W') set = sets::word();
    if (c == 's' || c == 'S') set = sets::white_space();
    if ((c == 'p' || c == 'P') && unicode_) {
      ++at_;
      set = property();
      return c == 'P' ? set->complement() : *set;
    }
    if (!set) return std::nullopt;
    ++at_;
    return c < 'a' ? set->complement() : *set;
  }

  CodePointSet property() {
    if (!take('{')) throw SyntaxMistake{"\\p without {"};
    std::string name, value;
    std::string* part = &name;
    while (!done() && peek() != '}') {
      const char32_t c = text_[at_++];
      if (c == '=' && part == &name) {
        part = &value;
        continue;
      }
      if (!(c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')))
        throw SyntaxMistake{"a property's name"};
      *part += static_cast<char>(c);
    }
    if (!take('}')) throw SyntaxMistake{"\\p without }"};
    if (part == &value && value.empty()) throw SyntaxMistake{"a property's name"};
    std::optional<CodePointSet> set = sets::property(name, value);
    if (!set)
      throw Refusal("pattern", path_,
                    "the Unicode property " + name + (value.empty() ? "" : "=" + value) +
                        " is not among those known here (general categories, Any, ASCII, Assigned)");
    return *set;
  }

  std::optional<uint32_t> hex(size_t digits) {
    uint32_t value = 0;
    for (size_t i = 0; i < digits; ++i) {
      const char32_t c = peek(i);
      if (c >= '0' && c <= '9')
        value = value * 16 + (c - '0');
      else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f' && c < 0x80)
        value = value * 16 + ((c | 0x20) - 'a' + 10);
      else
        return std::nullopt;
    }
    at_ += digits;
    return value;
  }

  char32_t character_escape(bool in_class) {
    const char32_t c = text_[at_++];
    switch (c) {
      case 't':
        return '\t';
      case 'n':
        return '\n';
      case 'v':
        return '\v';
      case 'f':
        return '\f';
      case 'r':
        return '\r';
      case 'c':
        return control_escape(in_class);
      case '0':
        if (peek() < '0' || peek() > '9') return 0;
        [[fallthrough]];
      case '1':
      case '2':
      case '3':
      case '4':
      case '5':
      case '6':
      case '7': {
        if (unicode_) throw SyntaxMistake{"an octal escape"};
        char32_t value = c - '0';
        for (int more = c <= '3' ? 2 : 1; more > 0 && peek() >= '0' && peek() <= '7'; --more)
          value = value * 8 + (text_[at_++] - '0');
        return value;
      }
      case 'x':
        if (const auto value = hex(2)) return *value;
        if (unicode_) throw SyntaxMistake{"\\x without two digits"};
        return c;
      case 'u':
        return unicode_escape();
      case '-':
        if (unicode_ && in_class) return c;
        break;
      case '/':
        return c;
      default:
        break;
    }
    if (unicode_ && kSyntaxCharacters.find(c) == std::u32string_view::npos)
      throw SyntaxMistake{"an escape that stands for nothing"};
    if (!unicode_ && c == 'k' && has_names_) throw SyntaxMistake{"\\k"};
    return c;
  }

  char32_t control_escape(bool in_class) {
    const char32_t c = peek();
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool more = !unicode_ && in_class && ((c >= '0' && c <= '9') || c == '_');
    if (letter || more) return ++at_, c % 32;
    if (unicode_) throw SyntaxMistake{"\\c without a letter"};
    --at_;  // the backslash stands for itself, the c is read again
    return '\\';
  }

  char32_t unicode_escape() {
    if (const auto value = hex(4)) {
      if (!unicode_ || *value < 0xD800 || *value > 0xDBFF) return *value;
      const size_t start = at_;
      if (take(U"\\u")) {
        const auto low = hex(4);
        if (low && *low >= 0xDC00 && *low <= 0xDFFF)
          return 0x10000 + ((*value - 0xD800) << 10) + (*low - 0xDC00);
      }
      at_ = start;
      return *value;
    }
    if (!unicode_) return 'u';
    if (!take('{')) throw SyntaxMistake{"\\u without digits"};
    char32_t value = 0;
    size_t digits = 0;
    for (std::optional<uint32_t> digit; (digit = hex(1)); ++digits)
      if ((value = value * 16 + *digit) > kLastCodePoint) throw SyntaxMistake{"a code point beyond the last"};
    if (digits == 0 || !take('}')) throw SyntaxMistake{"\\u without digits"};
    return value;
  }

  CodePointSet character_class() {
    const bool is_negative = take('^');
    std::vector<CodePointSet::Range> ranges;
    while (!take(']')) {
      if (done()) throw SyntaxMistake{"an unmatched ["};
      std::optional<CodePointSet> first_set;
      const char32_t first = class_atom(first_set);
      if (peek() != '-' || peek(1) == ']' || at_ + 1 >= text_.size()) {
        append(ranges, first, first, first_set);
        continue;
      }
      ++at_;
      std::optional<CodePointSet> last_set;
      const char32_t last = class_atom(last_set);
      if (first_set || last_set) {
        if (unicode_) throw SyntaxMistake{"a range whose end is a class"};
        append(ranges, first, first, first_set);
        append(ranges, last, last, last_set);
        ranges.push_back({'-', '-'});
        continue;
      }
      if (first > last) throw SyntaxMistake{"a range whose bounds are reversed"};
      ranges.push_back({first, last});
    }
    CodePointSet set(std::move(ranges));
    return is_negative ? set.complement() : set;
  }

  static void append(std::vector<CodePointSet::Range>& ranges, char32_t first, char32_t last,
                     const std::optional<CodePointSet>& set) {
    if (set)
      ranges.insert(ranges.end(), set->ranges().begin(), set->ranges().end());
    else
      ranges.push_back({first, last});
  }

  char32_t class_atom(std::optional<CodePointSet>& set) {
    const char32_t c = text_[at_++];
    if (c != '\\') {
      if (!unicode_ && c > 0xFFFF) refuse("a character beyond U+FFFF in a class without the flag u");
      return c;
    }
    if (done()) throw SyntaxMistake{"a \\ at the end"};
    if (take('b')) return '\b';
    if ((set = class_escape())) return 0;
    if (unicode_ && peek() >= '1' && peek() <= '9') throw SyntaxMistake{"an octal escape"};
    return character_escape(true);
  }

  std::u32string_view text_;
  bool unicode_;
  const std::string& path_;
  Regex out_;
  size_t at_ = 0;
  uint32_t groups_ = 0;
  bool has_names_ = false;
  std::set<std::u32string> names_;
};

}  // namespace

Regex parse_regex(std::string_view pattern, const std::string& path) {
  std::u32string text;
  for (std::string_view rest = pattern; !rest.empty();) {
    const utf8::Decoded c = utf8::decode(rest);
    if (!c.valid) throw Refusal("pattern", path, "it is no UTF-8");
    text += c.code_point;
    rest.remove_prefix(c.size);
  }
  try {
    return RegexParser(text, true, path).parse();
  } catch (const SyntaxMistake&) {
  }
  try {
    return RegexParser(text, false, path).parse();
  } catch (const SyntaxMistake& mistake) {
    throw Refusal("pattern", path, in_quotes(pattern) + " is no regular expression: " + mistake.text);
  }
}

}  // namespace ferrum::grammar
