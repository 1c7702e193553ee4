#include "text/jinja/expression_parser.h"

#include <charconv>
#include <cmath>

#include "base/error.h"
#include "text/jinja/filters.h"
#include "text/jinja/lexer.h"
#include "text/jinja/tests.h"

namespace ferrum::jinja {
namespace {

// Counts the nesting depth while parsing; fails at `place` when it exceeds the limit.
class ParseDepth {
 public:
  ParseDepth(int& depth, int most, const Place& place) : depth_(depth) {
    if (depth >= most) fail_at(place, fmt::format("nested deeper than {} levels", most));
    ++depth_;
  }
  ~ParseDepth() { --depth_; }
  ParseDepth(const ParseDepth&) = delete;
  ParseDepth& operator=(const ParseDepth&) = delete;

 private:
  int& depth_;
};

}  // namespace

NameId NameTable::id(const std::string& name) {
  const auto [it, is_new] = ids_.try_emplace(name, static_cast<NameId>(names_.size()));
  if (is_new) {
    names_.push_back(name);
    reads_.push_back(0);
  }
  return it->second;
}

template <class Node>
ExpressionPtr ExpressionParser::make(const Place& place, Node node) {
  return std::make_unique<Expression>(Expression{place, std::move(node)});
}

ExpressionPtr ExpressionParser::parse_conditional() {
  const ParseDepth deeper(depth_, limits_.max_depth, tokens_.current().place);
  const size_t unknown_before = unknown_.size();
  ExpressionPtr expression = parse_or();
  if (!tokens_.at_name("if")) return expression;
  // The condition guards the expression before the `if` as it does the one after it.
  unknown_.resize(unknown_before);
  const Lenient lenient(*this, true);
  const Place place = tokens_.current().place;
  int chained = 0;
  while (tokens_.skip_name("if")) {
    if (++chained > limits_.max_depth)
      fail_at(place, fmt::format("more than {} conditions", limits_.max_depth));
    ExpressionPtr condition = parse_or();
    ExpressionPtr alternative = tokens_.skip_name("else") ? parse_conditional() : nullptr;
    expression =
        make(place, Conditional{std::move(condition), std::move(expression), std::move(alternative)});
  }
  return expression;
}

ExpressionPtr ExpressionParser::parse_logical(Parse operand, std::string_view word, Logical::Kind kind) {
  const Place place = tokens_.current().place;
  ExpressionPtr first = (this->*operand)();
  if (!tokens_.at_name(word)) return first;
  Logical logical{kind, {}};
  logical.operands.push_back(std::move(first));
  while (tokens_.skip_name(word)) logical.operands.push_back((this->*operand)());
  return make(place, std::move(logical));
}

ExpressionPtr ExpressionParser::parse_or() {
  return parse_logical(&ExpressionParser::parse_and, "or", Logical::Kind::kOr);
}

ExpressionPtr ExpressionParser::parse_and() {
  return parse_logical(&ExpressionParser::parse_not, "and", Logical::Kind::kAnd);
}

ExpressionPtr ExpressionParser::parse_not() {
  const Place place = tokens_.current().place;
  if (!tokens_.skip_name("not")) return parse_comparison();
  const ParseDepth deeper(depth_, limits_.max_depth, place);
  return make(place, Negation{parse_not()});
}

std::optional<ComparisonOp> ExpressionParser::take_comparison() {
  constexpr std::array<std::pair<std::string_view, ComparisonOp>, 6> kOperators = {{
      {"==", ComparisonOp::kEqual},
      {"!=", ComparisonOp::kNotEqual},
      {"<", ComparisonOp::kLess},
      {"<=", ComparisonOp::kLessEqual},
      {">", ComparisonOp::kGreater},
      {">=", ComparisonOp::kGreaterEqual},
  }};
  for (const auto& [text, op] : kOperators)
    if (tokens_.skip_operator(text)) return op;
  if (tokens_.skip_name("in")) return ComparisonOp::kIn;
  if (tokens_.at_name("not") && tokens_.look().is_name("in")) {
    tokens_.next();
    tokens_.next();
    return ComparisonOp::kNotIn;
  }
  return std::nullopt;
}

ExpressionPtr ExpressionParser::parse_comparison() {
  const Place place = tokens_.current().place;
  ExpressionPtr first = parse_sum();
  Comparison comparison;
  while (const std::optional<ComparisonOp> op = take_comparison())
    comparison.rest.emplace_back(*op, parse_sum());
  if (comparison.rest.empty()) return first;
  comparison.first = std::move(first);
  return make(place, std::move(comparison));
}

ExpressionPtr ExpressionParser::parse_arithmetic(
    Parse operand, std::initializer_list<std::pair<std::string_view, ArithmeticOp>> ops) {
  const Place place = tokens_.current().place;
  ExpressionPtr first = (this->*operand)();
  Arithmetic arithmetic;
  const auto take = [&]() -> std::optional<ArithmeticOp> {
    for (const auto& [text, op] : ops)
      if (tokens_.skip_operator(text)) return op;
    return std::nullopt;
  };
  while (const std::optional<ArithmeticOp> op = take()) arithmetic.rest.emplace_back(*op, (this->*operand)());
  if (arithmetic.rest.empty()) return first;
  arithmetic.first = std::move(first);
  return make(place, std::move(arithmetic));
}

ExpressionPtr ExpressionParser::parse_sum() {
  return parse_arithmetic(&ExpressionParser::parse_concatenation,
                          {{"+", ArithmeticOp::kAdd}, {"-", ArithmeticOp::kSubtract}});
}

// In Jinja, ~ binds tighter than + and -.
ExpressionPtr ExpressionParser::parse_concatenation() {
  const Place place = tokens_.current().place;
  ExpressionPtr first = parse_product();
  if (!tokens_.at_operator("~")) return first;
  Concatenation concatenation;
  concatenation.parts.push_back(std::move(first));
  while (tokens_.skip_operator("~")) concatenation.parts.push_back(parse_product());
  return make(place, std::move(concatenation));
}

ExpressionPtr ExpressionParser::parse_product() {
  return parse_arithmetic(&ExpressionParser::parse_power, {{"*", ArithmeticOp::kMultiply},
                                                           {"/", ArithmeticOp::kDivide},
                                                           {"//", ArithmeticOp::kFloorDivide},
                                                           {"%", ArithmeticOp::kModulo}});
}

// Left-associative and looser than a sign, unlike Python's.
ExpressionPtr ExpressionParser::parse_power() {
  return parse_arithmetic(&ExpressionParser::parse_unary, {{"**", ArithmeticOp::kPower}});
}

ExpressionPtr ExpressionParser::parse_unary() { return parse_filters_and_tests(parse_signed()); }

ExpressionPtr ExpressionParser::parse_signed() {
  const Place place = tokens_.current().place;
  const bool minus = tokens_.at_operator("-");
  if (!minus && !tokens_.at_operator("+")) return parse_postfix(parse_primary());
  const ParseDepth deeper(depth_, limits_.max_depth, place);
  tokens_.next();
  return make(place, Sign{minus ? Sign::Kind::kMinus : Sign::Kind::kPlus, parse_signed()});
}

// --- primary expressions ---

ExpressionPtr ExpressionParser::parse_primary() {
  switch (tokens_.current().kind) {
    case TokenKind::kName:
      return parse_name();
    case TokenKind::kString:
      return parse_string();
    case TokenKind::kInteger:
    case TokenKind::kFloat:
      return parse_number();
    default:
      break;
  }
  if (tokens_.at_operator("(")) return parse_parentheses();
  if (tokens_.at_operator("[")) return parse_list();
  if (tokens_.at_operator("{")) return parse_dict();
  tokens_.unexpected("an expression");
}

ExpressionPtr ExpressionParser::parse_name() {
  const Token& token = tokens_.next();
  const Place place = token.place;
  if (token.text == "true" || token.text == "True") return make(place, Literal{true});
  if (token.text == "false" || token.text == "False") return make(place, Literal{false});
  if (token.text == "none" || token.text == "None") return make(place, Literal{Value(None{})});
  const NameId id = names_.id(token.text);
  names_.note_read(id);
  return make(place, Name{id});
}

ExpressionPtr ExpressionParser::parse_string() {
  const Place place = tokens_.current().place;
  std::string text;
  while (tokens_.at(TokenKind::kString)) text += tokens_.next().text;
  return make(place, Literal{Text(std::move(text), Origin::kTemplate)});
}

ExpressionPtr ExpressionParser::parse_number() {
  const Token& token = tokens_.next();
  const std::string& digits = token.text;
  if (token.kind == TokenKind::kFloat) {
    double value = 0;
    const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (end.ec == std::errc::result_out_of_range) fail_at(token.place, "a float out of range");
    return make(token.place, Literal{value});
  }
  int base = 10;
  size_t skip = 0;
  if (digits.size() > 1 && digits[0] == '0' && !std::isdigit(static_cast<unsigned char>(digits[1]))) {
    const char kind = static_cast<char>(std::tolower(static_cast<unsigned char>(digits[1])));
    base = kind == 'x' ? 16 : kind == 'o' ? 8 : 2;
    skip = 2;
  }
  int64_t value = 0;
  const auto end = std::from_chars(digits.data() + skip, digits.data() + digits.size(), value, base);
  if (end.ec != std::errc() || end.ptr != digits.data() + digits.size())
    fail_at(token.place, fmt::format("{} does not fit into a 64-bit integer", in_quotes(digits, 40)));
  return make(token.place, Literal{value});
}

ExpressionPtr ExpressionParser::parse_parentheses() {
  const Place place = tokens_.current().place;
  tokens_.expect_operator("(");
  if (tokens_.skip_operator(")")) return make(place, TupleLiteral{});
  ExpressionPtr inner = parse_tuple(Items::kAny);
  tokens_.expect_operator(")");
  return inner;
}

ExpressionPtr ExpressionParser::parse_tuple(Items items) {
  const Place place = tokens_.current().place;
  const auto parse_item = [&] { return items == Items::kAny ? parse() : parse_without_conditional(); };
  ExpressionPtr first = parse_item();
  if (!tokens_.at_operator(",")) return first;
  TupleLiteral tuple;
  tuple.items.push_back(std::move(first));
  while (tokens_.skip_operator(",")) {
    const bool over = tokens_.at(TokenKind::kVariableEnd) || tokens_.at(TokenKind::kBlockEnd) ||
                      tokens_.at_operator(")") || tokens_.at_name("recursive");
    if (over) break;
    tuple.items.push_back(parse_item());
  }
  return make(place, std::move(tuple));
}

ExpressionPtr ExpressionParser::parse_list() {
  const Place place = tokens_.current().place;
  tokens_.expect_operator("[");
  ListLiteral list;
  while (!tokens_.at_operator("]")) {
    if (!list.items.empty()) tokens_.expect_operator(",");
    if (tokens_.at_operator("]")) break;
    list.items.push_back(parse());
  }
  tokens_.expect_operator("]");
  return make(place, std::move(list));
}

ExpressionPtr ExpressionParser::parse_dict() {
  const Place place = tokens_.current().place;
  tokens_.expect_operator("{");
  DictLiteral dict;
  while (!tokens_.at_operator("}")) {
    if (!dict.entries.empty()) tokens_.expect_operator(",");
    if (tokens_.at_operator("}")) break;
    ExpressionPtr key = parse();
    tokens_.expect_operator(":");
    ExpressionPtr value = parse();
    dict.entries.emplace_back(std::move(key), std::move(value));
  }
  tokens_.expect_operator("}");
  return make(place, std::move(dict));
}

// --- postfix expressions ---

ExpressionPtr ExpressionParser::parse_postfix(ExpressionPtr expression) {
  for (int chained = 0;; ++chained) {
    const Place place = tokens_.current().place;
    if (chained > limits_.max_depth)
      fail_at(place, fmt::format("nested deeper than {} levels", limits_.max_depth));
    if (tokens_.at_operator("."))
      expression = parse_dot(std::move(expression));
    else if (tokens_.at_operator("["))
      expression = parse_subscript(std::move(expression));
    else if (tokens_.at_operator("("))
      expression = make(place, Call{std::move(expression), parse_call_arguments()});
    else
      return expression;
  }
}

ExpressionPtr ExpressionParser::parse_filters_and_tests(ExpressionPtr expression) {
  for (int chained = 0;; ++chained) {
    const Place place = tokens_.current().place;
    if (chained > limits_.max_depth)
      fail_at(place, fmt::format("nested deeper than {} levels", limits_.max_depth));
    if (tokens_.skip_operator("|"))
      expression = parse_filter(std::move(expression));
    else if (tokens_.skip_name("is"))
      expression = parse_test(std::move(expression));
    else if (tokens_.at_operator("("))
      expression = make(place, Call{std::move(expression), parse_call_arguments()});
    else
      return expression;
  }
}

ExpressionPtr ExpressionParser::parse_dot(ExpressionPtr object) {
  const Place place = tokens_.current().place;
  tokens_.expect_operator(".");
  if (tokens_.at(TokenKind::kName)) return make(place, Attribute{std::move(object), tokens_.next().text});
  if (!tokens_.at(TokenKind::kInteger)) tokens_.unexpected("a name or an integer");
  return make(place, Subscript{std::move(object), parse_number()});
}

ExpressionPtr ExpressionParser::parse_subscript(ExpressionPtr object) {
  const Place place = tokens_.current().place;
  tokens_.expect_operator("[");
  const auto left_out = [&] {
    return tokens_.at_operator(":") || tokens_.at_operator("]") || tokens_.at_operator(",");
  };
  ExpressionPtr key = left_out() ? nullptr : parse();
  if (tokens_.skip_operator(":")) {
    Slice slice{std::move(object), std::move(key), nullptr, nullptr};
    if (!left_out()) slice.stop = parse();
    if (tokens_.skip_operator(":") && !left_out()) slice.step = parse();
    tokens_.expect_operator("]");
    return make(place, std::move(slice));
  }
  if (!key) tokens_.unexpected("an expression");
  if (tokens_.at_operator(",")) {
    TupleLiteral keys;
    keys.items.push_back(std::move(key));
    while (tokens_.skip_operator(",")) keys.items.push_back(parse());
    key = make(place, std::move(keys));
  }
  tokens_.expect_operator("]");
  return make(place, Subscript{std::move(object), std::move(key)});
}

CallArguments ExpressionParser::parse_call_arguments() {
  tokens_.expect_operator("(");
  CallArguments arguments;
  for (bool first = true; !tokens_.at_operator(")"); first = false) {
    if (!first) {
      tokens_.expect_operator(",");
      if (tokens_.at_operator(")")) break;
    }
    const Place place = tokens_.current().place;
    const bool positional_over = !arguments.named.empty() || arguments.more_named;
    if (tokens_.skip_operator("**")) {
      if (arguments.more_named) fail_at(place, "a second ** argument");
      arguments.more_named = parse();
    } else if (tokens_.skip_operator("*")) {
      if (arguments.more_positional || arguments.more_named) fail_at(place, "a * argument out of place");
      arguments.more_positional = parse();
    } else if (tokens_.at(TokenKind::kName) && tokens_.look().is_operator("=")) {
      if (arguments.more_named) fail_at(place, "a named argument after a ** argument");
      std::string name = tokens_.next().text;
      tokens_.next();
      arguments.named.emplace_back(std::move(name), parse());
    } else {
      if (positional_over || arguments.more_positional) fail_at(place, "a positional argument out of place");
      arguments.positional.push_back(parse());
    }
  }
  tokens_.expect_operator(")");
  return arguments;
}

std::string ExpressionParser::dotted_name() {
  std::string name = tokens_.expect(TokenKind::kName).text;
  while (tokens_.skip_operator(".")) name += "." + tokens_.expect(TokenKind::kName).text;
  return name;
}

void ExpressionParser::note_unknown(const Place& place, std::string_view kind, const std::string& name) {
  if (!lenient_) unknown_.emplace_back(place, fmt::format("no {} named {}", kind, in_quotes(name)));
}

void ExpressionParser::check_names() const {
  if (!unknown_.empty()) fail_at(unknown_[0].first, unknown_[0].second);
}

ExpressionPtr ExpressionParser::parse_filter(ExpressionPtr input) {
  const Place place = tokens_.current().place;
  std::string name = dotted_name();
  if (!find_filter(name)) note_unknown(place, "filter", name);
  FilterCall filter{std::move(input), std::move(name), {}};
  if (tokens_.at_operator("(")) filter.arguments = parse_call_arguments();
  return make(place, std::move(filter));
}

ExpressionPtr ExpressionParser::parse_filters(ExpressionPtr input) {
  input = parse_filter(std::move(input));
  for (int chained = 0; tokens_.skip_operator("|"); ++chained) {
    if (chained > limits_.max_depth)
      fail_at(tokens_.current().place, fmt::format("nested deeper than {} levels", limits_.max_depth));
    input = parse_filter(std::move(input));
  }
  return input;
}

// Whether an argument without parentheses follows: `x is divisibleby 3`.
bool ExpressionParser::test_has_argument() const {
  switch (tokens_.current().kind) {
    case TokenKind::kString:
    case TokenKind::kInteger:
    case TokenKind::kFloat:
      return true;
    case TokenKind::kName:
      return !tokens_.at_name("else") && !tokens_.at_name("or") && !tokens_.at_name("and");
    default:
      return tokens_.at_operator("[") || tokens_.at_operator("{");
  }
}

ExpressionPtr ExpressionParser::parse_test(ExpressionPtr input) {
  const Place place = tokens_.current().place;
  const bool negated = tokens_.skip_name("not");
  std::string name = dotted_name();
  if (!find_test(name)) note_unknown(place, "test", name);
  TestCall test{std::move(input), std::move(name), {}};
  if (tokens_.at_operator("(")) {
    test.arguments = parse_call_arguments();
  } else if (test_has_argument()) {
    if (tokens_.at_name("is")) fail_at(place, "tests cannot be chained with 'is'");
    test.arguments.positional.push_back(parse_postfix(parse_primary()));
  }
  ExpressionPtr result = make(place, std::move(test));
  return negated ? make(place, Negation{std::move(result)}) : std::move(result);
}

}  // namespace ferrum::jinja
