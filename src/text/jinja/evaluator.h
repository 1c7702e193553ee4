// Runs a Program.
#pragma once
#include <memory>
#include <vector>

#include "text/jinja/ast.h"
#include "text/jinja/cursor.h"
#include "text/jinja/runtime.h"
#include "text/jinja/scope.h"
#include "text/jinja/value.h"

namespace ferrum::jinja {

class Loop;

class Evaluator {
 public:
  // Both must outlive the evaluator. Scopes use the program's name ids.
  Evaluator(const Program& program, Runtime& runtime);

  // Defines a variable of the context; call before run. Names that the program does not use are ignored.
  void define(std::string_view name, Value value);

  Text run();

  // Calls a function that the template defines.
  Value call(const Function& function, Scope* closure, const Arguments& arguments);
  Value parameter_names(Runtime& runtime, const Function& function) const;
  Text run_loop(const For& loop, Scope* around, const Value& iterable, int depth);

 private:
  friend class Loop;
  enum class Flow { kNext, kBreak, kContinue };

  Value evaluate(const Expression& expression);
  Value evaluate_node(const Literal& node);
  Value evaluate_node(const Name& node);
  Value evaluate_node(const ListLiteral& node);
  Value evaluate_node(const TupleLiteral& node);
  Value evaluate_node(const DictLiteral& node);
  Value evaluate_node(const Attribute& node);
  Value evaluate_node(const Subscript& node);
  Value evaluate_node(const Slice& node);
  Value evaluate_node(const Call& node);
  Value evaluate_node(const FilterCall& node);
  Value evaluate_node(const TestCall& node);
  Value evaluate_node(const Negation& node);
  Value evaluate_node(const Sign& node);
  Value evaluate_node(const Arithmetic& node);
  Value evaluate_node(const Concatenation& node);
  Value evaluate_node(const Comparison& node);
  Value evaluate_node(const Logical& node);
  Value evaluate_node(const Conditional& node);

  std::vector<Value> evaluate_all(const std::vector<ExpressionPtr>& expressions);
  Arguments evaluate(const CallArguments& arguments);
  Value call(const Value& callee, const Arguments& arguments);
  // Applies a chain of filters whose innermost input is `text`.
  Value filtered(const Expression& filter, const Text& text);

  Flow execute(const Body& body);
  Flow execute_node(const Data& node);
  Flow execute_node(const Output& node);
  Flow execute_node(const For& node);
  Flow execute_node(const If& node);
  Flow execute_node(const Set& node);
  Flow execute_node(const SetBlock& node);
  Flow execute_node(const Macro& node);
  Flow execute_node(const CallBlock& node);
  Flow execute_node(const FilterBlock& node);
  Flow execute_node(const With& node);
  Flow execute_node(const Scoped& node);
  Flow execute_node(const Break&) { return Flow::kBreak; }
  Flow execute_node(const Continue&) { return Flow::kContinue; }

  void run_iterations(const For& node, Scope* around, const Value& iterable, int depth);
  // The text that a body writes, evaluated in a scope of its own.
  Text captured(const Body& body);
  void assign(const Target& target, const Value& value);
  void bind(const Function& function, const Arguments& arguments);

  // A node of the tree takes a few stack frames; ordinary templates nest a few dozen.
  static constexpr int kNodesPerLevel = 10;

  const Program& program_;
  Runtime& runtime_;
  ScopePool scopes_;
  Scope* scope_ = nullptr;
  TextBuilder* out_ = nullptr;
  const Text* block_text_ = nullptr;  // the input of a block's filters
  int depth_ = 0;                     // of C++ recursion
  int calls_ = 0;                     // of nested calls to template functions
};

}  // namespace ferrum::jinja
