// Translates Oniguruma's Ruby syntax (https://github.com/kkos/oniguruma/blob/master/doc/RE) to PCRE2's where
// they differ: \s \w \h \b \N \O and their opposites, set operations inside classes, (?i), (?m) and (?x),
// quantifiers such as {,n} and {n,m}+, references.
#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <vector>

#include "base/numbers.h"
#include "text/regex.h"
#include "text/regex_caseless.h"
#include "text/regex_classes.h"
#include "text/regex_reader.h"
#include "text/unicode.h"

namespace ferrum {
namespace {

struct Options {
  bool ignores_case = false;
  bool is_extended = false;  // white space and comments count for nothing
};

class Translator {
 public:
  Translator(std::string_view pattern, std::string_view where) : in_(pattern, where) {}

  std::string translate() {
    for (skip_blanks(); !in_.at_end(); skip_blanks()) item();
    return out_ + std::string(root_.isolated, ')');
  }

 private:
  struct Group {
    size_t begin = 0;  // where in out_
    Options options;   // around it
    bool is_look_behind = false;
    size_t isolated = 0;  // groups opened for options that hold up to this group's end, as (?i) in a(?i)b|c
  };

  Group& group() { return groups_.empty() ? root_ : groups_.back(); }

  void atom(std::string_view text) {
    atom_ = out_.size();
    out_ += text;
  }
  void anchor(std::string_view text) {
    atom_.reset();
    out_ += text;
  }

  // Comments, and white space where it counts for nothing.
  void skip_blanks() {
    while (!in_.at_end()) {
      const size_t start = in_.position();
      if (in_.take("(?#")) {
        skip_comment();
      } else if (!options_.is_extended) {
        return;
      } else if (const char32_t c = in_.character(); c == U'#') {
        while (!in_.at_end() && !in_.take("\n")) in_.character();
      } else if (!unicode::is_white_space(c)) {
        in_.go_back(start);
        return;
      }
    }
  }

  void skip_comment() {
    while (!in_.take(")")) {
      in_.take("\\");
      if (in_.at_end()) in_.refuse("a comment without an end");
      in_.character();
    }
  }

  void item() {
    switch (in_.peek()) {
      case '\\':
        return escape();
      case '[': {
        in_.take("[");
        const CharacterSet set = read_class(in_);
        return atom(options_.ignores_case
                        ? caseless_class(set, in_look_behind_ ? Sequences::kNotMatched : Sequences::kMatched)
                        : set.pattern());
      }
      case '(':
        return open_group();
      case ')':
        return close_group();
      case '*':
      case '+':
      case '?':
        return quantifier(std::string(1, in_.take_byte()), Suffix::kAllowed);
      case '{':
        if (const auto repeat = interval()) return quantifier(repeat->text, repeat->suffix);
        return literals();
      case '|':
      case '^':
      case '$':
        return anchor(std::string(1, in_.take_byte()));
      case '.':
        return atom(std::string(1, in_.take_byte()));
      default:
        return literals();
    }
  }

  // ---- characters ----

  // A character that stands for itself or is written as an escape; nullopt for anything else.
  std::optional<char32_t> literal() {
    if (in_.at_end() || in_.sees_one_of("[()*+?|^$.")) return std::nullopt;
    const size_t start = in_.position();
    if (in_.sees("{")) {
      const bool is_interval = interval().has_value();
      in_.go_back(start);
      if (is_interval) return std::nullopt;
    }
    if (!in_.take("\\")) return in_.character();
    if (in_.sees_one_of("sSwWhHdDpPbBAzZGKRXNOyYkg123456789")) {
      in_.go_back(start);
      return std::nullopt;
    }
    return in_.escaped_character();
  }

  bool quantifier_follows() {
    const size_t start = in_.position();
    skip_blanks();
    const bool follows = in_.sees_one_of("*+?") || (in_.sees("{") && interval());
    in_.go_back(start);
    return follows;
  }

  // Under (?i) neighbouring characters may stand for a single one; without it, one at a time will do.
  void literals() {
    std::u32string run;
    for (size_t start = in_.position();; start = in_.position()) {
      const std::optional<char32_t> c = literal();
      if (!c || (!run.empty() && quantifier_follows())) {
        in_.go_back(start);
        break;
      }
      run += *c;
      if (!options_.ignores_case || quantifier_follows()) break;
      skip_blanks();
    }
    atom(options_.ignores_case && !in_look_behind_ ? caseless_literals(run) : spelled(run));
  }

