// Sets of Unicode code points.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace ferrum::grammar {

inline constexpr char32_t kLastCodePoint = 0x10FFFF;
inline constexpr char32_t kFirstSurrogate = 0xD800, kLastSurrogate = 0xDFFF;

class CodePointSet {
 public:
  struct Range {
    char32_t first, last;  // inclusive
    bool operator==(const Range&) const = default;
  };

  CodePointSet() = default;
  explicit CodePointSet(std::vector<Range> ranges);  // in any order, overlapping or not
  static CodePointSet all() { return CodePointSet({{0, kLastCodePoint}}); }

  const std::vector<Range>& ranges() const { return ranges_; }
  bool empty() const { return ranges_.empty(); }
  bool contains(char32_t c) const;

  CodePointSet united(const CodePointSet& other) const;
  CodePointSet complement() const;
  CodePointSet intersected(const CodePointSet& other) const;

  bool operator==(const CodePointSet&) const = default;

 private:
  std::vector<Range> ranges_;  // ascending, neither overlapping nor adjacent
};

namespace sets {
CodePointSet digits();             // \d
CodePointSet word();               // \w
CodePointSet white_space();        // \s: ECMA-262's WhiteSpace and LineTerminator
CodePointSet any_but_line_ends();  // .
// What \p{name} or \p{name=value} stands for, for general categories, ASCII, Any and Assigned.
std::optional<CodePointSet> property(std::string_view name, std::string_view value);
}  // namespace sets

}  // namespace ferrum::grammar
