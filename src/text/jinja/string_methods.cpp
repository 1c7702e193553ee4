// The methods of Python's str.
#include <utf8proc.h>

#include <algorithm>
#include <array>

#include "base/utf8.h"
#include "text/jinja/cursor.h"
#include "text/jinja/failure.h"
#include "text/jinja/formatting.h"
#include "text/jinja/method_table.h"
#include "text/jinja/operators.h"
#include "text/jinja/parameters.h"
#include "text/jinja/strings.h"

namespace ferrum::jinja {
namespace {

const Text& text_of(const Value& self) { return self.get<String>()->text; }

template <Side side>
Value strip_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p("strip", {"chars"}, arguments);
  const std::optional<std::string_view> characters =
      p.given(0) ? std::optional(p.text(0).view()) : std::nullopt;
  return strip(runtime.budget, text_of(self), side, characters);
}

template <Text (*map)(Budget&, const Text&)>
Value map_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p("this method", {}, arguments);
  return map(runtime.budget, text_of(self));
}

// --- searching ---

// The part of a text between the arguments start and end (code points, as in slices).
struct Searched {
  Text part;
  size_t skipped = 0;  // code points before this part
  bool possible = true;
};

Searched searched(Runtime& runtime, const Text& text, const Value* start, const Value* end) {
  const auto given = [](const Value* v) { return v && !v->is_none(); };
  runtime.budget.scan(text.size());
  if (!given(start) && !given(end)) return {text};
  const SliceBounds before{.stop = given(start) ? *start : Value(0)};
  const Text head = *slice(runtime, text, before).text();
  const SliceBounds part{.start = start ? *start : Value(None{}), .stop = end ? *end : Value(None{})};
  const size_t skipped = count_code_points(head.view());
  const bool past_the_end = given(start) && as_integer(*start).value_or(0) > static_cast<int64_t>(skipped);
  return {*slice(runtime, text, part).text(), skipped, !past_the_end};
}

enum class Edge { kFirst, kLast };

template <Edge edge>
int64_t position(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p("find", {"sub", "start", "end"}, arguments);
  const Searched in = searched(runtime, text_of(self), p.find(1), p.find(2));
  if (!in.possible) return -1;
  const std::string_view text = in.part.view();
  if (edge == Edge::kLast) runtime.budget.walk(text.size());  // rfind tries every position
  const size_t at = edge == Edge::kFirst ? text.find(p.text(0).view()) : text.rfind(p.text(0).view());
  if (at == std::string_view::npos) return -1;
  return static_cast<int64_t>(in.skipped + count_code_points(text.substr(0, at)));
}

template <Edge edge>
Value find_method_(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return position<edge>(runtime, self, arguments);
}

template <Edge edge>
Value index_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const int64_t at = position<edge>(runtime, self, arguments);
  if (at < 0) raise_error("substring not found");
  return at;
}

Value count_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p("count", {"sub", "start", "end"}, arguments);
  const Searched in = searched(runtime, text_of(self), p.find(1), p.find(2));
  const std::string_view text = in.part.view(), sub = p.text(0).view();
  if (!in.possible) return 0;
  if (sub.empty()) return Value::of_size(count_code_points(text) + 1);
  int64_t count = 0;
  for (size_t at = text.find(sub); at != std::string_view::npos; at = text.find(sub, at + sub.size()))
    ++count;
  return count;
}

template <Edge edge>
Value touches(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p("startswith or endswith", {"affix", "start", "end"}, arguments);
  const Searched in = searched(runtime, text_of(self), p.find(1), p.find(2));
  const auto matches = [&](const Value& affix) {
    require_defined(affix);
    const Text* text = affix.text();
    if (!text) raise_error("startswith and endswith take a str or a tuple of str, not {}", type_name(affix));
    return in.possible && (edge == Edge::kFirst ? in.part.view().starts_with(text->view())
                                                : in.part.view().ends_with(text->view()));
  };
  if (const Tuple* tuple = p.at(0).get<Tuple>())
    return std::any_of(tuple->items->values.begin(), tuple->items->values.end(), matches);
  return matches(p.at(0));
}

