// Translates Oniguruma's Ruby syntax (https://github.com/kkos/oniguruma/blob/master/doc/RE) to PCRE2's where
// they differ: \s \w \h \b and their opposites, set operations inside classes, (?m), quantifiers such as {,n}
// and {n,m}+.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/utf8.h"
#include "text/regex.h"

namespace ferrum {
namespace {

// Bodies of PCRE2 classes. PCRE2's own \s contains U+180E, and its \w lacks marks. Oniguruma's \w contains
// the superscripts and fractions of Latin-1 outside of classes only.
constexpr std::string_view kSpace =
    R"(\x09-\x0d\x20\x85\xa0\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";
constexpr std::string_view kNotSpace =
    R"(\x00-\x08\x0e-\x1f\x21-\x{84}\x{86}-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}\x{202a}-\x{202e})"
    R"(\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{10ffff})";
constexpr std::string_view kWord = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc})";
constexpr std::string_view kWordAlone = R"([\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\xb2\xb3\xb9\xbc-\xbe])";
constexpr std::string_view kNotWordAlone = R"([^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\xb2\xb3\xb9\xbc-\xbe])";
constexpr std::string_view kHex = "0-9a-fA-F";
struct NamedClass {
  std::string_view name;  // lower case, without _ - and spaces
  std::string_view body;
};
constexpr std::array<NamedClass, 24> kNamedClasses{{
    {"alpha", R"(\p{Alphabetic})"},
    {"alnum", R"(\p{Alphabetic}\p{Nd})"},
    {"digit", R"(\p{Nd})"},
    {"space", kSpace},
    {"word", kWord},
    {"upper", R"(\p{Uppercase})"},
    {"lower", R"(\p{Lowercase})"},
    {"punct", R"(\p{P})"},
    {"cntrl", R"(\p{Cc})"},
    {"xdigit", kHex},
    {"blank", R"(\x09\p{Zs})"},
    {"ascii", R"(\x00-\x7f)"},
    {"letter", R"(\p{L})"},
    {"uppercaseletter", R"(\p{Lu})"},
    {"lowercaseletter", R"(\p{Ll})"},
    {"titlecaseletter", R"(\p{Lt})"},
    {"modifierletter", R"(\p{Lm})"},
    {"otherletter", R"(\p{Lo})"},
    {"mark", R"(\p{M})"},
    {"number", R"(\p{N})"},
    {"decimalnumber", R"(\p{Nd})"},
    {"punctuation", R"(\p{P})"},
    {"symbol", R"(\p{S})"},
    {"separator", R"(\p{Z})"},
}};

std::optional<std::string_view> named_class(std::string_view name) {
  std::string plain;
  for (const char c : name)
    if (c != '_' && c != '-' && c != ' ')
      plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const NamedClass& known : kNamedClasses)
    if (known.name == plain) return known.body;
  return std::nullopt;
}

// A set of characters: items of a PCRE2 class, and patterns that each match one character but cannot be part
// of a class.
struct CharacterSet {
  std::string items;
  std::vector<std::string> others;

  std::string pattern(bool negated) const {
    if (others.empty() && items.empty()) return negated ? "(?s:.)" : "(?!)";
    const bool is_one_property =
        (items.starts_with("\\p{") || items.starts_with("\\P{")) && items.find('}') + 1 == items.size();
    if (others.empty() && is_one_property && !negated) return items;
    if (others.empty()) return (negated ? "[^" : "[") + items + "]";
    std::string any = items.empty() ? "" : "[" + items + "]|";
    for (const std::string& other : others) any += other + "|";
    any.pop_back();
    return negated ? "(?:(?!" + any + ")(?s:.))" : "(?:" + any + ")";
  }
};

bool is_pcre2_pattern(const std::string& pattern) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                   PCRE2_UTF | PCRE2_UCP, &error, &offset, nullptr);
  pcre2_code_free(code);
  return code != nullptr;
}

class Translator {
 public:
  Translator(std::string_view pattern, std::string_view where) : in_(pattern), where_(where) {}

  std::string translate() {
    while (at_ < in_.size()) item();
    return out_;
  }

 private:
  [[noreturn]] void refuse(std::string_view why) const {
    fail(ErrorCode::kUnsupported, "{}: the regular expression {} does not compile: {}", where_,
         in_quotes(in_, 400), why);
  }

  bool sees(std::string_view text) const { return in_.substr(at_).starts_with(text); }
  bool take(std::string_view text) {
    if (!sees(text)) return false;
    at_ += text.size();
    return true;
  }
  char peek() const { return at_ < in_.size() ? in_[at_] : '\0'; }

  void atom(std::string_view text) {
    atom_ = out_.size();
    out_ += text;
  }

