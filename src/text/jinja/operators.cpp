#include "text/jinja/operators.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>

#include "text/jinja/cursor.h"
#include "text/jinja/failure.h"
#include "text/jinja/formatting.h"
#include "text/jinja/strings.h"

namespace ferrum::jinja {
namespace {

std::string_view symbol(ArithmeticOp op) {
  switch (op) {
    case ArithmeticOp::kAdd:
      return "+";
    case ArithmeticOp::kSubtract:
      return "-";
    case ArithmeticOp::kMultiply:
      return "*";
    case ArithmeticOp::kDivide:
      return "/";
    case ArithmeticOp::kFloorDivide:
      return "//";
    case ArithmeticOp::kModulo:
      return "%";
    case ArithmeticOp::kPower:
      return "** or pow()";
  }
  return "?";
}

[[noreturn]] void out_of_range() { raise_error("integer out of range"); }

int64_t add(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) out_of_range();
  return sum;
}

int64_t subtract(int64_t a, int64_t b) {
  int64_t difference = 0;
  if (__builtin_sub_overflow(a, b, &difference)) out_of_range();
  return difference;
}

int64_t multiply(int64_t a, int64_t b) {
  int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) out_of_range();
  return product;
}

int64_t floor_divide(int64_t a, int64_t b) {
  if (b == 0) raise_error("integer division or modulo by zero");
  if (b == -1) return subtract(0, a);
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

int64_t modulo(int64_t a, int64_t b) {
  if (b == 0) raise_error("integer modulo by zero");
  if (b == -1) return 0;
  const int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

double modulo(double a, double b) {
  if (b == 0) raise_error("float modulo by zero");
  double rest = std::fmod(a, b);
  if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
  return rest != 0 ? rest : std::copysign(0.0, b);
}

double floor_divide(double a, double b) {
  if (b == 0) raise_error("float floor division by zero");
  const double quotient = (a - modulo(a, b)) / b;
  const double floored = std::floor(quotient);
  return quotient - floored > 0.5 ? floored + 1 : floored;
}

Value power(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) raise_error("0.0 cannot be raised to a negative power");
    return std::pow(static_cast<double>(base), static_cast<double>(exponent));
  }
  int64_t result = 1;
  while (exponent > 0) {
    if (exponent & 1) result = multiply(result, base);
    exponent >>= 1;
    if (exponent > 0) base = multiply(base, base);
  }
  return result;
}

Value power(double base, double exponent) {
  if (base == 0 && exponent < 0) raise_error("0.0 cannot be raised to a negative power");
  const double result = std::pow(base, exponent);
  if (std::isnan(result) && !std::isnan(base) && !std::isnan(exponent))
    raise_error("a complex number as a result");
  if (std::isinf(result) && std::isfinite(base) && std::isfinite(exponent)) raise_error("float out of range");
  return result;
}

Value integers(ArithmeticOp op, int64_t a, int64_t b) {
  switch (op) {
    case ArithmeticOp::kAdd:
      return add(a, b);
    case ArithmeticOp::kSubtract:
      return subtract(a, b);
    case ArithmeticOp::kMultiply:
      return multiply(a, b);
    case ArithmeticOp::kDivide:
      if (b == 0) raise_error("division by zero");
      return static_cast<double>(a) / static_cast<double>(b);
    case ArithmeticOp::kFloorDivide:
      return floor_divide(a, b);
    case ArithmeticOp::kModulo:
      return modulo(a, b);
    case ArithmeticOp::kPower:
      return power(a, b);
  }
  return {};
}

Value floats(ArithmeticOp op, double a, double b) {
  switch (op) {
    case ArithmeticOp::kAdd:
      return a + b;
    case ArithmeticOp::kSubtract:
      return a - b;
    case ArithmeticOp::kMultiply:
      return a * b;
    case ArithmeticOp::kDivide:
      if (b == 0) raise_error("float division by zero");
      return a / b;
    case ArithmeticOp::kFloorDivide:
      return floor_divide(a, b);
    case ArithmeticOp::kModulo:
      return modulo(a, b);
    case ArithmeticOp::kPower:
      return power(a, b);
  }
  return {};
}

Value add_strings(Runtime& runtime, const String& left, const String& right) {
  if (left.markup == right.markup)
    return String{concatenate(runtime.budget, left.text, right.text), left.markup};
  const Text a = left.markup ? left.text : html_escape(runtime.budget, left.text);
  const Text b = right.markup ? right.text : html_escape(runtime.budget, right.text);
  return String{concatenate(runtime.budget, a, b), true};
}

Value add_items(Runtime& runtime, const Value& left, const Value& right) {
  const auto& a = *left.items();
  const auto& b = *right.items();
  runtime.budget.make(a.size() + b.size(), sizeof(Value));
  std::vector<Value> sum;
  sum.reserve(a.size() + b.size());
  sum.insert(sum.end(), a.begin(), a.end());
  sum.insert(sum.end(), b.begin(), b.end());
  return left.get<List>() ? make_list(runtime.budget, std::move(sum))
                          : make_tuple(runtime.budget, std::move(sum));
}

