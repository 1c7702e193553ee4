// str.split, rsplit and splitlines.
#include <algorithm>
#include <optional>
#include <vector>

#include "base/utf8.h"
#include "text/jinja/failure.h"
#include "text/jinja/parameters.h"
#include "text/jinja/string_methods.h"
#include "text/jinja/strings.h"

namespace ferrum::jinja {
namespace {

class Splitter {
 public:
  Splitter(Runtime& runtime, const Value& self, int64_t most)
      : runtime_(runtime), self_(self), left_(most < 0 ? SIZE_MAX : static_cast<size_t>(most)) {
    runtime.budget.scan(text_of(self).size());
  }

  bool may_split() const { return left_ > 0; }
  void add(std::string_view part) {
    runtime_.budget.step();
    runtime_.budget.make(sizeof(Value));
    parts_.push_back(String{text_of(self_).slice(part), self_.get<String>()->markup});
  }
  void add_and_count(std::string_view part) {
    add(part);
    --left_;
  }
  Value take() { return make_list(runtime_.budget, std::move(parts_)); }
  Value take_reversed() {
    std::reverse(parts_.begin(), parts_.end());
    return take();
  }

 private:
  Runtime& runtime_;
  const Value& self_;
  size_t left_;
  std::vector<Value> parts_;
};

struct SplitArguments {
  std::optional<Text> separator;
  int64_t most;
};

SplitArguments split_arguments(const Arguments& arguments) {
  const Parameters p("split", {"sep", "maxsplit"}, arguments);
  SplitArguments result{std::nullopt, p.integer(1, -1)};
  if (p.given(0)) result.separator = p.text(0);
  if (result.separator && result.separator->empty()) raise_error("empty separator");
  return result;
}

bool begins_with_space(std::string_view text) {
  const utf8::Decoded d = utf8::decode(text);
  return d.valid && is_space(d.code_point);
}

size_t word_size(std::string_view text) {
  size_t size = 0;
  while (size < text.size() && !begins_with_space(text.substr(size)))
    size += code_point_size(text.substr(size));
  return size;
}

size_t last_word_begin(std::string_view text) {
  size_t begin = text.size();
  while (begin > 0) {
    const size_t before = *byte_of_last_code_points(text.substr(0, begin), 1);
    if (begins_with_space(text.substr(before))) break;
    begin = before;
  }
  return begin;
}

bool is_line_break(char32_t c) {
  return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

}  // namespace

Value split_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const SplitArguments given = split_arguments(arguments);
  Splitter parts(runtime, self, given.most);
  if (!given.separator) {
    runtime.budget.walk(text_of(self).size());
    Text rest = strip(runtime.budget, text_of(self), Side::kLeft);
    while (!rest.empty() && parts.may_split()) {
      const size_t size = word_size(rest.view());
      parts.add_and_count(text_of(self).slice(rest.view().substr(0, size)).view());
      rest = strip(runtime.budget, rest.slice(size, rest.size()), Side::kLeft);
    }
    if (!rest.empty()) parts.add(rest.view());
    return parts.take();
  }
  std::string_view rest = text_of(self).view();
  const std::string_view separator = given.separator->view();
  while (parts.may_split()) {
    const size_t at = rest.find(separator);
    if (at == std::string_view::npos) break;
    parts.add_and_count(rest.substr(0, at));
    rest.remove_prefix(at + separator.size());
  }
  parts.add(rest);
  return parts.take();
}

Value rsplit_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const SplitArguments given = split_arguments(arguments);
  Splitter parts(runtime, self, given.most);
  runtime.budget.walk(text_of(self).size());
  if (!given.separator) {
    Text rest = strip(runtime.budget, text_of(self), Side::kRight);
    while (!rest.empty() && parts.may_split()) {
      const size_t begin = last_word_begin(rest.view());
      parts.add_and_count(rest.view().substr(begin));
      rest = strip(runtime.budget, rest.slice(0, begin), Side::kRight);
    }
    if (!rest.empty()) parts.add(rest.view());
    return parts.take_reversed();
  }
  std::string_view rest = text_of(self).view();
  const std::string_view separator = given.separator->view();
  while (parts.may_split()) {
    const size_t at = rest.rfind(separator);
    if (at == std::string_view::npos) break;
    parts.add_and_count(rest.substr(at + separator.size()));
    rest = rest.substr(0, at);
  }
  parts.add(rest);
  return parts.take_reversed();
}

Value splitlines_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p("splitlines", {"keepends"}, arguments);
  const bool keep_ends = p.integer(0, 0) != 0;
  Splitter lines(runtime, self, -1);
  runtime.budget.walk(text_of(self).size());
  std::string_view rest = text_of(self).view();
  size_t at = 0;
  while (at < rest.size()) {
    const utf8::Decoded d = utf8::decode(rest.substr(at));
    if (!d.valid || !is_line_break(d.code_point)) {
      at += d.size;
      continue;
    }
    const size_t end = at + d.size + (rest.substr(at).starts_with("\r\n") ? 1 : 0);
    lines.add(rest.substr(0, keep_ends ? end : at));
    rest.remove_prefix(end);
    at = 0;
  }
  if (!rest.empty()) lines.add(rest);
  return lines.take();
}

}  // namespace ferrum::jinja
