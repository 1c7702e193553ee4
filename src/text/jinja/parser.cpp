#include "text/jinja/parser.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "text/jinja/expression_parser.h"
#include "text/jinja/lexer.h"

namespace ferrum::jinja {
namespace {

class Parser {
 public:
  Parser(std::vector<Token> tokens, const Limits& limits)
      : limits_(limits), tokens_(std::move(tokens)), expressions_(tokens_, names_, limits_) {}

  Program run() {
    Program program;
    program.loop = names_.id("loop");
    program.body = parse_body({});
    if (!tokens_.at(TokenKind::kEnd)) tokens_.unexpected("the end of the template");
    expressions_.check_names();
    program.names = names_.names();
    return program;
  }

 private:
  using EndTags = std::initializer_list<std::string_view>;
  using Items = ExpressionParser::Items;

  // --- bodies ---

  // Parses up to a tag in `ends`, whose name is then the current token.
  Body parse_body(EndTags ends) {
    if (depth_ >= limits_.max_depth)
      fail_at(tokens_.current().place, fmt::format("nested deeper than {} levels", limits_.max_depth));
    ++depth_;
    Body body;
    while (!tokens_.at(TokenKind::kEnd)) {
      const Place place = tokens_.current().place;
      if (tokens_.at(TokenKind::kData)) {
        body.push_back({place, Data{Text(tokens_.next().text, Origin::kTemplate)}});
      } else if (tokens_.at(TokenKind::kVariableBegin)) {
        tokens_.next();
        body.push_back({place, parse_output()});
      } else {
        tokens_.expect(TokenKind::kBlockBegin);
        const Token& tag = tokens_.current();
        if (tag.kind == TokenKind::kName && std::find(ends.begin(), ends.end(), tag.text) != ends.end()) {
          --depth_;
          return body;
        }
        body.push_back({place, parse_statement()});
      }
    }
    if (ends.size() > 0)
      fail_at(tokens_.current().place,
              fmt::format("expected '{}', got the end of the template", *(ends.end() - 1)));
    --depth_;
    return body;
  }

  // A block's body: from the end of its opening tag to the end of the closing tag `end`.
  Body parse_block(std::string_view end) {
    tokens_.expect(TokenKind::kBlockEnd);
    Body body = parse_body({end});
    close(end);
    return body;
  }

  void close(std::string_view end) {
    tokens_.expect_name(end);
    tokens_.expect(TokenKind::kBlockEnd);
  }

  Statement::Node parse_output() {
    Output output;
    output.values.push_back(expressions_.parse_tuple(Items::kAny));
    tokens_.expect(TokenKind::kVariableEnd);
    return output;
  }

  Statement::Node parse_statement() {
    struct Tag {
      std::string_view name;
      Statement::Node (Parser::*parse)();
    };
    static constexpr std::array<Tag, 16> kTags = {{{"for", &Parser::parse_for},
                                                   {"if", &Parser::parse_if},
                                                   {"set", &Parser::parse_set},
                                                   {"macro", &Parser::parse_macro},
                                                   {"call", &Parser::parse_call},
                                                   {"filter", &Parser::parse_filter},
                                                   {"with", &Parser::parse_with},
                                                   {"block", &Parser::parse_named_block},
                                                   {"generation", &Parser::parse_generation},
                                                   {"autoescape", &Parser::parse_autoescape},
                                                   {"print", &Parser::parse_print},
                                                   {"break", &Parser::parse_break},
                                                   {"continue", &Parser::parse_continue},
                                                   {"include", &Parser::refuse_other_templates},
                                                   {"import", &Parser::refuse_other_templates},
                                                   {"extends", &Parser::refuse_other_templates}}};
    if (!tokens_.at(TokenKind::kName)) tokens_.unexpected("the name of a tag");
    const std::string& name = tokens_.current().text;
    const auto tag = std::find_if(kTags.begin(), kTags.end(), [&](const Tag& t) { return t.name == name; });
    if (tag == kTags.end()) fail_at(tokens_.current().place, fmt::format("unknown tag {}", in_quotes(name)));
    tag_place_ = tokens_.next().place;
    return (this->*tag->parse)();
  }

  Statement::Node refuse_other_templates() {
    fail_at(tag_place_, "include, import and extends are not supported");
  }

  // --- targets ---

  Target parse_target() {
    std::vector<Target> targets;
    bool several = false;
    while (true) {
      if (targets.size() > 0 && !starts_target()) break;
      targets.push_back(parse_single_target());
      if (!tokens_.skip_operator(",")) break;
      several = true;
    }
    if (!several) return std::move(targets[0]);
    return {std::move(targets)};
  }