  void item() {
    const char c = in_[at_];
    switch (c) {
      case '\\':
        return escape();
      case '[': {
        ++at_;
        const std::string set = character_class(0);
        return atom(set);
      }
      case '(':
        return open_group();
      case ')':
        ++at_;
        out_ += ')';
        atom_ = groups_.empty() ? 0 : groups_.back();
        if (!groups_.empty()) groups_.pop_back();
        return;
      case '{':
        return braces();
      case '*':
      case '+':
      case '?':
      case '|':
      case '^':
        ++at_;
        out_ += c;
        return;
      default: {
        const size_t size = utf8::decode(in_.substr(at_)).size;
        atom(in_.substr(at_, size));
        at_ += size;
      }
    }
  }

  void open_group() {
    groups_.push_back(out_.size());
    if (sees("(*")) refuse("a verb");
    if (!take("(?")) {
      ++at_;
      out_ += '(';
      return;
    }
    out_ += "(?";
    // Option letters, as in (?i) or (?i-mx:…). Ruby's m lets the dot match line ends, which is PCRE2's s.
    while (at_ < in_.size() && std::string_view("imx-").find(in_[at_]) != std::string_view::npos) {
      out_ += in_[at_] == 'm' ? 's' : in_[at_];
      ++at_;
    }
    if (take("#")) {
      const size_t end = std::min(in_.find(')', at_), in_.size());
      out_ += '#';
      at_ = end;
    } else if (take("<") || take("'")) {
      out_ += in_[at_ - 1];
    } else if (at_ < in_.size() && std::string_view(":=!>").find(in_[at_]) != std::string_view::npos) {
      out_ += in_[at_++];
    } else if (peek() != ')') {
      refuse("an unknown kind of group");
    }
  }

  // {n}, {n,}, {,m} and {n,m} are quantifiers; any other brace is a literal.
  void braces() {
    size_t i = at_ + 1;
    std::string low, high;
    while (i < in_.size() && std::isdigit(static_cast<unsigned char>(in_[i]))) low += in_[i++];
    const bool comma = i < in_.size() && in_[i] == ',';
    if (comma) ++i;
    while (comma && i < in_.size() && std::isdigit(static_cast<unsigned char>(in_[i]))) high += in_[i++];
    if (i >= in_.size() || in_[i] != '}' || (low.empty() && high.empty())) {
      ++at_;
      return atom("\\{");
    }
    at_ = i + 1;
    const std::string repeat = "{" + (low.empty() ? "0" : low) + (comma ? "," + high : "") + "}";
    // {n,m}+ is a quantifier on a quantifier and not a possessive one; so is {n}? (but {n,m}? is lazy).
    if (peek() == '+' || (peek() == '?' && !comma)) {
      out_.insert(atom_, "(?:");
      out_ += repeat + ")";
    } else {
      out_ += repeat;
    }
  }

  // The set that \X denotes inside or outside a class; nullopt if it does not denote one.
  std::optional<CharacterSet> escaped_set(char c) {
    switch (c) {
      case 's':
        return CharacterSet{std::string(kSpace), {}};
      case 'S':
        return CharacterSet{std::string(kNotSpace), {}};
      case 'w':
        return CharacterSet{std::string(kWord), {}};
      case 'W':
        return CharacterSet{"", {"[^" + std::string(kWord) + "]"}};
      case 'h':
        return CharacterSet{std::string(kHex), {}};
      case 'H':
        return CharacterSet{"", {"[^" + std::string(kHex) + "]"}};
      case 'd':
        return CharacterSet{R"(\p{Nd})", {}};
      case 'D':
        return CharacterSet{R"(\P{Nd})", {}};
      case 'p':
      case 'P':
        return property(c == 'P');
      default:
        return std::nullopt;
    }
  }

