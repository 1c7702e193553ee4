// Methods of Python's str that have files of their own; string_methods.cpp lists them all.
#pragma once
#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace ferrum::jinja {

inline const Text& text_of(const Value& self) { return self.get<String>()->text; }

// split_methods.cpp
Value split_method(Runtime& runtime, const Value& self, const Arguments& arguments);
Value rsplit_method(Runtime& runtime, const Value& self, const Arguments& arguments);
Value splitlines_method(Runtime& runtime, const Value& self, const Arguments& arguments);

// string_predicates.cpp
Value is_alphanumeric_method(Runtime& runtime, const Value& self, const Arguments& arguments);
Value is_alpha_method(Runtime& runtime, const Value& self, const Arguments& arguments);
Value is_ascii_method(Runtime& runtime, const Value& self, const Arguments& arguments);
Value is_decimal_method(Runtime& runtime, const Value& self, const Arguments& arguments);
Value is_digit_method(Runtime& runtime, const Value& self, const Arguments& arguments);
Value is_identifier_method(Runtime& runtime, const Value& self, const Arguments& arguments);
Value is_lower_method(Runtime& runtime, const Value& self, const Arguments& arguments);
Value is_numeric_method(Runtime& runtime, const Value& self, const Arguments& arguments);
Value is_printable_method(Runtime& runtime, const Value& self, const Arguments& arguments);
Value is_space_method(Runtime& runtime, const Value& self, const Arguments& arguments);
Value is_title_method(Runtime& runtime, const Value& self, const Arguments& arguments);
Value is_upper_method(Runtime& runtime, const Value& self, const Arguments& arguments);

}  // namespace ferrum::jinja