  bool starts_target() const {
    return tokens_.at(TokenKind::kName) ? !tokens_.at_name("in") : tokens_.at_operator("(");
  }

  Target parse_single_target() {
    if (tokens_.at_operator("(")) {
      const Place place = tokens_.next().place;
      if (++target_depth_ > limits_.max_depth)
        fail_at(place, fmt::format("nested deeper than {} levels", limits_.max_depth));
      Target target = parse_target();
      --target_depth_;
      tokens_.expect_operator(")");
      return target;
    }
    const Token& token = tokens_.expect(TokenKind::kName);
    const NameId id = assignable(token);
    return {id};
  }

  NameId assignable(const Token& token) {
    constexpr std::array<std::string_view, 6> kConstants = {"true", "false", "none", "True", "False", "None"};
    if (std::find(kConstants.begin(), kConstants.end(), token.text) != kConstants.end())
      fail_at(token.place, fmt::format("can't assign to '{}'", token.text));
    return names_.id(token.text);
  }

  // --- tags ---

  Statement::Node parse_for() {
    For loop;
    const Place place = tokens_.current().place;
    loop.target = parse_target();
    if (const NameId* id = std::get_if<NameId>(&loop.target.what); id && *id == names_.id("loop"))
      fail_at(place, "can't assign to the special variable 'loop'");
    tokens_.expect_name("in");
    loop.iterable = expressions_.parse_tuple(Items::kWithoutConditional);
    if (tokens_.skip_name("if")) loop.condition = expressions_.parse();
    loop.recursive = tokens_.skip_name("recursive");
    tokens_.expect(TokenKind::kBlockEnd);
    const ExpressionParser::Lenient strict(expressions_, false);
    {
      const Loops inside(loops_, loops_ + 1);
      loop.body = parse_body({"else", "endfor"});
    }
    if (tokens_.skip_name("else")) {
      tokens_.expect(TokenKind::kBlockEnd);
      loop.otherwise = parse_body({"endfor"});
    }
    close("endfor");
    return loop;
  }

  Statement::Node parse_if() {
    const ExpressionParser::Lenient lenient(expressions_, true);
    If statement;
    do {
      ExpressionPtr condition = expressions_.parse_tuple(Items::kWithoutConditional);
      tokens_.expect(TokenKind::kBlockEnd);
      statement.branches.push_back({std::move(condition), parse_body({"elif", "else", "endif"})});
    } while (tokens_.skip_name("elif"));
    if (tokens_.skip_name("else")) {
      tokens_.expect(TokenKind::kBlockEnd);
      statement.otherwise = parse_body({"endif"});
    }
    close("endif");
    return statement;
  }

  Statement::Node parse_set() {
    Target target = parse_set_target();
    if (tokens_.skip_operator("=")) {
      Set set{std::move(target), expressions_.parse_tuple(Items::kAny)};
      tokens_.expect(TokenKind::kBlockEnd);
      return set;
    }
    SetBlock block{std::move(target), nullptr, {}};
    if (tokens_.skip_operator("|")) block.filter = expressions_.parse_filters(nullptr);
    const ExpressionParser::Lenient strict(expressions_, false);
    block.body = parse_inner_block("endset");
    return block;
  }

  Target parse_set_target() {
    if (!(tokens_.at(TokenKind::kName) && tokens_.look().is_operator("."))) return parse_target();
    const Token& token = tokens_.next();
    const NameId space = assignable(token);
    tokens_.expect_operator(".");
    return {Target::Attribute{space, tokens_.expect(TokenKind::kName).text}};
  }

  // Parses a function's parameters in parentheses.
  void parse_parameters(Function& function) {
    tokens_.expect_operator("(");
    for (bool first = true; !tokens_.at_operator(")"); first = false) {
      if (!first) tokens_.expect_operator(",");
      const Token& token = tokens_.expect(TokenKind::kName);
      const Place place = token.place;
      Function::Parameter parameter{assignable(token), nullptr};
      if (tokens_.skip_operator("="))
        parameter.otherwise = expressions_.parse();
      else if (!function.parameters.empty() && function.parameters.back().otherwise)
        fail_at(place, "a parameter without a default after one that has one");
      function.parameters.push_back(std::move(parameter));
    }
    tokens_.expect_operator(")");
  }

  // Parses a function's body, and records which of the special names it reads.
  void parse_function(Function& function, std::string_view end) {
    struct Special {
      NameId id;
      std::optional<NameId>& used;
      size_t reads;
    };
    std::array<Special, 3> specials = {{{names_.id("varargs"), function.varargs, 0},
                                        {names_.id("kwargs"), function.kwargs, 0},
                                        {names_.id("caller"), function.caller, 0}}};
    for (Special& special : specials) special.reads = names_.reads(special.id);
    const ExpressionParser::Lenient strict(expressions_, false);
    function.body = parse_inner_block(end);
    for (const Special& special : specials) {
      const bool is_parameter = std::any_of(function.parameters.begin(), function.parameters.end(),
                                            [&](const auto& p) { return p.name == special.id; });
      if (names_.reads(special.id) > special.reads && !is_parameter) special.used = special.id;
    }
  }

