#include "text/jinja/evaluator.h"

#include <algorithm>

#include "base/error.h"
#include "text/jinja/failure.h"
#include "text/jinja/filters.h"
#include "text/jinja/globals.h"
#include "text/jinja/operators.h"
#include "text/jinja/repr.h"
#include "text/jinja/tests.h"

namespace ferrum::jinja {
Evaluator::Evaluator(const Program& program, Runtime& runtime)
    : program_(program), runtime_(runtime), scopes_(runtime.budget) {
  scope_ = &scopes_.open(nullptr);
  for (const std::string& name : program.names)
    if (const std::optional<Value> global = find_global(name)) define(name, *global);
  scope_ = &scopes_.open(scope_);
}

void Evaluator::define(std::string_view name, Value value) {
  const auto it = std::find(program_.names.begin(), program_.names.end(), name);
  if (it != program_.names.end())
    scope_->set(static_cast<NameId>(it - program_.names.begin()), std::move(value));
}

Text Evaluator::run() {
  TextBuilder out(runtime_.budget);
  out_ = &out;
  execute(program_.body);
  return out.take();
}

Value Evaluator::evaluate(const Expression& expression) {
  runtime_.budget.step();
  try {
    const Nested nested(depth_, runtime_.budget.max_depth() * kNodesPerLevel);
    return std::visit([this](const auto& node) { return evaluate_node(node); }, expression.node);
  } catch (Failure& failure) {
    if (!failure.place) failure.place = expression.place;
    throw;
  }
}

std::vector<Value> Evaluator::evaluate_all(const std::vector<ExpressionPtr>& expressions) {
  std::vector<Value> values;
  values.reserve(expressions.size());
  for (const ExpressionPtr& expression : expressions) values.push_back(evaluate(*expression));
  return values;
}

Value Evaluator::evaluate_node(const Literal& node) { return node.value; }

Value Evaluator::evaluate_node(const Name& node) {
  if (const Value* value = scope_->find(node.id)) return *value;
  return Value::undefined(in_quotes(program_.names[static_cast<size_t>(node.id)]) + " is undefined");
}

Value Evaluator::evaluate_node(const ListLiteral& node) {
  return make_list(runtime_.budget, evaluate_all(node.items));
}

Value Evaluator::evaluate_node(const TupleLiteral& node) {
  return make_tuple(runtime_.budget, evaluate_all(node.items));
}

Value Evaluator::evaluate_node(const DictLiteral& node) {
  Dict dict;
  for (const auto& [key, value] : node.entries) {
    Value evaluated = evaluate(*key);
    dict.set(runtime_.budget, std::move(evaluated), evaluate(*value));
  }
  return make_dict(runtime_.budget, std::move(dict));
}

Value Evaluator::evaluate_node(const Attribute& node) {
  return attribute(runtime_, evaluate(*node.object), node.name);
}

Value Evaluator::evaluate_node(const Subscript& node) {
  const Value object = evaluate(*node.object);
  return subscript(runtime_, object, evaluate(*node.key));
}

Value Evaluator::evaluate_node(const Slice& node) {
  const Value object = evaluate(*node.object);
  SliceBounds bounds;
  if (node.start) bounds.start = evaluate(*node.start);
  if (node.stop) bounds.stop = evaluate(*node.stop);
  if (node.step) bounds.step = evaluate(*node.step);
  return slice(runtime_, object, bounds);
}

Arguments Evaluator::evaluate(const CallArguments& arguments) {
  Arguments result;
  result.positional = evaluate_all(arguments.positional);
  for (const auto& [name, value] : arguments.named) result.named.emplace_back(name, evaluate(*value));
  if (arguments.more_positional) {
    std::vector<Value> more = items_of(runtime_, evaluate(*arguments.more_positional));
    std::move(more.begin(), more.end(), std::back_inserter(result.positional));
  }
  if (arguments.more_named) {
    const Value more = evaluate(*arguments.more_named);
    if (!more.dict()) raise_error("argument after ** must be a mapping, not {}", type_name(more));
    for (const auto& [key, value] : more.dict()->entries()) {
      if (!key.text()) raise_error("keywords must be strings");
      runtime_.budget.make(key.text()->size() + sizeof(Value));
      result.named.emplace_back(key.text()->view(), value);
    }
  }
  return result;
}

Value Evaluator::call(const Value& callee, const Arguments& arguments) {
  require_defined(callee);
  Object* object = callee.object();
  if (!object) raise_error("'{}' object is not callable", type_name(callee));
  return object->call(runtime_, arguments);
}

Value Evaluator::evaluate_node(const Call& node) {
  const Value callee = evaluate(*node.callee);
  return call(callee, evaluate(node.arguments));
}

Value Evaluator::evaluate_node(const FilterCall& node) {
  const Value input = node.input ? evaluate(*node.input) : Value(*block_text_);
  const Filter* filter = find_filter(node.name);
  if (!filter) raise_error("no filter named {}", in_quotes(node.name));
  return filter->apply(runtime_, input, evaluate(node.arguments));
}

Value Evaluator::filtered(const Expression& filter, const Text& text) {
  const Text* before = block_text_;
  block_text_ = &text;
  Value result = evaluate(filter);
  block_text_ = before;
  return result;
}

Value Evaluator::evaluate_node(const TestCall& node) {
  const Value input = evaluate(*node.input);
  const Test* test = find_test(node.name);
  if (!test) raise_error("no test named {}", in_quotes(node.name));
  return test->holds(runtime_, input, evaluate(node.arguments));
}

Value Evaluator::evaluate_node(const Negation& node) { return !is_truthy(evaluate(*node.operand)); }

Value Evaluator::evaluate_node(const Sign& node) {
  const Value operand = evaluate(*node.operand);
  return node.kind == Sign::Kind::kMinus ? negate(operand) : plus(operand);
}

Value Evaluator::evaluate_node(const Arithmetic& node) {
  Value result = evaluate(*node.first);
  for (const auto& [op, operand] : node.rest) result = apply(runtime_, op, result, evaluate(*operand));
  return result;
}

Value Evaluator::evaluate_node(const Concatenation& node) {
  Text result;
  for (const ExpressionPtr& part : node.parts)
    result = concatenate(runtime_.budget, result, to_str(runtime_, evaluate(*part)));
  return result;
}

Value Evaluator::evaluate_node(const Comparison& node) {
  Value left = evaluate(*node.first);
  for (const auto& [op, operand] : node.rest) {
    Value right = evaluate(*operand);
    if (!compare(runtime_, op, left, right)) return false;
    left = std::move(right);
  }
  return true;
}

Value Evaluator::evaluate_node(const Logical& node) {
  const bool stops_at = node.kind == Logical::Kind::kOr;
  Value value;
  for (const ExpressionPtr& operand : node.operands) {
    value = evaluate(*operand);
    if (is_truthy(value) == stops_at) break;
  }
  return value;
}

Value Evaluator::evaluate_node(const Conditional& node) {
  if (is_truthy(evaluate(*node.condition))) return evaluate(*node.consequence);
  if (node.alternative) return evaluate(*node.alternative);
  return Value::undefined("the inline if-expression evaluated to false and has no else");
}

}  // namespace ferrum::jinja
