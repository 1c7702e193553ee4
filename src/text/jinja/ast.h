// A parsed template: what the parser makes and the evaluator walks over.
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
  ExpressionPtr object, start, stop, step;  // null: left out
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
// first op x op y …, from left to right; all of one precedence
struct Arithmetic {
  ExpressionPtr first;
  std::vector<std::pair<ArithmeticOp, ExpressionPtr>> rest;
};
struct Concatenation {  // x ~ y ~ …
  std::vector<ExpressionPtr> parts;
};
// first op x op y …, each neighbouring pair compared
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
  ExpressionPtr condition, consequence, alternative;  // alternative: null if left out
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

struct Target {  // what set and for assign to
  struct Attribute {
    NameId space;
    std::string name;
  };
  std::variant<NameId, Attribute, std::vector<Target>> what;
};

struct Function {  // of a macro or a call block
  struct Parameter {
    NameId name;
    ExpressionPtr otherwise;  // null: undefined unless given
  };
  std::string name;
  std::vector<Parameter> parameters;
  // The body refers to these, so calls may give them.
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
  Body otherwise;  // when there was nothing to pass over
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
  ExpressionPtr filter;  // null: none
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
struct Scoped {  // a block whose names end with it
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
  NameId loop;  // the name that for binds beside its target
};

}  // namespace ferrum::jinja