template <Edge edge>
Value remove_affix(Runtime&, const Value& self, const Arguments& arguments) {
  const Parameters p("removeprefix or removesuffix", {"affix"}, arguments);
  std::string_view rest = text_of(self).view();
  const std::string_view affix = p.text(0).view();
  if (edge == Edge::kFirst && rest.starts_with(affix)) rest.remove_prefix(affix.size());
  if (edge == Edge::kLast && rest.ends_with(affix)) rest.remove_suffix(affix.size());
  return text_of(self).slice(rest);
}

// --- splitting ---

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

bool is_line_break(char32_t c) {
  return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
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

template <Edge edge>
Value partition_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p("partition", {"sep"}, arguments);
  const Text& text = text_of(self);
  const Text& separator = p.text(0);
  if (separator.empty()) raise_error("empty separator");
  runtime.budget.walk(text.size());
  const size_t at =
      edge == Edge::kFirst ? text.view().find(separator.view()) : text.view().rfind(separator.view());
  if (at == std::string_view::npos) {
    if (edge == Edge::kFirst) return make_tuple(runtime.budget, {text, Text(), Text()});
    return make_tuple(runtime.budget, {Text(), Text(), text});
  }
  return make_tuple(runtime.budget, {text.slice(0, at), text.slice(at, separator.size()),
                                     text.slice(at + separator.size(), text.size())});
}

Value join_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p("join", {"iterable"}, arguments);
  TextBuilder out(runtime.budget);
  Cursor cursor(runtime, p.at(0));
  for (size_t i = 0; const std::optional<Value> item = cursor.next(); ++i) {
    require_defined(*item);
    const Text* text = item->text();
    if (!text) raise_error("sequence item {}: expected str instance, {} found", i, type_name(*item));
    if (i > 0) out.append(text_of(self));
    out.append(*text);
  }
  return out.take();
}

Value replace_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p("replace", {"old", "new", "count"}, arguments);
  const int64_t most = p.integer(2, -1);
  return replace(runtime.budget, text_of(self), p.text(0), p.text(1),
                 most < 0 ? std::nullopt : std::optional(static_cast<size_t>(most)));
}

// --- padding ---

struct Padding {
  size_t left = 0;
  size_t right = 0;
};

Value padded(Runtime& runtime, const Text& text, const Padding& padding, const Text& fill) {
  if (count_code_points(fill.view()) != 1)
    raise_error("The fill character must be exactly one character long");
  TextBuilder out(runtime.budget);
  out.append(padding.left, fill);
  out.append(text);
  out.append(padding.right, fill);
  return out.take();
}

enum class Adjust { kLeft, kRight, kCenter };

template <Adjust adjust>
Value adjust_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p("ljust, rjust or center", {"width", "fillchar"}, arguments);
  const int64_t width = p.integer(0);
  const auto size = static_cast<int64_t>(length_of(runtime, self));
  const auto missing = static_cast<size_t>(std::max<int64_t>(width - size, 0));
  Padding padding;
  switch (adjust) {
    case Adjust::kLeft:
      padding.right = missing;
      break;
    case Adjust::kRight:
      padding.left = missing;
      break;
    case Adjust::kCenter:  // as in CPython, an odd padding character goes to the left if the width is odd
      padding.left = missing / 2 + (missing & static_cast<size_t>(width) & 1);
      padding.right = missing - padding.left;
      break;
  }
  return padded(runtime, text_of(self), padding, p.text(1, " "));
}

