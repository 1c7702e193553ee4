// The evaluator's statements, and the functions that templates define.
#include <algorithm>

#include "base/error.h"
#include "text/jinja/evaluator.h"
#include "text/jinja/failure.h"
#include "text/jinja/loop.h"
#include "text/jinja/objects.h"
#include "text/jinja/operators.h"
#include "text/jinja/repr.h"

namespace ferrum::jinja {
namespace {

// A macro, or the `caller` that a call block passes to one.
class TemplateFunction : public Object {
 public:
  TemplateFunction(Evaluator& evaluator, const Function& function, Scope* closure)
      : evaluator_(evaluator), function_(function), closure_(closure) {
    ScopePool::keep(closure);
  }

  std::string_view type_name() const override { return "Macro"; }
  bool is_callable() const override { return true; }
  Value call(Runtime&, const Arguments& arguments) override {
    return evaluator_.call(function_, closure_, arguments);
  }

  std::optional<Value> attribute(Runtime& runtime, std::string_view name) override {
    if (name == "name") return Text(function_.name, Origin::kTemplate);
    if (name == "catch_varargs") return function_.varargs.has_value();
    if (name == "catch_kwargs") return function_.kwargs.has_value();
    if (name == "caller") return function_.caller.has_value();
    if (name == "arguments") return evaluator_.parameter_names(runtime, function_);
    return std::nullopt;
  }

  void repr(Runtime&, TextBuilder& out) override {
    out.append(fmt::format("<Macro {}>", in_quotes(function_.name)));
  }

 private:
  Evaluator& evaluator_;
  const Function& function_;
  Scope* closure_;
};

Value make_function(Evaluator& evaluator, Runtime& runtime, const Function& function, Scope* closure) {
  runtime.budget.make(sizeof(TemplateFunction));
  return std::static_pointer_cast<Object>(std::make_shared<TemplateFunction>(evaluator, function, closure));
}

// Ends a loop, which releases its items, however the body is left.
class EndOfLoop {
 public:
  explicit EndOfLoop(Loop& loop) : loop_(loop) {}
  ~EndOfLoop() { loop_.end(); }
  EndOfLoop(const EndOfLoop&) = delete;
  EndOfLoop& operator=(const EndOfLoop&) = delete;