  // A block's body that break and continue cannot leave.
  Body parse_inner_block(std::string_view end) {
    const Loops none(loops_, 0);
    return parse_block(end);
  }

  Statement::Node parse_macro() {
    auto function = std::make_unique<Function>();
    const Token& token = tokens_.expect(TokenKind::kName);
    const NameId name = assignable(token);
    function->name = token.text;
    parse_parameters(*function);
    parse_function(*function, "endmacro");
    return Macro{name, std::move(function)};
  }

  Statement::Node parse_call() {
    auto caller = std::make_unique<Function>();
    caller->name = "caller";
    if (tokens_.at_operator("(")) parse_parameters(*caller);
    const Place place = tokens_.current().place;
    CallBlock block;
    ExpressionPtr call = expressions_.parse();
    Call* node = std::get_if<Call>(&call->node);
    if (!node) fail_at(place, "expected a call");
    block.callee = std::move(node->callee);
    block.arguments = std::move(node->arguments);
    parse_function(*caller, "endcall");
    block.caller = std::move(caller);
    return block;
  }

  Statement::Node parse_filter() {
    FilterBlock block;
    block.filter = expressions_.parse_filters(nullptr);
    const ExpressionParser::Lenient strict(expressions_, false);
    block.body = parse_inner_block("endfilter");
    return block;
  }

  Statement::Node parse_with() {
    With with;
    while (!tokens_.at(TokenKind::kBlockEnd)) {
      if (!with.values.empty()) tokens_.expect_operator(",");
      Target target = parse_single_target();
      tokens_.expect_operator("=");
      with.values.emplace_back(std::move(target), expressions_.parse());
    }
    const ExpressionParser::Lenient strict(expressions_, false);
    with.body = parse_block("endwith");
    return with;
  }

  Statement::Node parse_named_block() {
    tokens_.expect(TokenKind::kName);
    tokens_.skip_name("scoped");
    tokens_.skip_name("required");
    tokens_.expect(TokenKind::kBlockEnd);
    const Loops none(loops_, 0);
    Scoped block{parse_body({"endblock"})};
    tokens_.expect_name("endblock");
    if (tokens_.at(TokenKind::kName)) tokens_.next();
    tokens_.expect(TokenKind::kBlockEnd);
    return block;
  }

  // transformers marks this block's text for training; here only the text matters.
  Statement::Node parse_generation() { return Scoped{parse_inner_block("endgeneration")}; }

  Statement::Node parse_autoescape() {
    const Token& token = tokens_.current();
    if (!token.is_name("false") && !token.is_name("False"))
      fail_at(token.place, "chat templates are not HTML: autoescape can only be false");
    tokens_.next();
    return Scoped{parse_block("endautoescape")};
  }

  Statement::Node parse_print() {
    Output output;
    while (!tokens_.at(TokenKind::kBlockEnd)) {
      if (!output.values.empty()) tokens_.expect_operator(",");
      output.values.push_back(expressions_.parse());
    }
    tokens_.expect(TokenKind::kBlockEnd);
    return output;
  }

  Statement::Node parse_break() { return loop_control(Break{}); }
  Statement::Node parse_continue() { return loop_control(Continue{}); }
  Statement::Node loop_control(Statement::Node node) {
    if (loops_ == 0) fail_at(tag_place_, "a loop control outside of a loop");
    tokens_.expect(TokenKind::kBlockEnd);
    return node;
  }

  // Sets the number of enclosing loops during its lifetime.
  class Loops {
   public:
    Loops(int& loops, int now) : loops_(loops), before_(loops) { loops = now; }
    ~Loops() { loops_ = before_; }
    Loops(const Loops&) = delete;
    Loops& operator=(const Loops&) = delete;

   private:
    int& loops_;
    int before_;
  };

  const Limits& limits_;
  NameTable names_;
  TokenStream tokens_;
  ExpressionParser expressions_;
  Place tag_place_;
  int depth_ = 0;
  int target_depth_ = 0;
  int loops_ = 0;
};

}  // namespace

Program parse(std::string_view source, const Limits& limits) {
  if (source.size() > limits.max_bytes)
    fail(ErrorCode::kBadTemplate, "chat template: {} bytes, more than the {} allowed", source.size(),
         limits.max_bytes);
  return Parser(tokenize(source), limits).run();
}

}  // namespace ferrum::jinja