  CharacterSet property(bool negated) {  // after \p or \P
    if (!take("{")) refuse("\\p without a name in braces");
    if (take("^")) negated = !negated;
    const size_t end = in_.find('}', at_);
    if (end == std::string_view::npos) refuse("\\p without a closing brace");
    const std::string_view name = in_.substr(at_, end - at_);
    at_ = end + 1;
    const auto plain = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == ' ';
    };
    if (!std::all_of(name.begin(), name.end(), plain)) refuse("an unknown property");
    if (const auto body = named_class(name)) {
      if (!negated) return {std::string(*body), {}};
      return {"", {"[^" + std::string(*body) + "]"}};
    }
    // PCRE2 takes the plain name of a script for its script extensions.
    const std::string scripted = "sc:" + std::string(name);
    const bool is_script = name.size() > 2 && is_pcre2_pattern("\\p{" + scripted + "}");
    return {(negated ? "\\P{" : "\\p{") + (is_script ? scripted : std::string(name)) + "}", {}};
  }

  // A character written as an escape: \n, \x41, \x{41}, \u0041. nullopt for anything else.
  std::optional<std::string> escaped_character(char c) {
    const auto hex = [&](size_t most) {
      std::string digits;
      while (digits.size() < most && std::isxdigit(static_cast<unsigned char>(peek()))) digits += in_[at_++];
      return "\\x{" + (digits.empty() ? "0" : digits) + "}";
    };
    switch (c) {
      case 'n':
      case 'r':
      case 't':
      case 'f':
      case 'a':
      case 'e':
        return std::string("\\") + c;
      case 'v':
        return R"(\x0b)";
      case 'u':
        return hex(4);
      case 'x': {
        if (!take("{")) return hex(2);
        std::string code = hex(8);
        if (!take("}")) refuse("\\x{ without a closing brace");
        return code;
      }
      default:
        return std::nullopt;
    }
  }

  // A backslash and a character that has no meaning as an escape.
  std::string escaped_literal(char c) {
    --at_;
    const size_t size = utf8::decode(in_.substr(at_)).size;
    std::string literal(in_.substr(at_, size));
    at_ += size;
    return std::isalnum(static_cast<unsigned char>(c)) || size > 1 ? literal : "\\" + literal;
  }

  void escape() {
    if (at_ + 1 >= in_.size()) refuse("a backslash at its end");
    const char c = in_[at_ + 1];
    at_ += 2;
    if (c == 'w') return atom(kWordAlone);
    if (c == 'W') return atom(kNotWordAlone);
    if (const auto set = escaped_set(c)) return atom(set->pattern(false));
    if (c == 'b' || c == 'B') {
      const std::string word(kWordAlone);
      const std::string border = "(?:(?<=" + word + ")(?!" + word + ")|(?<!" + word + ")(?=" + word + "))";
      out_ += c == 'b' ? border : "(?!" + border + ")";
      return;
    }
    if (const auto character = escaped_character(c)) return atom(*character);
    if (std::string_view("AzZGKRXkg0123456789").find(c) != std::string_view::npos)
      return atom(std::string("\\") + c);
    atom(escaped_literal(c));
  }

  // The text after '['. && intersects sets; everything else in a class is a union.
  std::string character_class(int depth) {
    if (depth > 20) refuse("classes nested too deep");
    const bool negated = take("^");
    std::vector<std::string> met;
    CharacterSet set;
    bool first = true;
    for (;; first = false) {
      if (at_ >= in_.size()) refuse("a class without an end");
      if (!first && take("]")) break;
      if (take("&&")) {
        met.push_back(set.pattern(false));
        set = {};
      } else if (take("[:")) {
        posix_class(set);
      } else if (take("[")) {
        set.others.push_back(character_class(depth + 1));
      } else {
        class_member(set);
      }
    }
    if (met.empty()) return set.pattern(negated);
    std::string all;
    for (const std::string& one : met) all += "(?=" + one + ")";
    all += set.pattern(false);
    return negated ? "(?:(?!" + all + ")(?s:.))" : "(?:" + all + ")";
  }

  void posix_class(CharacterSet& set) {  // after "[:"
    const bool negated = take("^");
    const size_t end = in_.find(":]", at_);
    if (end == std::string_view::npos) refuse("[: without :]");
    const auto body = named_class(in_.substr(at_, end - at_));
    if (!body) refuse("an unknown [:class:]");
    at_ = end + 2;
    if (negated)
      set.others.push_back("[^" + std::string(*body) + "]");
    else
      set.items += *body;
  }

  void class_member(CharacterSet& set) {
    if (peek() == '\\') {
      if (at_ + 1 >= in_.size()) refuse("a backslash at its end");
      const size_t start = at_;
      at_ += 2;
      if (auto escaped = escaped_set(in_[start + 1])) {
        set.items += escaped->items;
        set.others.insert(set.others.end(), escaped->others.begin(), escaped->others.end());
        return;
      }
      at_ = start;
    }
    set.items += class_character();
    // A hyphen between two characters makes a range; before ']' or a set it is a literal.
    if (peek() != '-' || at_ + 1 >= in_.size() || in_[at_ + 1] == ']' || in_[at_ + 1] == '[') return;
    if (in_[at_ + 1] == '\\' && at_ + 2 < in_.size() &&
        std::string_view("sSwWdDhHpP").find(in_[at_ + 2]) != std::string_view::npos)
      return;
    ++at_;
    set.items += '-';
    set.items += class_character();
  }

  std::string class_character() {
    if (peek() != '\\') {
      const size_t size = utf8::decode(in_.substr(at_)).size;
      const std::string_view character = in_.substr(at_, size);
      at_ += size;
      return size == 1 && std::ispunct(static_cast<unsigned char>(character[0]))
                 ? "\\" + std::string(character)
                 : std::string(character);
    }
    if (at_ + 1 >= in_.size()) refuse("a backslash at its end");
    const char c = in_[at_ + 1];
    at_ += 2;
    if (c == 'b') return R"(\x08)";
    if (const auto character = escaped_character(c)) return *character;
    if (c == '0') return R"(\x00)";
    return escaped_literal(c);
  }

  std::string_view in_;
  std::string_view where_;
  size_t at_ = 0;
  std::string out_;
  size_t atom_ = 0;             // where in out_ the last atom begins
  std::vector<size_t> groups_;  // where in out_ the open groups begin
};

}  // namespace

std::string translate_regex(std::string_view pattern, std::string_view where) {
  return Translator(pattern, where).translate();
}

}  // namespace ferrum