  static std::string spelled(std::u32string_view run) {
    std::string all;
    for (const char32_t c : run) all += spelled_in_pcre2(c);
    return all;
  }

  void escape() {
    const size_t start = in_.position();
    in_.take("\\");
    if (in_.take("w")) return atom(kWordAlone);
    if (in_.take("W")) return atom(kNotWordAlone);
    const bool is_property = in_.sees_one_of("pP");
    if (const auto set = read_escaped_set(in_)) {
      // Later versions of PCRE2 match \p{Lu} without regard to case.
      const bool kept_apart = is_property && options_.ignores_case;
      return atom(kept_apart ? "(?-i:" + set->pattern() + ")" : set->pattern());
    }
    if (in_.sees_one_of("bB")) return word_border(in_.take_byte() == 'b');
    if (in_.sees_one_of("AzZGK")) return anchor(std::string("\\") + in_.take_byte());
    if (in_.sees_one_of("RX")) return atom(std::string("\\") + in_.take_byte());
    if (in_.take("N")) return atom("[^\\n]");
    if (in_.take("O")) return atom("(?s:.)");
    if (in_.sees_one_of("yY"))
      in_.refuse(fmt::format("\\{}, a border of text segments, is not supported", in_.peek()));
    if (in_.sees_one_of("kg") && (in_.peek(1) == '<' || in_.peek(1) == '\'')) return reference();
    if (in_.take("k")) return atom("k");
    if (in_.take("g")) return atom("g");
    if (in_.sees_one_of("123456789")) return numbered_reference();
    in_.go_back(start);
    literals();
  }

  void word_border(bool wanted) {
    const std::string word(kWordAlone);
    const std::string border = "(?:(?<=" + word + ")(?!" + word + ")|(?<!" + word + ")(?=" + word + "))";
    anchor(wanted ? border : "(?!" + border + ")");
  }

