// The expressions of a template.
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

// Names as numbers; and which of them were read since a point in time.
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
  // Without `… if … else …` at its top.
  ExpressionPtr parse_without_conditional() { return parse_or(); }

  // An expression, or several with commas between them as a tuple.
  enum class Items { kAny, kWithoutConditional };
  ExpressionPtr parse_tuple(Items items);

  ExpressionPtr parse_primary();
  CallArguments parse_call_arguments();
  // `| name(…) | …` or `name(…) | …` onto `input`, which is null for a block's text.
  ExpressionPtr parse_filters(ExpressionPtr input);
  ExpressionPtr parse_filter(ExpressionPtr input);

  NameId name_id(const std::string& name) { return names_.id(name); }

  // Fails if a filter or a test that does not exist was used where that counts: see Lenient.
  void check_names() const;

  // Inside of `if`, unknown filters and tests are errors only once they are reached.
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

  // Every expression is made here: it counts how deep they nest, for the evaluator and for destruction.
  template <class Node>
  ExpressionPtr make(const Place& place, Node node);

  TokenStream& tokens_;
  NameTable& names_;
  const Limits& limits_;
  int depth_ = 0;  // of recursion
  bool lenient_ = false;
  std::vector<std::pair<Place, std::string>> unknown_;  // where, and the message
};

}  // namespace ferrum::jinja
