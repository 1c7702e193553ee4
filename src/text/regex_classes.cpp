#include "text/regex_classes.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <cctype>

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
constexpr std::string_view kHex = "0-9a-fA-F";

struct NamedClass {
  std::string_view name;  // lower case, without _ - and spaces
  std::string_view body;
  bool is_complement = false;  // of the body
};
constexpr std::array kNamedClasses = std::to_array<NamedClass>({
    {"alpha", R"(\p{Alphabetic})"},
    {"alnum", R"(\p{Alphabetic}\p{Nd})"},
    {"digit", R"(\p{Nd})"},
    {"space", kSpace},
    {"word", R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\xb2\xb3\xb9\xbc-\xbe)"},
    {"upper", R"(\p{Uppercase})"},
    {"lower", R"(\p{Lowercase})"},
    {"punct", R"(\p{P})"},
    {"cntrl", R"(\p{Cc})"},
    {"xdigit", kHex},
    {"blank", R"(\x09\p{Zs})"},
    {"ascii", R"(\x00-\x7f)"},
    {"graph", R"(\p{Z}\p{Cc}\p{Cn}\p{Cs})", true},
    {"print", R"(\p{Cc}\p{Cn}\p{Cs}\p{Zl}\p{Zp})", true},
    {"assigned", R"(\p{Cn})", true},
    {"other", R"(\p{C})"},
    {"control", R"(\p{Cc})"},
    {"format", R"(\p{Cf})"},
    {"unassigned", R"(\p{Cn})"},
    {"privateuse", R"(\p{Co})"},
    {"surrogate", R"(\p{Cs})"},
    {"letter", R"(\p{L})"},
    {"lc", R"(\p{Lu}\p{Ll}\p{Lt})"},
    {"casedletter", R"(\p{Lu}\p{Ll}\p{Lt})"},
    {"uppercaseletter", R"(\p{Lu})"},
    {"lowercaseletter", R"(\p{Ll})"},
    {"titlecaseletter", R"(\p{Lt})"},
    {"modifierletter", R"(\p{Lm})"},
    {"otherletter", R"(\p{Lo})"},
    {"mark", R"(\p{M})"},
    {"combiningmark", R"(\p{M})"},
    {"spacingmark", R"(\p{Mc})"},
    {"enclosingmark", R"(\p{Me})"},
    {"nonspacingmark", R"(\p{Mn})"},
    {"number", R"(\p{N})"},
    {"decimalnumber", R"(\p{Nd})"},
    {"letternumber", R"(\p{Nl})"},
    {"othernumber", R"(\p{No})"},
    {"punctuation", R"(\p{P})"},
    {"connectorpunctuation", R"(\p{Pc})"},
    {"dashpunctuation", R"(\p{Pd})"},
    {"openpunctuation", R"(\p{Ps})"},
    {"closepunctuation", R"(\p{Pe})"},
    {"initialpunctuation", R"(\p{Pi})"},
    {"finalpunctuation", R"(\p{Pf})"},
    {"otherpunctuation", R"(\p{Po})"},
    {"symbol", R"(\p{S})"},
    {"mathsymbol", R"(\p{Sm})"},
    {"currencysymbol", R"(\p{Sc})"},
    {"modifiersymbol", R"(\p{Sk})"},
    {"othersymbol", R"(\p{So})"},
    {"separator", R"(\p{Z})"},
    {"lineseparator", R"(\p{Zl})"},
    {"paragraphseparator", R"(\p{Zp})"},
    {"spaceseparator", R"(\p{Zs})"},
});

CharacterSet set_of(const NamedClass& named, bool is_negated) {
  if (named.is_complement == is_negated) return {.items = std::string(named.body)};
  return {.others = {"[^" + std::string(named.body) + "]"}};
}

std::optional<CharacterSet> named_class(std::string_view name, bool is_negated) {
  std::string plain;
  for (const char c : name)
    if (c != '_' && c != '-' && c != ' ')
      plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const auto* const known = std::find_if(kNamedClasses.begin(), kNamedClasses.end(),
                                         [&](const NamedClass& named) { return named.name == plain; });
  if (known == kNamedClasses.end()) return std::nullopt;
  return set_of(*known, is_negated);
}

bool is_pcre2_pattern(const std::string& pattern) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                   PCRE2_UTF | PCRE2_UCP, &error, &offset, nullptr);
  pcre2_code_free(code);
  return code != nullptr;
}

CharacterSet read_property(PatternReader& in, bool is_negated) {  // after \p or \P
  if (!in.take("{")) in.refuse("\\p without a name in braces");
  if (in.take("^")) is_negated = !is_negated;
  const std::string name = in.until("}");
  const auto plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == ' ';
  };
  if (!std::all_of(name.begin(), name.end(), plain)) in.refuse("an unknown property");
  if (auto known = named_class(name, is_negated)) return *std::move(known);
  // PCRE2 takes the plain name of a script for its script extensions.
  const std::string scripted = "sc:" + name;
  const bool is_script = name.size() > 2 && is_pcre2_pattern("\\p{" + scripted + "}");
  const std::string property = "{" + (is_script ? scripted : name) + "}";
  if (!is_pcre2_pattern("\\p" + property)) in.refuse("the property \\p{" + name + "} is not known");
  return {.items = (is_negated ? "\\P" : "\\p") + property};
}