Value zfill_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p("zfill", {"width"}, arguments);
  const Text& text = text_of(self);
  const auto missing = std::max<int64_t>(p.integer(0) - static_cast<int64_t>(length_of(runtime, self)), 0);
  const bool sign = text.view().starts_with('-') || text.view().starts_with('+');
  TextBuilder out(runtime.budget);
  out.append(text.slice(0, sign ? 1 : 0));
  out.pad(static_cast<size_t>(missing), "0");
  out.append(text.slice(sign ? 1 : 0, text.size()));
  return out.take();
}

Value expandtabs_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p("expandtabs", {"tabsize"}, arguments);
  const int64_t width = std::max<int64_t>(p.integer(0, 8), 0);
  int64_t column = 0;
  TextBuilder out(runtime.budget);
  const Text& text = text_of(self);
  for (size_t at = 0; at < text.size();) {
    const size_t size = code_point_size(text.view().substr(at));
    const char c = text.view()[at];
    if (c == '\t') {
      const int64_t spaces = width == 0 ? 0 : width - column % width;
      out.pad(static_cast<size_t>(spaces));
      column += spaces;
    } else {
      out.append(text.slice(at, size));
      column = c == '\n' || c == '\r' ? 0 : column + 1;
    }
    at += size;
  }
  return out.take();
}

// --- predicates ---

struct Letter {
  utf8proc_category_t category;
  char32_t code_point;
};

bool is_alpha(const Letter& c) {
  return c.category >= UTF8PROC_CATEGORY_LU && c.category <= UTF8PROC_CATEGORY_LO;
}
bool is_decimal(const Letter& c) { return c.category == UTF8PROC_CATEGORY_ND; }
bool is_numeric(const Letter& c) {
  return c.category >= UTF8PROC_CATEGORY_ND && c.category <= UTF8PROC_CATEGORY_NO;
}
bool is_digit(const Letter& c) {
  const char32_t p = c.code_point;
  const bool super_or_subscript = p == 0xB2 || p == 0xB3 || p == 0xB9 || p == 0x2070 ||
                                  (p >= 0x2074 && p <= 0x2079) || (p >= 0x2080 && p <= 0x2089);
  return is_decimal(c) || super_or_subscript;
}
bool is_alphanumeric(const Letter& c) { return is_alpha(c) || is_numeric(c); }
bool is_white(const Letter& c) { return is_space(c.code_point); }
bool is_shown(const Letter& c) { return is_printable(c.code_point); }
bool is_ascii(const Letter& c) { return c.code_point < 0x80; }
bool is_upper(const Letter& c) { return c.category == UTF8PROC_CATEGORY_LU; }
bool is_lower(const Letter& c) { return c.category == UTF8PROC_CATEGORY_LL; }

enum class WhenEmpty { kNo, kYes };

template <bool (*is)(const Letter&), WhenEmpty when_empty = WhenEmpty::kNo>
Value all_are(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p("this method", {}, arguments);
  std::string_view rest = text_of(self).view();
  runtime.budget.walk(rest.size());
  if (rest.empty()) return when_empty == WhenEmpty::kYes;
  while (!rest.empty()) {
    const utf8::Decoded d = utf8::decode(rest);
    if (!is({utf8proc_category(static_cast<utf8proc_int32_t>(d.code_point)), d.code_point})) return false;
    rest.remove_prefix(d.size);
  }
  return true;
}

// Whether there are cased letters, and none of the other case.
template <bool (*is)(const Letter&), bool (*is_not)(const Letter&)>
Value cased_are(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p("this method", {}, arguments);
  std::string_view rest = text_of(self).view();
  runtime.budget.walk(rest.size());
  bool any = false;
  while (!rest.empty()) {
    const utf8::Decoded d = utf8::decode(rest);
    const Letter c{utf8proc_category(static_cast<utf8proc_int32_t>(d.code_point)), d.code_point};
    if (is_not(c) || c.category == UTF8PROC_CATEGORY_LT) return false;
    any = any || is(c);
    rest.remove_prefix(d.size);
  }
  return any;
}

