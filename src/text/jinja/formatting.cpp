#include "text/jinja/formatting.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/utf8.h"
#include "text/jinja/failure.h"
#include "text/jinja/number_format.h"
#include "text/jinja/operators.h"
#include "text/jinja/repr.h"
#include "text/jinja/strings.h"

namespace ferrum::jinja {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

Text repr_of(Runtime& runtime, const Value& value) {
  TextBuilder out(runtime.budget);
  append_repr(runtime, out, value);
  return out.take();
}

int64_t truncated(double value) {
  constexpr double kPastLargest = 9223372036854775808.0;
  if (!(std::abs(value) < kPastLargest)) raise_error("cannot convert float {} to integer", float_repr(value));
  return static_cast<int64_t>(value);
}

// --- 'text' % values ---

class PercentFormatter {
 public:
  PercentFormatter(Runtime& runtime, const String& format, const Value& values)
      : runtime_(runtime),
        format_(format),
        values_(values),
        tuple_(values.get<Tuple>()),
        out_(runtime.budget) {}

  Value run() {
    const std::string_view text = format_.text.view();
    while (at_ < text.size()) {
      const size_t percent = std::min(text.find('%', at_), text.size());
      out_.append(format_.text.slice(at_, percent - at_));
      at_ = percent + 1;
      if (percent < text.size()) directive();
    }
    const bool may_be_left = values_.dict() || values_.get<List>() || values_.is_undefined();
    const size_t count = tuple_ ? tuple_->items->values.size() : 1;
    if (!may_be_left && !named_ && used_ < count)
      raise_error("not all arguments converted during string formatting");
    return String{out_.take(), format_.markup};
  }

 private:
  char peek() const {
    const std::string_view text = format_.text.view();
    if (at_ >= text.size()) raise_error("incomplete format");
    return text[at_];
  }

  Value next_value() {
    if (tuple_) {
      if (used_ >= tuple_->items->values.size()) raise_error("not enough arguments for format string");
      return tuple_->items->values[used_++];
    }
    if (used_++ > 0) raise_error("not enough arguments for format string");
    return values_;
  }

  Value named_value() {
    const std::string_view text = format_.text.view();
    const size_t close = text.find(')', at_);
    if (close == std::string_view::npos) raise_error("incomplete format key");
    const Dict* dict = values_.dict();
    if (!dict) raise_error("format requires a mapping");
    const std::string_view key = text.substr(at_ + 1, close - at_ - 1);
    const Value* found = dict->find(key);
    if (!found) raise_error("the format's key {} is missing", in_quotes(key));
    at_ = close + 1;
    named_ = true;
    return *found;
  }

  size_t number() {
    if (peek() == '*') {
      ++at_;
      const std::optional<int64_t> given = as_integer(next_value());
      if (!given || *given < 0) raise_error("* wants int");
      return static_cast<size_t>(*given);
    }
    size_t result = 0;
    for (; is_digit(peek()); ++at_) {
      result = result * 10 + static_cast<size_t>(peek() - '0');
      if (result > 1'000'000'000) raise_error("width too big");
    }
    return result;
  }

  void directive() {
    std::optional<Value> value;
    if (peek() == '(') value = named_value();
    FormatSpec spec;
    spec.align = '>';
    for (;; ++at_) {
      const char flag = peek();
      if (flag == '-')
        spec.align = '<';
      else if (flag == '0' && spec.align != '<')
        spec.align = '=', spec.fill = "0";
      else if (flag == '+' || (flag == ' ' && spec.sign != '+'))
        spec.sign = flag;
      else if (flag == '#')
        spec.alternate = true;
      else if (flag != '0' && flag != ' ')
        break;
    }
    if (spec.align == '<') spec.fill = " ";
    spec.width = number();
    if (peek() == '.') {
      ++at_;
      spec.precision = number();
    }
    while (peek() == 'l' || peek() == 'h' || peek() == 'L') ++at_;
    const char type = peek();
    ++at_;
    if (type == '%') {
      out_.append("%");
      return;
    }
    if (!value) value = next_value();
    convert(*value, type, spec);
  }

  void convert(const Value& value, char type, FormatSpec spec) {
    switch (type) {
      case 's':
      case 'r':
      case 'a': {
        if (spec.align == '=') spec.align = '>', spec.fill = " ";
        spec.sign = '-';
        Text text = type == 's' ? to_str(runtime_, value) : repr_of(runtime_, value);
        if (format_.markup && !(value.is_string() && value.get<String>()->markup))
          text = html_escape(runtime_.budget, text);
        append_formatted(out_, text, spec);
        return;
      }
      case 'c':
        character(value, spec);
        return;
      case 'd':
      case 'i':
      case 'u':
        spec.type = 'd';
        append_formatted(out_, integer(value, type), spec);
        return;
      case 'x':
      case 'X':
      case 'o':
        spec.type = type;
        if (value.get<double>()) raise_error("%{} format: an integer is required, not float", type);
        append_formatted(out_, integer(value, type), spec);
        return;
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G': {
        require_defined(value);
        const std::optional<double> number = as_number(value);
        if (!number) raise_error("must be real number, not {}", type_name(value));
        spec.type = type;
        append_formatted(out_, *number, spec);
        return;
      }
      default:
        raise_error("unsupported format character {}", in_quotes(std::string_view(&type, 1)));
    }
  }

