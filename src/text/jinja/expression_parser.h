// Parses the expressions of a template.
#pragma once
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "text/jinja/ast.h"
#include "text/jinja/limits.h"
#include "text/jinja/token_stream.h"

namespace ferrum::jinja {

// Numbers the names of a template, and records which of them were read since a given point.
class NameTable {
 public:
  NameId id(const std::string& name);
  const std::vector<std::string>& names() const { return names_; }

  void note_read(NameId id) { ++reads_[static_cast<size_t>(id)]; }
  size_t reads(NameId id) const { return reads_[static_cast<size_t>(id)]; }

 private:
  std::vector<std::string> names_;
  std::vector<size_t> reads_;
  std::unordered_map<std::string, NameId> ids_;
};

class ExpressionParser {
 public:
  ExpressionParser(TokenStream& tokens, NameTable& names, const Limits& limits)
      : tokens_(tokens), names_(names), limits_(limits) {}

  ExpressionPtr parse() { return parse_conditional(); }
  // Stops before a top-level `… if … else …`.
  ExpressionPtr parse_without_conditional() { return parse_or(); }

  // Parses an expression, or several separated by commas as a tuple.
  enum class Items { kAny, kWithoutConditional };
  ExpressionPtr parse_tuple(Items items);

  ExpressionPtr parse_primary();
  CallArguments parse_call_arguments();
  // Parses `| name(…) | …` or `name(…) | …` applied to `input`, which is null for a block's text.
  ExpressionPtr parse_filters(ExpressionPtr input);
  ExpressionPtr parse_filter(ExpressionPtr input);

  NameId name_id(const std::string& name) { return names_.id(name); }

  // Fails if an unknown filter or test was used where that is an error: see Lenient.
  void check_names() const;

  // Inside an `if`, unknown filters and tests are errors only when evaluated.
  class Lenient {
   public:
    Lenient(ExpressionParser& parser, bool lenient) : parser_(parser), before_(parser.lenient_) {
      parser.lenient_ = lenient;
    }
    ~Lenient() { parser_.lenient_ = before_; }
    Lenient(const Lenient&) = delete;
    Lenient& operator=(const Lenient&) = delete;

   private:
    ExpressionParser& parser_;
    bool before_;
  };

 private:
  friend class Lenient;
  using Parse = ExpressionPtr (ExpressionParser::*)();

  ExpressionPtr parse_conditional();
  ExpressionPtr parse_or();
  ExpressionPtr parse_and();
  ExpressionPtr parse_not();
  ExpressionPtr parse_comparison();
  std::optional<ComparisonOp> take_comparison();
  ExpressionPtr parse_sum();
  ExpressionPtr parse_concatenation();
  ExpressionPtr parse_product();
  ExpressionPtr parse_power();
  ExpressionPtr parse_arithmetic(Parse operand,
                                 std::initializer_list<std::pair<std::string_view, ArithmeticOp>> ops);
  ExpressionPtr parse_logical(Parse operand, std::string_view word, Logical::Kind kind);
  ExpressionPtr parse_unary();
  ExpressionPtr parse_signed();
  ExpressionPtr parse_postfix(ExpressionPtr expression);
  ExpressionPtr parse_filters_and_tests(ExpressionPtr expression);
  ExpressionPtr parse_test(ExpressionPtr input);
  bool test_has_argument() const;
  ExpressionPtr parse_dot(ExpressionPtr object);
  ExpressionPtr parse_subscript(ExpressionPtr object);
  ExpressionPtr parse_name();
  ExpressionPtr parse_string();
  ExpressionPtr parse_number();
  ExpressionPtr parse_parentheses();
  ExpressionPtr parse_list();
  ExpressionPtr parse_dict();
  std::string dotted_name();
  void note_unknown(const Place& place, std::string_view kind, const std::string& name);

  // All expressions are made here: this records how deep they nest, for the evaluator and the destructor.
  template <class Node>
  ExpressionPtr make(const Place& place, Node node);

  TokenStream& tokens_;
  NameTable& names_;
  const Limits& limits_;
  int depth_ = 0;  // of recursion
  bool lenient_ = false;
  std::vector<std::pair<Place, std::string>> unknown_;  // the place and the message
};

}  // namespace ferrum::jinja
