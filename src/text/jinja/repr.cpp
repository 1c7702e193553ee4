#include "text/jinja/repr.h"

#include <array>
#include <charconv>
#include <cmath>

#include "base/utf8.h"
#include "text/jinja/failure.h"
#include "text/jinja/operators.h"
#include "text/jinja/strings.h"

namespace ferrum::jinja {
namespace {

void append_items(Runtime& runtime, TextBuilder& out, const std::vector<Value>& items) {
  bool first = true;
  for (const Value& item : items) {
    if (!first) out.append(", ");
    first = false;
    append_repr(runtime, out, item);
  }
}

void append_dict(Runtime& runtime, TextBuilder& out, const Dict& dict) {
  out.append("{");
  bool first = true;
  for (const auto& [key, value] : dict.entries()) {
    if (!first) out.append(", ");
    first = false;
    append_repr(runtime, out, key);
    out.append(": ");
    append_repr(runtime, out, value);
  }
  out.append("}");
}

void append_escaped(std::string& out, const utf8::Decoded& d, std::string_view bytes, char quote) {
  const char32_t c = d.valid ? d.code_point : static_cast<unsigned char>(bytes[0]);
  if (c == static_cast<char32_t>(quote) || c == '\\') {
    out += '\\';
    out += static_cast<char>(c);
  } else if (c == '\n') {
    out += "\\n";
  } else if (c == '\r') {
    out += "\\r";
  } else if (c == '\t') {
    out += "\\t";
  } else if (d.valid && is_printable(c)) {
    out.append(bytes.substr(0, d.size));
  } else if (c < 0x100) {
    out += fmt::format("\\x{:02x}", static_cast<uint32_t>(c));
  } else if (c < 0x10000) {
    out += fmt::format("\\u{:04x}", static_cast<uint32_t>(c));
  } else {
    out += fmt::format("\\U{:08x}", static_cast<uint32_t>(c));
  }
}

}  // namespace

std::string float_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::array<char, 40> buffer{};
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific);
  std::string_view text(buffer.data(), static_cast<size_t>(end.ptr - buffer.data()));
  std::string out;
  if (text.starts_with('-')) {
    out += '-';
    text.remove_prefix(1);
  }
  const size_t e = text.find('e');
  int exponent = 0;
  const std::string_view exponent_text = text.substr(e + (text[e + 1] == '+' ? 2 : 1));
  std::from_chars(exponent_text.data(), exponent_text.data() + exponent_text.size(), exponent);
  std::string digits(1, text[0]);
  if (e > 2) digits += text.substr(2, e - 2);

  // Python's repr switches to exponents from this many digits on, and below 1e-4.
  constexpr int kLargestPlain = 16;
  const int count = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= kLargestPlain) {
    out += digits[0];
    if (count > 1) out += '.' + digits.substr(1);
    return out + fmt::format("e{}{:02}", exponent < 0 ? '-' : '+', std::abs(exponent));
  }
  if (exponent < 0) return out + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  if (count <= exponent + 1)
    return out + digits + std::string(static_cast<size_t>(exponent + 1 - count), '0') + ".0";
  return out + digits.substr(0, static_cast<size_t>(exponent) + 1) + "." +
         digits.substr(static_cast<size_t>(exponent) + 1);
}

void append_repr(TextBuilder& out, const Text& text) {
  const std::string_view all = text.view();
  const bool use_double = all.find('\'') != std::string_view::npos && all.find('"') == std::string_view::npos;
  const char quote = use_double ? '"' : '\'';
  out.append(std::string_view(&quote, 1));
  text.for_each_run([&](std::string_view run, Origin origin) {
    std::string escaped;
    while (!run.empty()) {
      const utf8::Decoded d = utf8::decode(run);
      append_escaped(escaped, d, run, quote);
      run.remove_prefix(d.size);
    }
    out.append(escaped, origin);
  });
  out.append(std::string_view(&quote, 1));
}

void append_repr(Runtime& runtime, TextBuilder& out, const Value& value) {
  runtime.budget.step();
  // Values are not deeper than the limit, but namespaces can chain them.
  const Nested nested(runtime.printing, 2 * runtime.budget.max_depth());
  if (value.is_undefined()) {
    out.append("Undefined");
  } else if (const String* string = value.get<String>()) {
    if (string->markup) out.append("Markup(");
    append_repr(out, string->text);
    if (string->markup) out.append(")");
  } else {
    append_str(runtime, out, value);
  }
}

void append_str(Runtime& runtime, TextBuilder& out, const Value& value) {
  if (const Text* text = value.text()) {
    out.append(*text);
  } else if (value.is_none()) {
    out.append("None");
  } else if (const bool* b = value.get<bool>()) {
    out.append(*b ? "True" : "False");
  } else if (const int64_t* i = value.get<int64_t>()) {
    out.append(fmt::format("{}", *i));
  } else if (const double* d = value.get<double>()) {
    out.append(float_repr(*d));
  } else if (const List* list = value.get<List>()) {
    out.append("[");
    append_items(runtime, out, list->items->values);
    out.append("]");
  } else if (const Tuple* tuple = value.get<Tuple>()) {
    out.append("(");
    append_items(runtime, out, tuple->items->values);
    out.append(tuple->items->values.size() == 1 ? ",)" : ")");
  } else if (const Dict* dict = value.dict()) {
    append_dict(runtime, out, *dict);
  } else if (Object* object = value.object()) {
    object->repr(runtime, out);
  }
}

Text to_str(Runtime& runtime, const Value& value) {
  if (const Text* text = value.text()) return *text;
  TextBuilder out(runtime.budget);
  append_str(runtime, out, value);
  return out.take();
}

}  // namespace ferrum::jinja
