// Python's comparisons: order, equality, membership and hashes.
#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>

#include "text/jinja/cursor.h"
#include "text/jinja/failure.h"
#include "text/jinja/operators.h"

namespace ferrum::jinja {
namespace {

// Python compares integers with floats exactly; so does this function, without rounding.
std::partial_ordering order_numbers(const Value& left, const Value& right) {
  const std::optional<int64_t> a = as_integer(left), b = as_integer(right);
  if (a && b) return *a <=> *b;
  if (!a && !b) return *as_number(left) <=> *as_number(right);
  if (!a) return 0 <=> order_numbers(right, left);
  const double d = *as_number(right);
  if (std::isnan(d)) return std::partial_ordering::unordered;
  constexpr double kPastLargest = 9223372036854775808.0;
  if (d >= kPastLargest) return std::partial_ordering::less;
  if (d < -kPastLargest) return std::partial_ordering::greater;
  const auto whole = static_cast<int64_t>(std::floor(d));
  if (*a != whole) return *a <=> whole;
  return d > std::floor(d) ? std::partial_ordering::less : std::partial_ordering::equivalent;
}

bool is_number(const Value& value) {
  return value.get<int64_t>() || value.get<double>() || value.get<bool>();
}

// nullopt if the values cannot be ordered.
std::optional<std::partial_ordering> order(Runtime& runtime, const Value& left, const Value& right) {
  runtime.budget.step();
  if (is_number(left) && is_number(right)) return order_numbers(left, right);
  if (left.is_string() && right.is_string()) {
    runtime.budget.scan(std::min(left.text()->size(), right.text()->size()));
    return left.text()->view().compare(right.text()->view()) <=> 0;
  }
  if ((left.get<List>() && right.get<List>()) || (left.get<Tuple>() && right.get<Tuple>())) {
    const auto& a = *left.items();
    const auto& b = *right.items();
    for (size_t i = 0; i < std::min(a.size(), b.size()); ++i)
      if (!equal(runtime.budget, a[i], b[i])) return order(runtime, a[i], b[i]);
    return a.size() <=> b.size();
  }
  return std::nullopt;
}

std::string_view symbol(ComparisonOp op) {
  switch (op) {
    case ComparisonOp::kLess:
      return "<";
    case ComparisonOp::kLessEqual:
      return "<=";
    case ComparisonOp::kGreater:
      return ">";
    case ComparisonOp::kGreaterEqual:
      return ">=";
    default:
      return "?";
  }
}

}  // namespace

bool equal(Budget& budget, const Value& left, const Value& right) {
  budget.step();
  if (is_number(left) && is_number(right)) return std::is_eq(order_numbers(left, right));
  if (left.storage().index() != right.storage().index()) return false;
  const auto equal_pair = [&budget](const Value& x, const Value& y) { return equal(budget, x, y); };
  if (const Text* a = left.text()) {
    const Text* b = right.text();
    if (a->size() != b->size()) return false;
    budget.scan(a->size());
    return a->view() == b->view();
  }
  if (const auto* a = left.items()) {
    const auto* b = right.items();
    return a == b || std::equal(a->begin(), a->end(), b->begin(), b->end(), equal_pair);
  }
  if (const Dict* a = left.dict()) {
    const Dict* b = right.dict();
    if (a == b) return true;
    return a->entries().size() == b->entries().size() &&
           std::all_of(a->entries().begin(), a->entries().end(), [&](const Dict::Entry& entry) {
             const Value* other = b->find(budget, entry.first);
             return other && equal(budget, entry.second, *other);
           });
  }
  if (const Object* object = left.object())
    return object == right.object() || object->equals(*right.object());
  return true;  // both are None, or both undefined
}

bool less(Runtime& runtime, const Value& left, const Value& right) {
  return compare(runtime, ComparisonOp::kLess, left, right);
}

bool compare(Runtime& runtime, ComparisonOp op, const Value& left, const Value& right) {
  if (op == ComparisonOp::kEqual) return equal(runtime.budget, left, right);
  if (op == ComparisonOp::kNotEqual) return !equal(runtime.budget, left, right);
  if (op == ComparisonOp::kIn) return contains(runtime, right, left);
  if (op == ComparisonOp::kNotIn) return !contains(runtime, right, left);
  require_defined(left);
  require_defined(right);
  const std::optional<std::partial_ordering> ordering = order(runtime, left, right);
  if (!ordering)
    raise_error("'{}' not supported between instances of '{}' and '{}'", symbol(op), type_name(left),
                type_name(right));
  switch (op) {
    case ComparisonOp::kLess:
      return std::is_lt(*ordering);
    case ComparisonOp::kLessEqual:
      return std::is_lteq(*ordering);
    case ComparisonOp::kGreater:
      return std::is_gt(*ordering);
    default:
      return std::is_gteq(*ordering);
  }
}

bool contains(Runtime& runtime, const Value& container, const Value& item) {
  if (const Text* text = container.text()) {
    const Text* part = item.text();
    if (!part) raise_error("'in <string>' requires string as left operand, not {}", type_name(item));
    runtime.budget.scan(text->size());
    return text->view().find(part->view()) != std::string_view::npos;
  }
  if (const Dict* dict = container.dict()) return dict->find(runtime.budget, item) != nullptr;
  if (!is_iterable(container)) raise_error("argument of type '{}' is not iterable", type_name(container));
  Cursor cursor(runtime, container);
  while (const std::optional<Value> candidate = cursor.next())
    if (equal(runtime.budget, *candidate, item)) return true;
  return false;
}

size_t hash_of(Budget& budget, const Value& value) {
  if (const Text* text = value.text()) {
    budget.scan(text->size());
    return std::hash<std::string_view>()(text->view());
  }
  if (const std::optional<double> number = as_number(value)) return std::hash<double>()(*number);
  if (value.is_none() || value.is_undefined()) return 0;
  if (const Tuple* tuple = value.get<Tuple>()) {
    size_t hash = tuple->items->values.size();
    for (const Value& item : tuple->items->values) {
      budget.step();
      hash = std::rotl(hash, 7) ^ hash_of(budget, item);
    }
    return hash;
  }
  if (const Object* object = value.object()) return std::hash<const void*>()(object);
  raise_error("unhashable type: '{}'", type_name(value));
}

}  // namespace ferrum::jinja