void read_posix_class(PatternReader& in, CharacterSet& set) {  // after "[:"
  const bool is_negated = in.take("^");
  const std::string name = in.until(":]");
  // Two names mean something else here than as properties.
  constexpr NamedClass kPunct{"punct", R"(\p{P}\p{S})"};
  constexpr NamedClass kWordHere{"word", kWord};
  const auto known = name == "punct"  ? set_of(kPunct, is_negated)
                     : name == "word" ? set_of(kWordHere, is_negated)
                                      : named_class(name, is_negated);
  if (!known) in.refuse("[:" + name + ":] is not known");
  set.items += known->items;
  set.others.insert(set.others.end(), known->others.begin(), known->others.end());
  set.has_classes = true;
}

char32_t read_member_character(PatternReader& in) {
  if (!in.take("\\")) return in.character();
  return in.take("b") ? U'\b' : in.escaped_character();
}

void read_member(PatternReader& in, CharacterSet& set) {
  if (in.sees("\\")) {
    const size_t start = in.position();
    in.take("\\");
    if (const auto escaped = read_escaped_set(in)) {
      set.items += escaped->items;
      set.others.insert(set.others.end(), escaped->others.begin(), escaped->others.end());
      set.has_classes = true;
      return;
    }
    in.go_back(start);
  }
  set.items += spelled_in_pcre2(read_member_character(in));
  // A hyphen between two characters makes a range; before a bracket, && or a set it is a literal.
  if (!in.sees("-") || in.sees("-]") || in.sees("-[") || in.sees("-&&")) return;
  const bool set_follows = in.sees("-\\") && in.peek(2) != '\0' &&
                           std::string_view("sSwWdDhHpP").find(in.peek(2)) != std::string_view::npos;
  if (set_follows) return;
  in.take("-");
  if (in.at_end()) in.refuse("a class without an end");
  set.items += "-" + spelled_in_pcre2(read_member_character(in));
}

CharacterSet read_class_at(PatternReader& in, int depth);

// The union up to "&&" or the class's end.
CharacterSet read_union(PatternReader& in, int depth, bool is_first) {
  CharacterSet set;
  for (;; is_first = false) {
    if (in.at_end()) in.refuse("a class without an end");
    if (in.sees("&&") || (!is_first && in.sees("]"))) return set;
    if (in.take("[:")) {
      read_posix_class(in, set);
    } else if (in.take("[")) {
      set.others.push_back(read_class_at(in, depth + 1).pattern());
      set.has_classes = true;
    } else {
      read_member(in, set);
    }
  }
}

CharacterSet read_class_at(PatternReader& in, int depth) {
  if (depth > 20) in.refuse("classes nested too deep");
  const bool is_negated = in.take("^");
  CharacterSet set = read_union(in, depth, true);
  std::string met;
  while (in.take("&&")) {
    met += "(?=" + set.pattern() + ")";
    set = read_union(in, depth, false);
  }
  in.take("]");
  if (!met.empty()) set = {.others = {met + set.pattern()}, .has_classes = true};
  set.is_negated = is_negated;
  return set;
}

}  // namespace

std::string CharacterSet::pattern() const {
  if (others.empty() && items.empty()) return is_negated ? "(?s:.)" : "(?!)";
  const bool is_one_property =
      (items.starts_with("\\p{") || items.starts_with("\\P{")) && items.find('}') + 1 == items.size();
  if (others.empty() && is_one_property && !is_negated) return items;
  if (others.empty()) return (is_negated ? "[^" : "[") + items + "]";
  std::string any = items.empty() ? "" : "[" + items + "]|";
  for (const std::string& other : others) any += other + "|";
  any.pop_back();
  return is_negated ? "(?:(?!" + any + ")(?s:.))" : "(?:" + any + ")";
}

std::optional<CharacterSet> read_escaped_set(PatternReader& in) {
  if (!in.sees_one_of("sSwWhHdDpP")) return std::nullopt;
  switch (in.take_byte()) {
    case 's':
      return CharacterSet{.items = std::string(kSpace)};
    case 'S':
      return CharacterSet{.items = std::string(kNotSpace)};
    case 'w':
      return CharacterSet{.items = std::string(kWord)};
    case 'W':
      return CharacterSet{.others = {"[^" + std::string(kWord) + "]"}};
    case 'h':
      return CharacterSet{.items = std::string(kHex)};
    case 'H':
      return CharacterSet{.others = {"[^" + std::string(kHex) + "]"}};
    case 'd':
      return CharacterSet{.items = R"(\p{Nd})"};
    case 'D':
      return CharacterSet{.items = R"(\P{Nd})"};
    case 'p':
      return read_property(in, false);
    default:
      return read_property(in, true);
  }
}

CharacterSet read_class(PatternReader& in) { return read_class_at(in, 0); }

}  // namespace ferrum
