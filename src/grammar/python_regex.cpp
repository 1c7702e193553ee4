#include "grammar/python_regex.h"

#include <algorithm>

#include "grammar/refusal.h"

namespace ferrum::grammar {
namespace {

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Rewrites a pattern as ECMA-262 has it with the flag u.
class Rewriter {
 public:
  Rewriter(std::string_view pattern, std::string_view flags, const std::string& path)
      : rest_(pattern), flags_(flags), path_(path) {}

  std::string rewrite() {
    if (rest_.starts_with("(?") && rest_.size() > 2 && rest_[2] >= 'a' && rest_[2] <= 'z') {
      const size_t end = rest_.find_first_not_of("aimsux", 2);
      if (end != std::string_view::npos && rest_[end] == ')') {
        flags_ += rest_.substr(2, end - 2);
        rest_.remove_prefix(end + 1);
      }
    }
    for (const char flag : flags_)
      if (std::string_view("imsu").find(flag) == std::string_view::npos)
        throw Refusal("flags", path_, "the flag " + std::string(1, flag) + " is not supported");
    while (!rest_.empty()) in_class_ ? class_part() : part();
    return std::move(out_);
  }

  bool has_flag(char flag) const { return flags_.find(flag) != std::string::npos; }

 private:
  char take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  bool take(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }

  void part() {
    if (take("(?P<")) {
      out_ += "(?<";
      return;
    }
    if (take("(?#")) {
      const size_t end = rest_.find(')');
      rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
      return;
    }
    const char c = take();
    switch (c) {
      case '\\':
        return escape();
      case '.':
        out_ += has_flag('s') ? "[\\s\\S]" : "[^\\n]";
        return;
      case '[':
        out_ += '[';
        in_class_ = true;
        if (take("^")) out_ += '^';
        if (take("]")) out_ += "\\]";  // a class is not empty
        return;
      case '{':
        return count();
      case '}':
      case ']':
        out_ += '\\';
        break;
      case '^':
      case '$':
        if (has_flag('m')) throw Refusal("flags", path_, "the flag m beside ^ or $ is not supported");
        break;
      default:
        break;
    }
    out_ += c;
  }

  // {3}, {3,}, {,3} and {3,5} are counts, and other braces stand for themselves.
  void count() {
    const size_t end = rest_.find('}');
    const std::string_view inner = end == std::string_view::npos ? "" : rest_.substr(0, end);
    const bool is_count = inner.find_first_not_of("0123456789,") == std::string_view::npos &&
                          std::ranges::count(inner, ',') <= 1 && !inner.empty() && inner != ",";
    out_ += is_count ? "{" : "\\{";
    if (!is_count) return;
    if (inner.starts_with(',')) out_ += '0';
    out_ += inner;
    out_ += '}';
    rest_.remove_prefix(end + 1);
  }

  void class_part() {
    const char c = take();
    if (c == '\\') return escape();
    if (c == '[') out_ += '\\';
    if (c == ']') in_class_ = false;
    out_ += c;
  }

  void escape() {
    if (rest_.empty()) throw Refusal("pattern", path_, "a \\ at the end");
    const char c = take();
    if (c == 'U' && rest_.size() >= 8) {
      out_ += "\\u{" + std::string(rest_.substr(0, 8)) + "}";
      rest_.remove_prefix(8);
    } else if (!in_class_ && (c == 'A' || c == 'Z' || c == 'z')) {
      out_ += c == 'A' ? '^' : '$';
    } else if (c == 'a') {
      out_ += "\\x07";
    } else if (is_alphanumeric(c)) {
      out_ += {'\\', c};
    } else {
      const bool is_syntax = std::string_view("^$\\.*+?()[]{}|/").find(c) != std::string_view::npos;
      if (is_syntax || (in_class_ && c == '-')) out_ += '\\';
      out_ += c;
    }
  }

  std::string_view rest_;
  std::string flags_;
  const std::string& path_;
  std::string out_;
  bool in_class_ = false;
};

// The set with each of its letters in both cases.
CodePointSet in_both_cases(const CodePointSet& set, const std::string& path) {
  const CodePointSet beyond({{0x80, kLastCodePoint}});
  const CodePointSet part = set.intersected(beyond);
  if (!part.empty() && part != beyond)
    throw Refusal("flags", path, "the flag i is known for letters in ASCII only");
  std::vector<CodePointSet::Range> ranges = set.ranges();
  for (char32_t lower = 'a'; lower <= 'z'; ++lower) {
    const char32_t upper = lower - 'a' + 'A';
    if (!set.contains(lower) && !set.contains(upper)) continue;
    ranges.push_back({lower, lower});
    ranges.push_back({upper, upper});
  }
  return CodePointSet(std::move(ranges));
}

}  // namespace

Regex parse_python_regex(std::string_view pattern, std::string_view flags, const std::string& path) {
  Rewriter rewriter(pattern, flags, path);
  Regex regex = parse_regex(rewriter.rewrite(), path);
  if (regex.has_code_units)
    throw Refusal("pattern", path, in_quotes(pattern) + " is no regular expression of Python");
  if (rewriter.has_flag('i'))
    for (CodePointSet& set : regex.sets) set = in_both_cases(set, path);
  return regex;
}

}  // namespace ferrum::grammar