  static int64_t integer(const Value& value, char type) {
    require_defined(value);
    if (const double* d = value.get<double>()) return truncated(*d);
    const std::optional<int64_t> integer = as_integer(value);
    if (!integer) raise_error("%{} format: a real number is required, not {}", type, type_name(value));
    return *integer;
  }

  void character(const Value& value, FormatSpec spec) {
    spec.sign = '-';
    if (const Text* text = value.text()) {
      if (count_code_points(text->view()) != 1) raise_error("%c requires int or char");
      append_formatted(out_, *text, spec);
      return;
    }
    const std::optional<int64_t> code = as_integer(value);
    if (!code || *code < 0 || *code > 0x10FFFF) raise_error("%c requires int or char");
    std::string bytes;
    utf8::append(bytes, static_cast<char32_t>(*code));
    append_formatted(out_, Text(bytes, Origin::kTemplate), spec);
  }

  Runtime& runtime_;
  const String& format_;
  const Value& values_;
  const Tuple* tuple_;
  TextBuilder out_;
  size_t at_ = 0;
  size_t used_ = 0;
  bool named_ = false;
};

// --- 'text'.format(values) ---

class BraceFormatter {
 public:
  BraceFormatter(Runtime& runtime, const Arguments& values) : runtime_(runtime), values_(values) {}

  Text run(const Text& format, int depth) {
    if (depth > 1) raise_error("Max string recursion exceeded");
    TextBuilder out(runtime_.budget);
    const std::string_view text = format.view();
    for (size_t at = 0; at < text.size();) {
      const size_t brace = std::min(text.find_first_of("{}", at), text.size());
      out.append(format.slice(at, brace - at));
      at = brace;
      if (at == text.size()) break;
      if (at + 1 < text.size() && text[at + 1] == text[at]) {
        out.append(format.slice(at, 1));
        at += 2;
        continue;
      }
      if (text[at] == '}') raise_error("Single '}}' encountered in format string");
      const size_t end = matching_brace(text, at);
      field(format.slice(at + 1, end - at - 1), depth, out);
      at = end + 1;
    }
    return out.take();
  }

 private:
  static size_t matching_brace(std::string_view text, size_t open) {
    int depth = 0;
    for (size_t at = open; at < text.size(); ++at) {
      if (text[at] == '{') ++depth;
      if (text[at] == '}' && --depth == 0) return at;
    }
    raise_error("expected '}}' before end of string");
  }

  // Reads the field's name, then !conversion, then :specification.
  void field(const Text& field, int depth, TextBuilder& out) {
    const std::string_view text = field.view();
    const size_t name_end = std::min(text.find_first_of("!:"), text.size());
    Value value = look_up(text.substr(0, name_end));
    size_t at = name_end;
    if (at < text.size() && text[at] == '!') {
      if (at + 1 >= text.size()) raise_error("end of string while looking for conversion specifier");
      value = converted(value, text[at + 1]);
      at += 2;
      if (at < text.size() && text[at] != ':') raise_error("expected ':' after conversion specifier");
    }
    const Text spec = at < text.size() ? run(field.slice(at + 1, text.size()), depth + 1) : Text();
    append_value(value, spec.view(), out);
  }

