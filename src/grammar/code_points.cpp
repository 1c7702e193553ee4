#include "grammar/code_points.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <string>

namespace ferrum::grammar {

CodePointSet::CodePointSet(std::vector<Range> ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) { return a.first < b.first; });
  for (const Range& range : ranges) {
    if (range.first > range.last) continue;
    if (!ranges_.empty() && range.first <= ranges_.back().last + 1)
      ranges_.back().last = std::max(ranges_.back().last, range.last);
    else
      ranges_.push_back(range);
  }
}

bool CodePointSet::contains(char32_t c) const {
  const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), c,
                                      [](char32_t value, const Range& range) { return value < range.first; });
  return after != ranges_.begin() && std::prev(after)->last >= c;
}

CodePointSet CodePointSet::united(const CodePointSet& other) const {
  std::vector<Range> both = ranges_;
  both.insert(both.end(), other.ranges_.begin(), other.ranges_.end());
  return CodePointSet(std::move(both));
}

CodePointSet CodePointSet::complement() const {
  CodePointSet out;
  char32_t next = 0;
  for (const Range& range : ranges_) {
    if (range.first > next) out.ranges_.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next <= kLastCodePoint) out.ranges_.push_back({next, kLastCodePoint});
  return out;
}

CodePointSet CodePointSet::intersected(const CodePointSet& other) const {
  return complement().united(other.complement()).complement();
}

namespace sets {
namespace {

struct Category {
  std::string_view code, name;
};

// In the order of utf8proc_category_t. The names are those of PropertyValueAliases.txt.
constexpr std::array<Category, 30> kCategories = {{
    {"Cn", "Unassigned"},
    {"Lu", "Uppercase_Letter"},
    {"Ll", "Lowercase_Letter"},
    {"Lt", "Titlecase_Letter"},
    {"Lm", "Modifier_Letter"},
    {"Lo", "Other_Letter"},
    {"Mn", "Nonspacing_Mark"},
    {"Mc", "Spacing_Mark"},
    {"Me", "Enclosing_Mark"},
    {"Nd", "Decimal_Number"},
    {"Nl", "Letter_Number"},
    {"No", "Other_Number"},
    {"Pc", "Connector_Punctuation"},
    {"Pd", "Dash_Punctuation"},
    {"Ps", "Open_Punctuation"},
    {"Pe", "Close_Punctuation"},
    {"Pi", "Initial_Punctuation"},
    {"Pf", "Final_Punctuation"},
    {"Po", "Other_Punctuation"},
    {"Sm", "Math_Symbol"},
    {"Sc", "Currency_Symbol"},
    {"Sk", "Modifier_Symbol"},
    {"So", "Other_Symbol"},
    {"Zs", "Space_Separator"},
    {"Zl", "Line_Separator"},
    {"Zp", "Paragraph_Separator"},
    {"Cc", "Control"},
    {"Cf", "Format"},
    {"Cs", "Surrogate"},
    {"Co", "Private_Use"},
}};

// Groups of categories: a letter with its names; LC is a group of its own.
constexpr std::array<Category, 11> kGroups = {{{"L", "Letter"},
                                               {"M", "Mark"},
                                               {"M", "Combining_Mark"},
                                               {"N", "Number"},
                                               {"P", "Punctuation"},
                                               {"P", "punct"},
                                               {"S", "Symbol"},
                                               {"Z", "Separator"},
                                               {"C", "Other"},
                                               {"LC", "Cased_Letter"},
                                               {"Nd", "digit"}}};

const std::array<std::vector<CodePointSet::Range>, kCategories.size()>& ranges_by_category() {
  static const auto kRanges = [] {
    std::array<std::vector<CodePointSet::Range>, kCategories.size()> ranges;
    for (char32_t c = 0; c <= kLastCodePoint; ++c) {
      auto& of = ranges[static_cast<size_t>(utf8proc_category(static_cast<utf8proc_int32_t>(c)))];
      if (!of.empty() && of.back().last + 1 == c)
        of.back().last = c;
      else
        of.push_back({c, c});
    }
    return ranges;
  }();
  return kRanges;
}

std::optional<CodePointSet> category(std::string_view name) {
  if (name == "cntrl") name = "Cc";
  std::string_view code = name;
  for (const Category& group : kGroups)
    if (group.name == name) code = group.code;
  std::vector<CodePointSet::Range> ranges;
  bool found = false;
  for (size_t i = 0; i < kCategories.size(); ++i) {
    const Category& one = kCategories[i];
    const bool cased = code == "LC" && (one.code == "Lu" || one.code == "Ll" || one.code == "Lt");
    if (one.code != code && one.name != name && !cased && !(code.size() == 1 && one.code[0] == code[0]))
      continue;
    found = true;
    const auto& more = ranges_by_category()[i];
    ranges.insert(ranges.end(), more.begin(), more.end());
  }
  if (!found) return std::nullopt;
  return CodePointSet(std::move(ranges));
}

}  // namespace

CodePointSet digits() { return CodePointSet({{'0', '9'}}); }

CodePointSet word() { return CodePointSet({{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}); }

CodePointSet white_space() {
  return CodePointSet({{0x09, 0x0D},
                       {0x20, 0x20},
                       {0xA0, 0xA0},
                       {0x1680, 0x1680},
                       {0x2000, 0x200A},
                       {0x2028, 0x2029},
                       {0x202F, 0x202F},
                       {0x205F, 0x205F},
                       {0x3000, 0x3000},
                       {0xFEFF, 0xFEFF}});
}

CodePointSet any_but_line_ends() {
  return CodePointSet({{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}).complement();
}

std::optional<CodePointSet> property(std::string_view name, std::string_view value) {
  if (name == "General_Category" || name == "gc") return category(value);
  if (!value.empty()) return std::nullopt;
  if (name == "Any") return CodePointSet::all();
  if (name == "ASCII") return CodePointSet({{0, 0x7F}});
  if (name == "Assigned") return category("Cn")->complement();
  return category(name);
}

}  // namespace sets
}  // namespace ferrum::grammar