Value is_title(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p("istitle", {}, arguments);
  const std::string_view text = text_of(self).view();
  const Text titled = to_title(runtime.budget, text_of(self));
  return titled.view() == text && is_truthy(Value(to_lower(runtime.budget, titled).view() != text));
}

Value is_identifier(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p("isidentifier", {}, arguments);
  std::string_view rest = text_of(self).view();
  runtime.budget.walk(rest.size());
  if (rest.empty()) return false;
  for (bool first = true; !rest.empty(); first = false) {
    const utf8::Decoded d = utf8::decode(rest);
    const Letter c{utf8proc_category(static_cast<utf8proc_int32_t>(d.code_point)), d.code_point};
    if (c.code_point != '_' && !is_alpha(c) && (first || !is_decimal(c))) return false;
    rest.remove_prefix(d.size);
  }
  return true;
}

// --- formatting ---

Value format_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return brace_format(runtime, *self.get<String>(), arguments);
}

Value format_map_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p("format_map", {"mapping"}, arguments);
  const Dict* mapping = p.at(0).dict();
  if (!mapping) raise_error("format_map() takes a dict, not {}", type_name(p.at(0)));
  Arguments named;
  for (const auto& [key, value] : mapping->entries())
    if (const Text* name = key.text()) named.named.emplace_back(name->view(), value);
  return brace_format(runtime, *self.get<String>(), named);
}

constexpr std::array kStringMethods = {
    Method{"capitalize", map_method<capitalize>},
    Method{"casefold", map_method<case_fold>},
    Method{"center", adjust_method<Adjust::kCenter>},
    Method{"count", count_method},
    Method{"endswith", touches<Edge::kLast>},
    Method{"expandtabs", expandtabs_method},
    Method{"find", find_method_<Edge::kFirst>},
    Method{"format", format_method},
    Method{"format_map", format_map_method},
    Method{"index", index_method<Edge::kFirst>},
    Method{"isalnum", all_are<is_alphanumeric>},
    Method{"isalpha", all_are<is_alpha>},
    Method{"isascii", all_are<is_ascii, WhenEmpty::kYes>},
    Method{"isdecimal", all_are<is_decimal>},
    Method{"isdigit", all_are<is_digit>},
    Method{"isidentifier", is_identifier},
    Method{"islower", cased_are<is_lower, is_upper>},
    Method{"isnumeric", all_are<is_numeric>},
    Method{"isprintable", all_are<is_shown, WhenEmpty::kYes>},
    Method{"isspace", all_are<is_white>},
    Method{"istitle", is_title},
    Method{"isupper", cased_are<is_upper, is_lower>},
    Method{"join", join_method},
    Method{"ljust", adjust_method<Adjust::kLeft>},
    Method{"lower", map_method<to_lower>},
    Method{"lstrip", strip_method<Side::kLeft>},
    Method{"partition", partition_method<Edge::kFirst>},
    Method{"removeprefix", remove_affix<Edge::kFirst>},
    Method{"removesuffix", remove_affix<Edge::kLast>},
    Method{"replace", replace_method},
    Method{"rfind", find_method_<Edge::kLast>},
    Method{"rindex", index_method<Edge::kLast>},
    Method{"rjust", adjust_method<Adjust::kRight>},
    Method{"rpartition", partition_method<Edge::kLast>},
    Method{"rsplit", rsplit_method},
    Method{"rstrip", strip_method<Side::kRight>},
    Method{"split", split_method},
    Method{"splitlines", splitlines_method},
    Method{"startswith", touches<Edge::kFirst>},
    Method{"strip", strip_method<Side::kBoth>},
    Method{"swapcase", map_method<swap_case>},
    Method{"title", map_method<to_title>},
    Method{"upper", map_method<to_upper>},
    Method{"zfill", zfill_method},
};

}  // namespace

std::span<const Method> string_methods() { return kStringMethods; }

}  // namespace ferrum::jinja
