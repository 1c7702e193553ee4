// Filters for the layout of text: indentation, width, words.
#include <algorithm>
#include <array>
#include <cmath>

#include "base/utf8.h"
#include "text/jinja/failure.h"
#include "text/jinja/filters.h"
#include "text/jinja/operators.h"
#include "text/jinja/parameters.h"
#include "text/jinja/repr.h"
#include "text/jinja/strings.h"

namespace ferrum::jinja {
namespace {

Value center(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("center", {"width"}, arguments);
  const Text text = to_str(runtime, input);
  const int64_t width = p.integer(0, 80);
  const auto missing =
      static_cast<size_t>(std::max<int64_t>(width - static_cast<int64_t>(length_of(runtime, text)), 0));
  const size_t left = missing / 2 + (missing & static_cast<size_t>(width) & 1);
  TextBuilder out(runtime.budget);
  out.pad(left);
  out.append(text);
  out.pad(missing - left);
  return out.take();
}

Value indent(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("indent", {"width", "first", "blank"}, arguments);
  const bool blank = p.flag(2, false);
  require_defined(input);
  if (!input.is_string()) raise_error("indent takes str, not {}", type_name(input));
  const Text& text = *input.text();
  Text indentation;
  if (p.find(0) && p.at(0).text()) {
    indentation = p.text(0);
  } else {
    TextBuilder spaces(runtime.budget);
    spaces.pad(static_cast<size_t>(std::max<int64_t>(p.integer(0, 4), 0)));
    indentation = spaces.take();
  }
  TextBuilder out(runtime.budget);
  if (p.flag(1, false)) out.append(indentation);
  size_t at = 0;
  while (true) {
    const size_t end = std::min(text.view().find('\n', at), text.size());
    out.append(text.slice(at, end - at));
    if (end == text.size()) return out.take();
    runtime.budget.step();
    out.append("\n");
    at = end + 1;
    const bool is_empty = at == text.size() || text.view()[at] == '\n';
    if (blank || !is_empty) out.append(indentation);
  }
}

Value truncate(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("truncate", {"length", "killwords", "end", "leeway"}, arguments);
  const Text end = p.text(2, "...");
  const int64_t length = p.integer(0, 255);
  const int64_t leeway = p.given(3) ? p.integer(3) : 5;
  const auto end_length = static_cast<int64_t>(length_of(runtime, end));
  if (length < end_length) raise_error("expected length >= {}, got {}", end_length, length);
  if (leeway < 0) raise_error("expected leeway >= 0, got {}", leeway);
  const auto size = static_cast<int64_t>(length_of(runtime, input));
  if (size <= length || size - length <= leeway) return input;
  if (!input.is_string()) raise_error("truncate takes str, not {}", type_name(input));
  const Text& text = *input.text();
  Text kept = text.slice(0, byte_of_code_point(text.view(), static_cast<size_t>(length - end_length)));
  if (!p.flag(1, false)) {
    const size_t space = kept.view().rfind(' ');
    if (space != std::string_view::npos) kept = kept.slice(0, space);
  }
  return concatenate(runtime.budget, kept, end);
}

bool is_word_character(const utf8::Decoded& d) {
  return d.valid && (d.code_point == '_' || is_alphanumeric(d.code_point));
}

Value wordcount(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("wordcount", {}, arguments);
  const Text text = to_str(runtime, input);
  runtime.budget.walk(text.size());
  int64_t words = 0;
  bool inside = false;
  for (std::string_view rest = text.view(); !rest.empty();) {
    const utf8::Decoded d = utf8::decode(rest);
    const bool word = is_word_character(d);
    words += word && !inside ? 1 : 0;
    inside = word;
    rest.remove_prefix(d.size);
  }
  return words;
}

Value filesizeformat(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("filesizeformat", {"binary"}, arguments);
  require_defined(input);
  const std::optional<double> bytes = as_number(input);
  if (!bytes) raise_error("filesizeformat takes a number, not {}", type_name(input));
  const bool binary = p.flag(0, false);
  const double base = binary ? 1024 : 1000;
  TextBuilder out(runtime.budget);
  if (*bytes == 1) {
    out.append("1 Byte");
  } else if (*bytes < base) {
    out.append(fmt::format("{:.0f} Bytes", std::trunc(*bytes)));
  } else {
    constexpr std::array<std::string_view, 8> kUnits = {"k", "M", "G", "T", "P", "E", "Z", "Y"};
    double unit = base;
    size_t i = 0;
    while (i + 1 < kUnits.size() && *bytes >= unit * base) unit *= base, ++i;
    const std::string prefix = binary && i == 0 ? "K" : std::string(kUnits[i]);
    out.append(fmt::format("{:.1f} {}{}", *bytes / unit, prefix, binary ? "iB" : "B"));
  }
  return out.take();
}

constexpr std::array kFilters = {
    Filter{"center", center},     Filter{"filesizeformat", filesizeformat}, Filter{"indent", indent},
    Filter{"truncate", truncate}, Filter{"wordcount", wordcount},
};

}  // namespace

std::span<const Filter> layout_filters() { return kFilters; }

}  // namespace ferrum::jinja
