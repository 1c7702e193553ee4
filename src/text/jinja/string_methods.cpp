// The methods of Python's str.
#include <algorithm>
#include <array>

#include "base/utf8.h"
#include "text/jinja/cursor.h"
#include "text/jinja/failure.h"
#include "text/jinja/formatting.h"
#include "text/jinja/method_table.h"
#include "text/jinja/operators.h"
#include "text/jinja/parameters.h"
#include "text/jinja/string_methods.h"
#include "text/jinja/strings.h"

namespace ferrum::jinja {
namespace {

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
    Method{"isalnum", is_alphanumeric_method},
    Method{"isalpha", is_alpha_method},
    Method{"isascii", is_ascii_method},
    Method{"isdecimal", is_decimal_method},
    Method{"isdigit", is_digit_method},
    Method{"isidentifier", is_identifier_method},
    Method{"islower", is_lower_method},
    Method{"isnumeric", is_numeric_method},
    Method{"isprintable", is_printable_method},
    Method{"isspace", is_space_method},
    Method{"istitle", is_title_method},
    Method{"isupper", is_upper_method},
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