 private:
  Loop& loop_;
};

}  // namespace

Evaluator::Flow Evaluator::execute(const Body& body) {
  const Nested nested(depth_, runtime_.budget.max_depth() * kNodesPerLevel);
  for (const Statement& statement : body) {
    runtime_.budget.step();
    try {
      const Flow flow = std::visit([this](const auto& node) { return execute_node(node); }, statement.node);
      if (flow != Flow::kNext) return flow;
    } catch (Failure& failure) {
      if (!failure.place) failure.place = statement.place;
      throw;
    }
  }
  return Flow::kNext;
}

Evaluator::Flow Evaluator::execute_node(const Data& node) {
  out_->append(node.text);
  return Flow::kNext;
}

Evaluator::Flow Evaluator::execute_node(const Output& node) {
  for (const ExpressionPtr& expression : node.values) append_str(runtime_, *out_, evaluate(*expression));
  return Flow::kNext;
}

Evaluator::Flow Evaluator::execute_node(const If& node) {
  for (const If::Branch& branch : node.branches)
    if (is_truthy(evaluate(*branch.condition))) return execute(branch.body);
  return execute(node.otherwise);
}

// --- loops ---

Evaluator::Flow Evaluator::execute_node(const For& node) {
  run_iterations(node, scope_, evaluate(*node.iterable), 0);
  return Flow::kNext;
}

Text Evaluator::run_loop(const For& loop, Scope* around, const Value& iterable, int depth) {
  const Nested nested(calls_, runtime_.budget.max_depth());
  TextBuilder out(runtime_.budget);
  TextBuilder* before = out_;
  out_ = &out;
  run_iterations(loop, around, iterable, depth);
  out_ = before;
  return out.take();
}

void Evaluator::run_iterations(const For& node, Scope* around, const Value& iterable, int depth) {
  Loop::Accepts accepts;
  if (node.condition) {
    accepts = [this, &node, around](const Value& item) {
      const OpenScope inside(scopes_, scope_, around);
      assign(node.target, item);
      return is_truthy(evaluate(*node.condition));
    };
  }
  const auto loop =
      std::make_shared<Loop>(*this, Loop::Setting{&node, around, depth}, iterable, std::move(accepts));
  const EndOfLoop end(*loop);
  bool finished_one = false;  // in Jinja, a body left by break or continue does not prevent `else`
  while (loop->advance()) {
    const OpenScope inside(scopes_, scope_, around);
    inside->set(program_.loop, std::static_pointer_cast<Object>(loop));
    assign(node.target, loop->current());
    const Flow flow = execute(node.body);
    if (flow == Flow::kBreak) break;
    finished_one |= flow == Flow::kNext;
  }
  if (!finished_one) {
    const OpenScope inside(scopes_, scope_, around);
    execute(node.otherwise);
  }
}

// --- names ---

void Evaluator::assign(const Target& target, const Value& value) {
  if (const NameId* name = std::get_if<NameId>(&target.what)) {
    scope_->set(*name, value);
  } else if (const auto* attribute = std::get_if<Target::Attribute>(&target.what)) {
    const Value* space = scope_->find(attribute->space);
    auto* names = space ? space->object_as<Namespace>() : nullptr;
    if (!names) raise_error("cannot assign attribute on non-namespace object");
    names->set(runtime_.budget, attribute->name, value);
  } else {
    const auto& targets = std::get<std::vector<Target>>(target.what);
    require_defined(value);
    if (!is_iterable(value)) raise_error("cannot unpack non-iterable {} object", type_name(value));
    Cursor cursor(runtime_, value);
    for (size_t i = 0; i < targets.size(); ++i) {
      const std::optional<Value> item = cursor.next();
      if (!item) raise_error("not enough values to unpack (expected {}, got {})", targets.size(), i);
      assign(targets[i], *item);
    }
    if (cursor.next()) raise_error("too many values to unpack (expected {})", targets.size());
  }
}

Evaluator::Flow Evaluator::execute_node(const Set& node) {
  assign(node.target, evaluate(*node.value));
  return Flow::kNext;
}

Evaluator::Flow Evaluator::execute_node(const SetBlock& node) {
  Text text = captured(node.body);
  assign(node.target, node.filter ? filtered(*node.filter, text) : Value(std::move(text)));
  return Flow::kNext;
}

Evaluator::Flow Evaluator::execute_node(const With& node) {
  std::vector<Value> values;
  for (const auto& [target, expression] : node.values) values.push_back(evaluate(*expression));
  const OpenScope inside(scopes_, scope_, scope_);
  for (size_t i = 0; i < values.size(); ++i) assign(node.values[i].first, values[i]);
  return execute(node.body);
}

Evaluator::Flow Evaluator::execute_node(const Scoped& node) {
  const OpenScope inside(scopes_, scope_, scope_);
  return execute(node.body);
}

// --- text as a value ---

Text Evaluator::captured(const Body& body) {
  TextBuilder out(runtime_.budget);
  TextBuilder* before = out_;
  out_ = &out;
  {
    const OpenScope inside(scopes_, scope_, scope_);
    execute(body);
  }
  out_ = before;
  return out.take();
}

Evaluator::Flow Evaluator::execute_node(const FilterBlock& node) {
  append_str(runtime_, *out_, filtered(*node.filter, captured(node.body)));
  return Flow::kNext;
}

// --- functions ---

Evaluator::Flow Evaluator::execute_node(const Macro& node) {
  scope_->set(node.name, make_function(*this, runtime_, *node.function, scope_));
  return Flow::kNext;
}

Evaluator::Flow Evaluator::execute_node(const CallBlock& node) {
  const Value callee = evaluate(*node.callee);
  Arguments arguments = evaluate(node.arguments);
  arguments.named.emplace_back("caller", make_function(*this, runtime_, *node.caller, scope_));
  append_str(runtime_, *out_, call(callee, arguments));
  return Flow::kNext;
}

Value Evaluator::call(const Function& function, Scope* closure, const Arguments& arguments) {
  const Nested nested(calls_, runtime_.budget.max_depth());
  const OpenScope inside(scopes_, scope_, closure);
  bind(function, arguments);
  TextBuilder out(runtime_.budget);
  TextBuilder* before = out_;
  out_ = &out;
  execute(function.body);
  out_ = before;
  return out.take();
}

Value Evaluator::parameter_names(Runtime& runtime, const Function& function) const {
  std::vector<Value> names;
  for (const Function::Parameter& parameter : function.parameters)
    names.emplace_back(Text(program_.names[static_cast<size_t>(parameter.name)], Origin::kTemplate));
  return make_tuple(runtime.budget, std::move(names));
}

void Evaluator::bind(const Function& function, const Arguments& arguments) {
  const auto& parameters = function.parameters;
  std::vector<const Value*> given(parameters.size(), nullptr);
  for (size_t i = 0; i < std::min(given.size(), arguments.positional.size()); ++i)
    given[i] = &arguments.positional[i];

  if (function.varargs) {
    const size_t taken = std::min(parameters.size(), arguments.positional.size());
    scope_->set(*function.varargs,
                make_tuple(runtime_.budget, {arguments.positional.begin() + static_cast<ptrdiff_t>(taken),
                                             arguments.positional.end()}));
  } else if (arguments.positional.size() > parameters.size()) {
    raise_error("macro {} takes not more than {} argument(s)", in_quotes(function.name), parameters.size());
  }

  Dict more;
  std::optional<Value> caller;
  for (const auto& [name, value] : arguments.named) {
    size_t i = 0;
    while (i < parameters.size() && program_.names[static_cast<size_t>(parameters[i].name)] != name) ++i;
    if (i < parameters.size() && !given[i])
      given[i] = &value;
    else if (function.caller && name == "caller")
      caller = value;
    else if (function.kwargs)
      more.set(runtime_.budget, Text(name, Origin::kTemplate), value);
    else
      raise_error("macro {} takes no keyword argument {}", in_quotes(function.name), in_quotes(name));
  }
  if (function.kwargs) scope_->set(*function.kwargs, make_dict(runtime_.budget, std::move(more)));
  if (function.caller)
    scope_->set(*function.caller, caller ? *caller : Value::undefined("No caller defined"));

  for (size_t i = 0; i < parameters.size(); ++i) {
    const std::string& name = program_.names[static_cast<size_t>(parameters[i].name)];
    scope_->set(parameters[i].name,
                given[i] ? *given[i]
                         : Value::undefined(fmt::format("parameter {} was not provided", in_quotes(name))));
  }
  for (size_t i = 0; i < parameters.size(); ++i)
    if (!given[i] && parameters[i].otherwise)
      scope_->set(parameters[i].name, evaluate(*parameters[i].otherwise));
}

}  // namespace ferrum::jinja
