// Filters from text to text.
#include <array>

#include "base/utf8.h"
#include "text/jinja/cursor.h"
#include "text/jinja/failure.h"
#include "text/jinja/filters.h"
#include "text/jinja/formatting.h"
#include "text/jinja/operators.h"
#include "text/jinja/parameters.h"
#include "text/jinja/repr.h"
#include "text/jinja/strings.h"

namespace ferrum::jinja {
namespace {

String soft_string(Runtime& runtime, const Value& value) {
  if (const String* string = value.get<String>()) return *string;
  return {to_str(runtime, value)};
}

template <Text (*map)(Budget&, const Text&)>
Value mapped(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("this filter", {}, arguments);
  const String string = soft_string(runtime, input);
  return String{map(runtime.budget, string.text), string.markup};
}

// Unlike str.title, words begin only after white space, '-' and opening brackets.
Text title(Budget& budget, const Text& text) {
  std::string before(1, ' ');
  bool begins = true;
  return map_code_points(budget, text, [&begins](char32_t c, bool, std::string& out) {
    std::string one;
    utf8::append(one, c);
    Budget unlimited{Limits{}};
    const Text letter(one, Origin::kTemplate);
    out += (begins ? to_upper(unlimited, letter) : to_lower(unlimited, letter)).view();
    begins = is_space(c) || std::u32string_view(U"-({[<").find(c) != std::u32string_view::npos;
  });
}

Value trim(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("trim", {"chars"}, arguments);
  const String string = soft_string(runtime, input);
  const std::optional<std::string_view> characters =
      p.given(0) ? std::optional(p.text(0).view()) : std::nullopt;
  return String{strip(runtime.budget, string.text, Side::kBoth, characters), string.markup};
}

Value replace_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("replace", {"old", "new", "count"}, arguments);
  const int64_t most = p.given(2) ? p.integer(2) : -1;
  return replace(runtime.budget, to_str(runtime, input), to_str(runtime, p.at(0)), to_str(runtime, p.at(1)),
                 most < 0 ? std::nullopt : std::optional(static_cast<size_t>(most)));
}

Value string(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("string", {}, arguments);
  return soft_string(runtime, input);
}

Value safe(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("safe", {}, arguments);
  return String{to_str(runtime, input), true};
}

Value escape(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("escape", {}, arguments);
  const String string = soft_string(runtime, input);
  return String{string.markup ? string.text : html_escape(runtime.budget, string.text), true};
}

Value forceescape(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("forceescape", {}, arguments);
  return String{html_escape(runtime.budget, to_str(runtime, input)), true};
}

Value format(Runtime& runtime, const Value& input, const Arguments& arguments) {
  if (!arguments.positional.empty() && !arguments.named.empty())
    raise_error("can't handle positional and keyword arguments at the same time");
  const String string = soft_string(runtime, input);
  if (arguments.named.empty())
    return percent_format(runtime, string, make_tuple(runtime.budget, arguments.positional));
  Dict named;
  for (const auto& [name, value] : arguments.named)
    named.set(runtime.budget, Text(name, Origin::kTemplate), value);
  return percent_format(runtime, string, make_dict(runtime.budget, std::move(named)));
}

enum class Encoded { kPath, kQuery };  // in a query, a space becomes '+' and a slash is encoded

std::string percent_encoded(std::string_view text, Encoded as) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("_.-~").find(c) != std::string_view::npos ||
                       (as == Encoded::kPath && c == '/');
    if (plain)
      out += c;
    else if (as == Encoded::kQuery && c == ' ')
      out += '+';
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

void append_encoded(TextBuilder& out, const Text& text, Encoded as) {
  text.for_each_run(
      [&](std::string_view run, Origin origin) { out.append(percent_encoded(run, as), origin); });
}

Value urlencode(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("urlencode", {}, arguments);
  TextBuilder out(runtime.budget);
  if (input.is_string() || !is_iterable(input)) {
    append_encoded(out, to_str(runtime, input), Encoded::kPath);
    return out.take();
  }
  const auto append_pair = [&](const Value& key, const Value& value) {
    if (out.size() > 0) out.append("&");
    append_encoded(out, to_str(runtime, key), Encoded::kQuery);
    out.append("=");
    append_encoded(out, to_str(runtime, value), Encoded::kQuery);
  };
  if (const Dict* dict = input.dict()) {
    for (const auto& [key, value] : dict->entries()) append_pair(key, value);
    return out.take();
  }
  Cursor cursor(runtime, input);
  while (const std::optional<Value> item = cursor.next()) {
    const std::vector<Value> pair = items_of(runtime, *item);
    if (pair.size() != 2) raise_error("urlencode takes pairs");
    append_pair(pair[0], pair[1]);
  }
  return out.take();
}

JsonStyle json_style(const Arguments& arguments) {
  const Parameters p("tojson", {"ensure_ascii", "indent", "separators", "sort_keys"}, arguments);
  JsonStyle style;
  if (p.flag(0, false)) style.letters = JsonStyle::Letters::kAscii;
  if (p.flag(3, false)) style.keys = JsonStyle::Keys::kSorted;
  if (p.given(1)) {
    constexpr int64_t kWidest = 1000;
    if (p.at(1).text())
      style.indent = p.text(1);
    else if (p.integer(1) > kWidest)
      raise_error("tojson(): an indent of {} spaces", p.integer(1));
    else
      style.indent =
          Text(std::string(static_cast<size_t>(std::max<int64_t>(p.integer(1), 0)), ' '), Origin::kTemplate);
  }
  style.item_separator = Text(style.indent ? "," : ", ", Origin::kTemplate);
  style.key_separator = Text(": ", Origin::kTemplate);
  if (p.given(2)) {
    const auto* separators = p.at(2).items();
    if (!separators || separators->size() != 2 || !(*separators)[0].text() || !(*separators)[1].text())
      raise_error("tojson(): 'separators' must be a pair of str");
    style.item_separator = *(*separators)[0].text();
    style.key_separator = *(*separators)[1].text();
  }
  return style;
}

Value tojson(Runtime& runtime, const Value& input, const Arguments& arguments) {
  TextBuilder out(runtime.budget);
  append_json(runtime, out, input, json_style(arguments));
  return out.take();
}

constexpr std::array kFilters = {
    Filter{"capitalize", mapped<capitalize>},
    Filter{"e", escape},
    Filter{"escape", escape},
    Filter{"forceescape", forceescape},
    Filter{"format", format},
    Filter{"lower", mapped<to_lower>},
    Filter{"replace", replace_filter},
    Filter{"safe", safe},
    Filter{"string", string},
    Filter{"title", mapped<title>},
    Filter{"tojson", tojson},
    Filter{"trim", trim},
    Filter{"upper", mapped<to_upper>},
    Filter{"urlencode", urlencode},
};

}  // namespace

std::span<const Filter> text_filters() { return kFilters; }

}  // namespace ferrum::jinja
