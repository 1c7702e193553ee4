// The methods of Python's str that judge its characters: isalpha, isdigit, istitle, …
#include <utf8proc.h>

#include "base/utf8.h"
#include "text/jinja/operators.h"
#include "text/jinja/parameters.h"
#include "text/jinja/string_methods.h"
#include "text/jinja/strings.h"

namespace ferrum::jinja {
namespace {

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

}  // namespace

Value is_alphanumeric_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return all_are<is_alphanumeric>(runtime, self, arguments);
}

Value is_alpha_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return all_are<is_alpha>(runtime, self, arguments);
}

Value is_ascii_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return all_are<is_ascii, WhenEmpty::kYes>(runtime, self, arguments);
}

Value is_decimal_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return all_are<is_decimal>(runtime, self, arguments);
}

Value is_digit_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return all_are<is_digit>(runtime, self, arguments);
}

Value is_lower_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return cased_are<is_lower, is_upper>(runtime, self, arguments);
}

Value is_numeric_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return all_are<is_numeric>(runtime, self, arguments);
}

Value is_printable_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return all_are<is_shown, WhenEmpty::kYes>(runtime, self, arguments);
}

Value is_space_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return all_are<is_white>(runtime, self, arguments);
}

Value is_upper_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return cased_are<is_upper, is_lower>(runtime, self, arguments);
}

Value is_title_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p("istitle", {}, arguments);
  const std::string_view text = text_of(self).view();
  const Text titled = to_title(runtime.budget, text_of(self));
  return titled.view() == text && is_truthy(Value(to_lower(runtime.budget, titled).view() != text));
}

Value is_identifier_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
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

}  // namespace ferrum::jinja
