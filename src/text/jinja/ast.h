// The syntax tree of a template: made by the parser, run by the evaluator.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "text/jinja/operators.h"
#include "text/jinja/token.h"
#include "text/jinja/value.h"

namespace ferrum::jinja {

using NameId = int;  // an index into Program::names

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

// --- expressions ---

struct CallArguments {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
  ExpressionPtr more_positional;  // *x
  ExpressionPtr more_named;       // **x
};

struct Literal {
  Value value;
};
struct Name {
  NameId id;
};
struct ListLiteral {
  std::vector<ExpressionPtr> items;
};
struct TupleLiteral {
  std::vector<ExpressionPtr> items;
};
struct DictLiteral {
  std::vector<std::pair<ExpressionPtr, ExpressionPtr>> entries;
};
struct Attribute {
  ExpressionPtr object;
  std::string name;
};
struct Subscript {
  ExpressionPtr object, key;
};
struct Slice {
  ExpressionPtr object, start, stop, step;  // null: omitted
};
struct Call {
  ExpressionPtr callee;
  CallArguments arguments;
};
struct FilterCall {
  ExpressionPtr input;  // null: the text of the block that is filtered
  std::string name;
  CallArguments arguments;
};
struct TestCall {
  ExpressionPtr input;
  std::string name;
  CallArguments arguments;
};
struct Negation {  // not x
  ExpressionPtr operand;
};
struct Sign {
  enum class Kind { kPlus, kMinus };
  Kind kind;
  ExpressionPtr operand;
};
// first op x op y …, left to right, all of one precedence.
struct Arithmetic {
  ExpressionPtr first;
  std::vector<std::pair<ArithmeticOp, ExpressionPtr>> rest;
};
struct Concatenation {  // x ~ y ~ …
  std::vector<ExpressionPtr> parts;
};
// first op x op y …, comparing each neighbouring pair.
struct Comparison {
  ExpressionPtr first;
  std::vector<std::pair<ComparisonOp, ExpressionPtr>> rest;
};
struct Logical {
  enum class Kind { kAnd, kOr };
  Kind kind;
  std::vector<ExpressionPtr> operands;
};
struct Conditional {                                  // consequence if condition else alternative
  ExpressionPtr condition, consequence, alternative;  // alternative: null if omitted
};

struct Expression {
  using Node = std::variant<Literal, Name, ListLiteral, TupleLiteral, DictLiteral, Attribute, Subscript,
                            Slice, Call, FilterCall, TestCall, Negation, Sign, Arithmetic, Concatenation,
                            Comparison, Logical, Conditional>;
  Place place;
  Node node;
};

// --- statements ---

struct Statement;
using Body = std::vector<Statement>;

struct Target {  // the target of an assignment in set and for
  struct Attribute {
    NameId space;
    std::string name;
  };
  std::variant<NameId, Attribute, std::vector<Target>> what;
};

struct Function {  // a macro, or the body of a call block
  struct Parameter {
    NameId name;
    ExpressionPtr otherwise;  // null: undefined unless passed
  };
  std::string name;
  std::vector<Parameter> parameters;
  // Set if the body refers to these names, so that calls may pass them.
  std::optional<NameId> varargs, kwargs, caller;
  Body body;
};

struct Data {
  Text text;
};
struct Output {
  std::vector<ExpressionPtr> values;
};
struct For {
  Target target;
  ExpressionPtr iterable;
  ExpressionPtr condition;  // null: every item
  Body body;
  Body otherwise;  // runs if there was no item
  bool recursive = false;
};
struct If {
  struct Branch {
    ExpressionPtr condition;
    Body body;
  };
  std::vector<Branch> branches;
  Body otherwise;
};
struct Set {
  Target target;
  ExpressionPtr value;
};
struct SetBlock {
  Target target;
  ExpressionPtr filter;  // null: no filter
  Body body;
};
struct Macro {
  NameId name;
  std::unique_ptr<const Function> function;
};
struct CallBlock {
  ExpressionPtr callee;
  CallArguments arguments;
  std::unique_ptr<const Function> caller;
};
struct FilterBlock {
  ExpressionPtr filter;
  Body body;
};
struct With {
  std::vector<std::pair<Target, ExpressionPtr>> values;
  Body body;
};
struct Scoped {  // a block with a scope of its own
  Body body;
};
struct Break {};
struct Continue {};

struct Statement {
  using Node = std::variant<Data, Output, For, If, Set, SetBlock, Macro, CallBlock, FilterBlock, With, Scoped,
                            Break, Continue>;
  Place place;
  Node node;
};

struct Program {
  std::vector<std::string> names;  // by NameId
  Body body;
  NameId loop;  // the name `loop`, which a for statement defines beside its target
};

}  // namespace ferrum::jinja