  Value converted(const Value& value, char conversion) {
    if (conversion == 's') return to_str(runtime_, value);
    if (conversion == 'r' || conversion == 'a') return repr_of(runtime_, value);
    raise_error("Unknown conversion specifier {}", in_quotes(std::string_view(&conversion, 1)));
  }

  Value look_up(std::string_view name) {
    const size_t first_end = std::min(name.find_first_of(".["), name.size());
    Value value = first(name.substr(0, first_end));
    std::string_view rest = name.substr(first_end);
    while (!rest.empty()) {
      runtime_.budget.step();
      if (rest[0] == '.') {
        const size_t end = std::min(rest.find_first_of(".[", 1), rest.size());
        value = attribute(runtime_, value, rest.substr(1, end - 1));
        rest.remove_prefix(end);
        continue;
      }
      const size_t close = rest.find(']');
      if (rest[0] != '[' || close == std::string_view::npos) raise_error("Missing ']' in format string");
      const std::string_view key = rest.substr(1, close - 1);
      const std::optional<int64_t> index = number(key);
      value = subscript(runtime_, value,
                        index ? Value(*index) : Value(Text(std::string(key), Origin::kTemplate)));
      require_defined(value);
      rest.remove_prefix(close + 1);
    }
    return value;
  }

  static std::optional<int64_t> number(std::string_view text) {
    int64_t result = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), result);
    if (text.empty() || !is_digit(text[0]) || end.ec != std::errc() || end.ptr != text.data() + text.size())
      return std::nullopt;
    return result;
  }

  Value first(std::string_view name) {
    const std::optional<int64_t> index = name.empty() ? std::optional(next_) : number(name);
    if (!index) {
      const auto it = std::find_if(values_.named.begin(), values_.named.end(),
                                   [name](const auto& entry) { return entry.first == name; });
      if (it == values_.named.end()) raise_error("format() is missing its argument {}", in_quotes(name));
      return it->second;
    }
    const Numbering numbering = name.empty() ? Numbering::kAutomatic : Numbering::kManual;
    if (numbering_ != Numbering::kUnknown && numbering_ != numbering)
      raise_error("cannot switch between manual field specification and automatic field numbering");
    numbering_ = numbering;
    if (name.empty()) ++next_;
    if (static_cast<uint64_t>(*index) >= values_.positional.size())
      raise_error("Replacement index {} out of range for positional args tuple", *index);
    return values_.positional[static_cast<size_t>(*index)];
  }

  void append_value(const Value& value, std::string_view spec_text, TextBuilder& out) {
    if (spec_text.empty()) {
      append_str(runtime_, out, value);
      return;
    }
    const FormatSpec spec = parse_format_spec(spec_text);
    if (const Text* text = value.text())
      append_formatted(out, *text, spec);
    else if (const double* d = value.get<double>())
      append_formatted(out, *d, spec);
    else if (const std::optional<int64_t> i = as_integer(value))
      append_integer(*i, spec, out);
    else
      raise_error("unsupported format string passed to {}.__format__", type_name(value));
  }

  static void append_integer(int64_t value, const FormatSpec& spec, TextBuilder& out) {
    const bool as_float = std::string_view("eEfFgG%").find(spec.type) != std::string_view::npos && spec.type;
    if (spec.precision && !as_float) raise_error("Precision not allowed in integer format specifier");
    append_formatted(out, value, spec);
  }

  enum class Numbering { kUnknown, kAutomatic, kManual };

  Runtime& runtime_;
  const Arguments& values_;
  int64_t next_ = 0;
  Numbering numbering_ = Numbering::kUnknown;
};

}  // namespace

Value percent_format(Runtime& runtime, const String& format, const Value& values) {
  return PercentFormatter(runtime, format, values).run();
}

Value brace_format(Runtime& runtime, const String& format, const Arguments& values) {
  return BraceFormatter(runtime, values).run(format.text, 0);
}

}  // namespace ferrum::jinja
