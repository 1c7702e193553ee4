// Python's operators on values. Invalid operands throw Failure with Python's message.
#pragma once
#include <compare>
#include <optional>
#include <string_view>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace ferrum::jinja {

enum class ArithmeticOp : uint8_t { kAdd, kSubtract, kMultiply, kDivide, kFloorDivide, kModulo, kPower };
enum class ComparisonOp : uint8_t {
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kNotIn
};

std::string_view type_name(const Value& value);  // "str", "NoneType", …
bool is_truthy(const Value& value);
[[noreturn]] void raise_undefined(const Undefined& undefined);
void require_defined(const Value& value);

// An integer, or a boolean, which is an integer in Python.
std::optional<int64_t> as_integer(const Value& value);
// Any number.
std::optional<double> as_number(const Value& value);

Value apply(Runtime& runtime, ArithmeticOp op, const Value& left, const Value& right);
bool compare(Runtime& runtime, ComparisonOp op, const Value& left, const Value& right);
Value negate(const Value& operand);
Value plus(const Value& operand);

bool equal(Budget& budget, const Value& left, const Value& right);
bool less(Runtime& runtime, const Value& left, const Value& right);
bool contains(Runtime& runtime, const Value& container, const Value& item);

size_t hash_of(Budget& budget, const Value& value);  // throws Failure for what Python cannot hash

size_t length_of(Runtime& runtime, const Value& value);

// object.name and object[key]; undefined if missing.
Value attribute(Runtime& runtime, const Value& object, std::string_view name);
// Like Python's getattr: does not look at a dictionary's keys.
Value python_attribute(Runtime& runtime, const Value& object, std::string_view name);
Value subscript(Runtime& runtime, const Value& object, const Value& key);

struct SliceBounds {
  Value start = None{}, stop = None{}, step = None{};
};
Value slice(Runtime& runtime, const Value& object, const SliceBounds& bounds);

}  // namespace ferrum::jinja