std::optional<Value> repeat(Runtime& runtime, const Value& what, const Value& times) {
  const std::optional<int64_t> signed_count = as_integer(times);
  if (!signed_count) return std::nullopt;
  const auto count = static_cast<size_t>(std::max<int64_t>(*signed_count, 0));
  if (const String* string = what.get<String>()) {
    TextBuilder out(runtime.budget);
    out.append(count, string->text);
    return Value(String{out.take(), string->markup});
  }
  const auto* items = what.items();
  if (!items) return std::nullopt;
  std::vector<Value> result;
  if (!items->empty()) {
    if (count > std::numeric_limits<size_t>::max() / items->size())
      raise_error("a list of {} times {} items", count, items->size());
    runtime.budget.make(count * items->size(), sizeof(Value));
    result.reserve(count * items->size());
    for (size_t i = 0; i < count; ++i) result.insert(result.end(), items->begin(), items->end());
  }
  return what.get<List>() ? make_list(runtime.budget, std::move(result))
                          : make_tuple(runtime.budget, std::move(result));
}

std::optional<Value> apply_to_sequences(Runtime& runtime, ArithmeticOp op, const Value& left,
                                        const Value& right) {
  if (op == ArithmeticOp::kMultiply) {
    if (std::optional<Value> repeated = repeat(runtime, left, right)) return repeated;
    return repeat(runtime, right, left);
  }
  const String* string = left.get<String>();
  if (op == ArithmeticOp::kModulo && string) return percent_format(runtime, *string, right);
  if (op != ArithmeticOp::kAdd) return std::nullopt;
  if (string) {
    if (const String* other = right.get<String>()) return add_strings(runtime, *string, *other);
    raise_error("can only concatenate str (not \"{}\") to str", type_name(right));
  }
  if ((left.get<List>() && right.get<List>()) || (left.get<Tuple>() && right.get<Tuple>()))
    return add_items(runtime, left, right);
  if (left.items())
    raise_error("can only concatenate {0} (not \"{1}\") to {0}", type_name(left), type_name(right));
  return std::nullopt;
}

}  // namespace

std::string_view type_name(const Value& value) {
  struct Namer {
    std::string_view operator()(const Undefined&) const { return "Undefined"; }
    std::string_view operator()(const None&) const { return "NoneType"; }
    std::string_view operator()(bool) const { return "bool"; }
    std::string_view operator()(int64_t) const { return "int"; }
    std::string_view operator()(double) const { return "float"; }
    std::string_view operator()(const String& s) const { return s.markup ? "Markup" : "str"; }
    std::string_view operator()(const List&) const { return "list"; }
    std::string_view operator()(const Tuple&) const { return "tuple"; }
    std::string_view operator()(const std::shared_ptr<const Dict>&) const { return "dict"; }
    std::string_view operator()(const std::shared_ptr<Object>& o) const { return o->type_name(); }
  };
  return std::visit(Namer{}, value.storage());
}

bool is_truthy(const Value& value) {
  struct Truth {
    bool operator()(const Undefined&) const { return false; }
    bool operator()(const None&) const { return false; }
    bool operator()(bool b) const { return b; }
    bool operator()(int64_t i) const { return i != 0; }
    bool operator()(double d) const { return d != 0; }
    bool operator()(const String& s) const { return !s.text.empty(); }
    bool operator()(const List& l) const { return !l.items->values.empty(); }
    bool operator()(const Tuple& t) const { return !t.items->values.empty(); }
    bool operator()(const std::shared_ptr<const Dict>& d) const { return !d->entries().empty(); }
    bool operator()(const std::shared_ptr<Object>& o) const { return o->length().value_or(1) != 0; }
  };
  return std::visit(Truth{}, value.storage());
}

void raise_undefined(const Undefined& undefined) {
  raise_error("{}", undefined.why ? *undefined.why : "a value is undefined");
}

void require_defined(const Value& value) {
  if (const Undefined* undefined = value.get<Undefined>()) raise_undefined(*undefined);
}

std::optional<int64_t> as_integer(const Value& value) {
  if (const int64_t* i = value.get<int64_t>()) return *i;
  if (const bool* b = value.get<bool>()) return *b ? 1 : 0;
  return std::nullopt;
}

std::optional<double> as_number(const Value& value) {
  if (const double* d = value.get<double>()) return *d;
  if (const std::optional<int64_t> i = as_integer(value)) return static_cast<double>(*i);
  return std::nullopt;
}

Value apply(Runtime& runtime, ArithmeticOp op, const Value& left, const Value& right) {
  // `%` on a string formats, and may format undefined values.
  if (!(op == ArithmeticOp::kModulo && left.is_string())) {
    require_defined(left);
    require_defined(right);
  }
  const std::optional<int64_t> a = as_integer(left), b = as_integer(right);
  if (a && b) return integers(op, *a, *b);
  const std::optional<double> x = as_number(left), y = as_number(right);
  if (x && y) return floats(op, *x, *y);
  if (std::optional<Value> result = apply_to_sequences(runtime, op, left, right)) return std::move(*result);
  raise_error("unsupported operand type(s) for {}: '{}' and '{}'", symbol(op), type_name(left),
              type_name(right));
}

Value negate(const Value& operand) {
  require_defined(operand);
  if (const double* d = operand.get<double>()) return -*d;
  if (const std::optional<int64_t> i = as_integer(operand)) return subtract(0, *i);
  raise_error("bad operand type for unary -: '{}'", type_name(operand));
}

Value plus(const Value& operand) {
  require_defined(operand);
  if (operand.get<double>()) return operand;
  if (const std::optional<int64_t> i = as_integer(operand)) return *i;
  raise_error("bad operand type for unary +: '{}'", type_name(operand));
}

}  // namespace ferrum::jinja
