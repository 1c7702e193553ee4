#include "text/jinja/tests.h"

#include <algorithm>
#include <array>

#include "text/jinja/cursor.h"
#include "text/jinja/failure.h"
#include "text/jinja/filters.h"
#include "text/jinja/method_table.h"
#include "text/jinja/operators.h"
#include "text/jinja/parameters.h"
#include "text/jinja/repr.h"

namespace ferrum::jinja {
namespace {

template <ComparisonOp op>
bool compares(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters p("this test", {"other"}, arguments);
  return compare(runtime, op, value, p.at(0));
}

template <bool (*is)(const Value&)>
bool asks(Runtime&, const Value& value, const Arguments& arguments) {
  const Parameters p("this test", {}, arguments);
  return is(value);
}

bool is_boolean(const Value& v) { return v.get<bool>() != nullptr; }
// Calling an undefined value is an error, but Python's callable() returns True for it.
bool is_callable(const Value& v) { return v.is_undefined() || (v.object() && v.object()->is_callable()); }
bool is_defined(const Value& v) { return !v.is_undefined(); }
bool is_undefined(const Value& v) { return v.is_undefined(); }
bool is_escaped(const Value& v) { return v.is_string() && v.get<String>()->markup; }
bool is_false(const Value& v) { return is_boolean(v) && !*v.get<bool>(); }
bool is_true(const Value& v) { return is_boolean(v) && *v.get<bool>(); }
bool is_float(const Value& v) { return v.get<double>() != nullptr; }
bool is_integer(const Value& v) { return v.get<int64_t>() != nullptr; }
bool is_mapping(const Value& v) { return v.dict() != nullptr; }
bool is_none(const Value& v) { return v.is_none(); }
bool is_number(const Value& v) { return as_number(v).has_value(); }
bool is_string(const Value& v) { return v.is_string(); }
bool is_sequence(const Value& v) {
  if (const Object* object = v.object()) return object->length() && object->has_subscript();
  return v.is_undefined() || v.is_string() || v.items() || v.dict();
}

int64_t remainder(Runtime& runtime, const Value& value, int64_t divisor) {
  const Value rest = apply(runtime, ArithmeticOp::kModulo, value, divisor);
  if (const double* d = rest.get<double>()) return *d == 0 ? 0 : *d == 1 ? 1 : -1;
  return as_integer(rest).value_or(-1);
}

bool is_even(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters p("even", {}, arguments);
  return remainder(runtime, value, 2) == 0;
}

bool is_odd(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters p("odd", {}, arguments);
  return remainder(runtime, value, 2) == 1;
}

bool is_divisible(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters p("divisibleby", {"num"}, arguments);
  return remainder(runtime, value, p.integer(0)) == 0;
}

// Python's `is`: scalars are the same if equal, containers only if they share their contents.
bool is_same(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters p("sameas", {"other"}, arguments);
  const Value& other = p.at(0);
  if (value.storage().index() != other.storage().index()) return false;
  if (value.items()) return value.items() == other.items();
  if (value.dict()) return value.dict() == other.dict();
  if (value.object()) return value.object() == other.object();
  return equal(runtime.budget, value, other);
}

template <char kind>
bool has_case(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters p("this test", {}, arguments);
  const Value text = to_str(runtime, value);
  const auto methods = string_methods();
  const std::string_view name = kind == 'u' ? "isupper" : "islower";
  const auto it =
      std::find_if(methods.begin(), methods.end(), [name](const Method& m) { return m.name == name; });
  return is_truthy(it->body(runtime, text, {}));
}

bool names_filter(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters p("filter", {}, arguments);
  hash_of(runtime.budget, value);  // Python looks it up in a dictionary, which refuses unhashable values
  return value.is_string() && find_filter(value.text()->view());
}

bool names_test(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters p("test", {}, arguments);
  hash_of(runtime.budget, value);
  return value.is_string() && find_test(value.text()->view());
}

constexpr std::array kTests = {
    Test{"!=", compares<ComparisonOp::kNotEqual>},
    Test{"<", compares<ComparisonOp::kLess>},
    Test{"<=", compares<ComparisonOp::kLessEqual>},
    Test{"==", compares<ComparisonOp::kEqual>},
    Test{">", compares<ComparisonOp::kGreater>},
    Test{">=", compares<ComparisonOp::kGreaterEqual>},
    Test{"boolean", asks<is_boolean>},
    Test{"callable", asks<is_callable>},
    Test{"defined", asks<is_defined>},
    Test{"divisibleby", is_divisible},
    Test{"eq", compares<ComparisonOp::kEqual>},
    Test{"equalto", compares<ComparisonOp::kEqual>},
    Test{"escaped", asks<is_escaped>},
    Test{"even", is_even},
    Test{"false", asks<is_false>},
    Test{"filter", names_filter},
    Test{"float", asks<is_float>},
    Test{"ge", compares<ComparisonOp::kGreaterEqual>},
    Test{"greaterthan", compares<ComparisonOp::kGreater>},
    Test{"gt", compares<ComparisonOp::kGreater>},
    Test{"in", compares<ComparisonOp::kIn>},
    Test{"integer", asks<is_integer>},
    Test{"iterable", asks<is_iterable>},
    Test{"le", compares<ComparisonOp::kLessEqual>},
    Test{"lessthan", compares<ComparisonOp::kLess>},
    Test{"lower", has_case<'l'>},
    Test{"lt", compares<ComparisonOp::kLess>},
    Test{"mapping", asks<is_mapping>},
    Test{"ne", compares<ComparisonOp::kNotEqual>},
    Test{"none", asks<is_none>},
    Test{"number", asks<is_number>},
    Test{"odd", is_odd},
    Test{"sameas", is_same},
    Test{"sequence", asks<is_sequence>},
    Test{"string", asks<is_string>},
    Test{"test", names_test},
    Test{"true", asks<is_true>},
    Test{"undefined", asks<is_undefined>},
    Test{"upper", has_case<'u'>},
};

}  // namespace

const Test* find_test(std::string_view name) {
  const auto it =
      std::find_if(kTests.begin(), kTests.end(), [name](const Test& t) { return t.name == name; });
  return it == kTests.end() ? nullptr : &*it;
}

}  // namespace ferrum::jinja