  // \k<name>, \k<1>, \k<-1>, and calls: \g<name>, \g<1>.
  void reference() {
    const bool is_call = in_.take_byte() == 'g';
    const std::string name = in_.until(in_.take_byte() == '<' ? ">" : "'");
    const bool is_signed = name.starts_with('-') || name.starts_with('+');
    const std::string_view plain = std::string_view(name).substr(is_signed ? 1 : 0);
    const auto all = [&](auto&& test) {
      return !plain.empty() && std::all_of(plain.begin(), plain.end(), test);
    };
    const bool is_number = all([](unsigned char c) { return std::isdigit(c) != 0; });
    const bool is_name = !is_signed && all([](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
    if (!is_number && !is_name) in_.refuse("a reference to '" + name + "', neither a name nor a number");
    if (is_call) return atom("\\g<" + name + ">");
    atom(is_number ? "\\g{" + name + "}" : "\\k<" + name + ">");
  }

  // \1 to \9, and more digits where there are as many groups; otherwise they are an octal code.
  void numbered_reference() {
    const size_t start = in_.position();
    const std::string number = in_.digits();
    const auto value = whole_number<size_t>(number);
    if (value && (*value <= 9 || *value <= captures_)) return atom("\\g{" + number + "}");
    in_.go_back(start);
    if (in_.sees_one_of("89")) in_.refuse("a reference to a group that there is not");
    atom(spelled(std::u32string(1, in_.escaped_character())));
  }

  // ---- groups ----

  void open_group() {
    if (in_.sees("(*")) in_.refuse("a verb");
    in_.take("(");
    Group opened{.begin = out_.size(), .options = options_, .is_look_behind = in_look_behind_};
    if (!in_.take("?")) {
      ++captures_;
      out_ += '(';
    } else if (in_.sees("<=") || in_.sees("<!")) {
      in_look_behind_ = true;
      out_ += std::string("(?<") + in_.peek(1);
      in_.take("<");
      in_.take_byte();
    } else if (in_.sees_one_of("<'")) {
      ++captures_;
      out_ += std::string("(?") + in_.take_byte();
      while (!in_.at_end() && !in_.sees_one_of(">'")) out_ += in_.take_byte();
      if (!in_.at_end()) out_ += in_.take_byte();
    } else if (in_.sees_one_of(":=!>")) {
      out_ += std::string("(?") + in_.take_byte();
    } else if (!read_options()) {
      return;  // up to the end of the group around it
    }
    groups_.push_back(opened);
    atom_.reset();
  }

  // Option letters, as in (?i) or (?i-mx:…). Ruby's m lets the dot match line ends, which is PCRE2's s.
  // Whether they open a group of their own.
  bool read_options() {
    bool on = true;
    std::string set, unset;
    for (; in_.sees_one_of("imx-"); in_.take_byte()) {
      const char letter = in_.peek();
      if (letter == '-') on = false;
      if (letter == 'i') options_.ignores_case = on;
      if (letter == 'x') options_.is_extended = on;
      if (letter == 'i') (on ? set : unset) += 'i';
      if (letter == 'm') (on ? set : unset) += 's';
    }
    const bool opens = in_.take(":");
    if (!opens && !in_.take(")")) in_.refuse(fmt::format("groups with (?{} are not supported", in_.peek()));
    out_ += "(?" + set + (unset.empty() ? "" : "-" + unset) + ":";
    if (!opens) ++group().isolated;
    atom_.reset();
    return opens;
  }

  void close_group() {
    in_.take(")");
    if (groups_.empty()) in_.refuse("a closing parenthesis too many");
    const Group closed = groups_.back();
    groups_.pop_back();
    out_ += std::string(closed.isolated + 1, ')');
    options_ = closed.options;
    in_look_behind_ = closed.is_look_behind;
    atom_ = closed.begin;
    const std::string_view text = std::string_view(out_).substr(closed.begin);
    if (text.starts_with("(?=") || text.starts_with("(?!") || text.starts_with("(?<=") ||
        text.starts_with("(?<!"))
      atom_.reset();
  }

  // ---- quantifiers ----

  enum class Suffix { kAllowed, kLazyOnly, kNone, kPossessive };
  struct Interval {
    std::string text;
    Suffix suffix = Suffix::kLazyOnly;
  };

  // {n}, {n,}, {,m} and {n,m}; nothing is read of any other brace, which is a literal. With n > m it is
  // possessive.
  std::optional<Interval> interval() {
    const size_t start = in_.position();
    in_.take("{");
    std::string low = in_.digits();
    const bool has_comma = in_.take(",");
    std::string high = has_comma ? in_.digits() : "";
    if (!in_.take("}") || (low.empty() && high.empty())) {
      in_.go_back(start);
      return std::nullopt;
    }
    if (!has_comma) return Interval{"{" + low + "}", Suffix::kNone};
    if (low.empty()) low = "0";
    const auto least = whole_number<uint32_t>(low);
    const auto most = whole_number<uint32_t>(high);
    const bool is_swapped = least && most && *least > *most;
    if (is_swapped) std::swap(low, high);
    return Interval{"{" + low + "," + high + "}", is_swapped ? Suffix::kPossessive : Suffix::kLazyOnly};
  }

  // A further quantifier repeats what the first one makes. So do the plus of {n,m}+ and the question mark of
  // {n}?, which PCRE2 takes for a possessive and a lazy one.
  void quantifier(std::string_view text, Suffix suffix) {
    if (!atom_) in_.refuse("a quantifier without a character, class or group before it");
    const size_t begin = *atom_;
    out_ += text;
    if (suffix == Suffix::kPossessive)
      out_ += '+';
    else if (suffix != Suffix::kNone && in_.take("?"))
      out_ += '?';
    else if (suffix == Suffix::kAllowed && in_.take("+"))
      out_ += '+';
    if (!quantifier_follows()) return;
    out_.insert(begin, "(?:");
    out_ += ')';
  }

  PatternReader in_;
  std::string out_;
  std::optional<size_t> atom_;  // where in out_ what a quantifier repeats begins
  Group root_;
  std::vector<Group> groups_;  // that are open
  Options options_;
  bool in_look_behind_ = false;
  size_t captures_ = 0;
};

}  // namespace

std::string translate_regex(std::string_view pattern, std::string_view where) {
  return Translator(pattern, where).translate();
}

}  // namespace ferrum
