// Structures of answers, compared with the parser and the judge of schemas: every text that a structure takes
// means what the request allows.
#include "tools/answer_structure.h"

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/random.h"
#include "grammar/matcher.h"
#include "tools/answers.h"
#include "tools/call_structure.h"
#include "tools/parser.h"

namespace ferrum::tools::testing {
namespace {

using Choice = AnswerOptions::Choice;
using grammar::Grammar;
using grammar::Matcher;
using grammar::Spec;

std::shared_ptr<const Grammar> compiled(const Format& format, const ToolList& tools,
                                        const AnswerOptions& options) {
  auto structure = answer_structure(format, tools, options);
  if (!structure) return nullptr;
  return Grammar::compile({.kind = Spec::Kind::kStructure,
                           .structure = std::make_shared<const grammar::Structure>(std::move(*structure))});
}

// A walk over the bytes that a grammar takes, which prefers those of `likely`, and ends where it may.
std::string walk(const std::shared_ptr<const Grammar>& grammar, uint64_t seed, size_t most) {
  constexpr std::string_view kLikely = "\"<>}{][:,()=\n abe'/-15|_";
  Matcher matcher(grammar);
  std::string text;
  uint64_t drawn = 0;
  const auto draw = [&] { return random_bits(seed, drawn++); };
  while (text.size() < most) {
    if (matcher.is_complete() && draw() % 24 == 0) return text;
    const std::string forced = matcher.forced_bytes(64);
    if (!forced.empty()) {
      EXPECT_TRUE(matcher.accept(forced));
      text += forced;
      continue;
    }
    std::string may;
    for (int byte = 0; byte < 256; ++byte) {
      const char c = static_cast<char>(byte);
      if (matcher.accepted_prefix({&c, 1}) == 1) may += c;
    }
    if (may.empty()) {
      EXPECT_TRUE(matcher.is_complete()) << "dead end behind " << text;
      return text;
    }
    char next = may[draw() % may.size()];
    for (int tries = 0; tries < 4; ++tries) {
      const char wanted = kLikely[draw() % kLikely.size()];
      if (draw() % 8 != 0 && may.find(wanted) != std::string::npos) {
        next = wanted;
        break;
      }
    }
    // Towards an end: what closes strings, objects and texts.
    if (text.size() > most / 3)
      for (const char closing : {'}', ']', '"', '<'})
        if (draw() % 3 == 0 && may.find(closing) != std::string::npos) next = closing;
    EXPECT_TRUE(matcher.accept({&next, 1}));
    text += next;
  }
  return matcher.is_complete() ? text : "";
}

const Json& hard_tools() {
  static const Json kTools = Json::parse(R"json([
    {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {
        "city": {"type": "string"}, "days": {"type": "integer", "minimum": 1, "maximum": 14},
        "unit": {"enum": ["celsius", "</parameter>\n</function>", "<|tool_call>", "a\"b", "it's", "true", "1"]}},
        "required": ["unit", "city"], "additionalProperties": false}}},
    {"type": "function", "function": {"name": "set", "parameters": {"type": "object", "properties": {
        "value": {"type": ["string", "integer", "null"], "maxLength": 6, "maximum": 99},
        "flag": {"anyOf": [{"type": "boolean"}, {"const": "true"}, {"const": "auto"}]},
        "code": {"type": "string", "pattern": "^[A-Z]{2}[0-9]{3}$"},
        "list": {"type": "array", "items": {"type": "integer"}, "maxItems": 2, "uniqueItems": true},
        "deep": {"type": "object", "properties": {"x": {"type": "number"}, "y": {"type": "string"}},
                 "required": ["y"], "additionalProperties": {"type": "boolean"}}},
        "required": ["code"], "additionalProperties": false}}},
    {"type": "function", "function": {"name": "either", "parameters": {"type": "object",
        "oneOf": [{"properties": {"a": {"type": "integer"}}, "required": ["a"]},
                  {"properties": {"b": {"type": "string", "minLength": 1}}, "required": ["b"]}],
        "additionalProperties": {"type": "integer"}, "maxProperties": 2}}},
    {"type": "function", "function": {"name": "set_all"}}
  ])json");
  return kTools;
}

struct Case {
  std::string family;
  Choice choice = Choice::kAuto;
  std::string only;
  bool parallel = true;
  Phase phase = Phase::kContent;
};

void expect_valid_calls(const Case& c, const ToolList& tools, const std::string& text) {
  const auto list = std::make_shared<const ToolList>(tools);
  Parser parser(format_named(c.family), list, {.phase = c.phase});
  ParsedAnswer answer;
  answer.add(parser.feed(text));
  answer.add(parser.finish());
  if (c.choice == Choice::kRequired) {
    EXPECT_GE(answer.calls.size(), 1U) << text;
    EXPECT_EQ(answer.content, "") << text;
  }
  if (!c.parallel) {
    EXPECT_LE(answer.calls.size(), 1U) << text;
  }
  for (const ParsedCall& call : answer.calls) {
    const Tool* tool = tools.find(call.name);
    ASSERT_TRUE(tool) << "no function " << call.name << " in " << text;
    if (!c.only.empty()) {
      EXPECT_EQ(call.name, c.only) << text;
    }
    EXPECT_TRUE(call.complete) << text;
    const auto judge = Grammar::compile(
        {.kind = Spec::Kind::kJsonSchema, .source = arguments_schema(*tool), .writing = Spec::Writing::kAny});
    Matcher matcher(judge);
    EXPECT_TRUE(matcher.accept(call.arguments) && matcher.is_complete())
        << call.name << " " << call.arguments << "\nin " << text;
  }
}

class AnswerStructures : public ::testing::TestWithParam<std::string> {
 protected:
  Format format_ = format_named(GetParam());
  bool has_headers_ = format_.syntax == Syntax::kChannels || format_.syntax == Syntax::kRecipients;
};

TEST_P(AnswerStructures, TakeOnlyCallsThatAreValid) {
  const ToolList tools{OrderedJson(hard_tools())};
  uint64_t seed = 0;
  size_t finished = 0;
  for (const Choice choice : {Choice::kRequired, Choice::kAuto})
    for (const bool parallel : {true, false})
      for (const Phase phase : {Phase::kContent, Phase::kReasoning}) {
        Case c = {GetParam(), choice, "", parallel,
                  has_headers_ && phase == Phase::kContent ? Phase::kHeader : phase};
        if (phase == Phase::kReasoning &&
            (format_.reasoning.open.empty() && format_.syntax != Syntax::kChannels))
          continue;
        const auto grammar =
            compiled(format_, tools, {.choice = choice, .parallel = parallel, .phase = c.phase});
        ASSERT_TRUE(grammar);
        for (int i = 0; i < 5; ++i) {
          const std::string text = walk(grammar, ++seed, 500);
          if (text.empty()) continue;
          ++finished;
          expect_valid_calls(c, tools, text);
        }
      }
  EXPECT_GE(finished, 8U);
}

TEST_P(AnswerStructures, OfOneFunctionTakeItsCalls) {
  const ToolList tools{OrderedJson(hard_tools())};
  for (const Tool& tool : tools.all()) {
    const Case c = {GetParam(), Choice::kRequired, tool.name, false,
                    has_headers_ ? Phase::kHeader : Phase::kContent};
    const auto grammar = compiled(
        format_, tools, {.choice = c.choice, .only = c.only, .parallel = c.parallel, .phase = c.phase});
    ASSERT_TRUE(grammar);
    for (uint64_t seed = 0; seed < 3; ++seed) {
      const std::string text = walk(grammar, seed, 500);
      if (!text.empty()) expect_valid_calls(c, tools, text);
    }
  }
}

// A custom tool's grammar, whose rules contain themselves, in each format's way of writing strings.
TEST_P(AnswerStructures, HoldTextsToTheirGrammar) {
  const ToolList tools{OrderedJson(Json::parse(R"json([{"name": "calc", "parameters": {"type": "object",
      "properties": {"input": {"type": "string", "x-lark": "start: \"(\" start \")\" | /[a<\\n]*/"}},
      "required": ["input"], "additionalProperties": false}}])json"))};
  const Case c = {GetParam(), Choice::kRequired, "", false, has_headers_ ? Phase::kHeader : Phase::kContent};
  const auto grammar =
      compiled(format_, tools, {.choice = c.choice, .parallel = c.parallel, .phase = c.phase});
  ASSERT_TRUE(grammar);
  size_t finished = 0;
  for (uint64_t seed = 0; seed < 6; ++seed) {
    const std::string text = walk(grammar, seed, 700);
    if (text.empty()) continue;
    ++finished;
    expect_valid_calls(c, tools, text);
  }
  EXPECT_GE(finished, 1U);
}

std::string name_of_family(const ::testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  for (char& c : name)
    if (c == '-' || c == '.') c = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Formats, AnswerStructures, ::testing::ValuesIn(family_names()), name_of_family);

class RecordedAnswers : public ::testing::TestWithParam<Answer> {};

// What models of the families write, with complete calls of functions that are there, is not bent.
TEST_P(RecordedAnswers, AreTaken) {
  const Answer& answer = GetParam();
  const ToolList tools(tools_json());
  const auto grammar = compiled(format_named(answer.family), tools, {.phase = answer.phase});
  ASSERT_TRUE(grammar);
  Matcher matcher(grammar);
  const size_t taken = matcher.accepted_prefix(answer.text);
  EXPECT_EQ(taken, answer.text.size()) << answer.text.substr(0, taken) << "|||" << answer.text.substr(taken);
  if (taken == answer.text.size()) {
    EXPECT_TRUE(matcher.accept(answer.text));
    EXPECT_TRUE(matcher.is_complete());
  }
}

// Whose calls are complete, of functions that are there, and whose arguments are written as the format has
// them.
std::vector<Answer> sound_answers() {
  std::vector<Answer> out;
  const ToolList tools(tools_json());
  for (const Answer& answer : answers()) {
    bool sound = !answer.calls.empty();
    for (const ExpectedCall& call : answer.calls) sound = sound && call.complete && tools.find(call.name);
    for (const char* odd :
         {"arguments_in_string", "line_break_in_string", "broken_then_sound", "types", "no_end_of_function",
          "quotes", "three_quotes", "place", "single_quotes", "no_mark_behind_the_name",
          "no_mark_behind_the_id", "newer_calls", "quotes_ends_of_calls",
          "quotes_an_end_before_what_must_come", "single_quotes_without_a_wrapper",
          "members_that_are_none_of_a_call", "text_behind_arguments", "words_in_a_header"})
      sound = sound && answer.name != odd;
    sound = sound && !(answer.family.ends_with("gemma") && answer.name == "one") &&
            !(answer.family == "gemma4" && answer.name == "one") &&
            !(answer.family == "lfm2" && answer.name == "two");
    if (sound) out.push_back(answer);
  }
  return out;
}

std::string name_of_answer(const ::testing::TestParamInfo<Answer>& info) {
  std::string name = info.param.family + "_" + info.param.name;
  for (char& c : name)
    if (c == '-' || c == '.') c = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Formats, RecordedAnswers, ::testing::ValuesIn(sound_answers()), name_of_answer);

bool takes(const std::shared_ptr<const Grammar>& grammar, const std::string& text) {
  Matcher matcher(grammar);
  return matcher.accept(text) && matcher.is_complete();
}

TEST(AnswerStructure, RulesBindWhatFollowsAThought) {
  const Spec rule = {.kind = Spec::Kind::kJsonSchema, .source = R"({"type": "integer"})"};
  const auto content = compiled(format_named("hermes"), {}, {.choice = Choice::kNone, .rule = rule});
  EXPECT_TRUE(takes(content, "12"));
  EXPECT_TRUE(takes(content, "<think>any text</think>\n\n12"));
  EXPECT_FALSE(takes(content, "It is 12"));
  EXPECT_FALSE(takes(content, "12 so"));
  EXPECT_FALSE(takes(content, "<think>any text"));
  const auto thinking = compiled(format_named("hermes"), {},
                                 {.choice = Choice::kNone, .phase = Phase::kReasoning, .rule = rule});
  EXPECT_TRUE(takes(thinking, "hm <think> 13</think>12"));
  EXPECT_FALSE(takes(thinking, "12"));
  const auto response = compiled(format_named("command-r7b"), {}, {.choice = Choice::kNone, .rule = rule});
  EXPECT_TRUE(takes(response, "<|START_THINKING|>a<|END_THINKING|><|START_RESPONSE|>12<|END_RESPONSE|>"));
  const auto channels =
      compiled(format_named("harmony"), {}, {.choice = Choice::kNone, .phase = Phase::kHeader, .rule = rule});
  EXPECT_TRUE(takes(channels, "<|channel|>final<|message|>12"));
  EXPECT_TRUE(takes(
      channels,
      "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>12<|return|>"));
  EXPECT_FALSE(takes(channels, "<|channel|>final<|message|>It is 12"));
  EXPECT_FALSE(takes(channels, "12"));
}

TEST(AnswerStructure, BesideCallsARuleIsOneWayToAnswer) {
  const Spec rule = {.kind = Spec::Kind::kChoices, .choices = {"yes", "no"}};
  for (const Phase phase : {Phase::kContent, Phase::kReasoning}) {
    const auto grammar =
        compiled(format_named("hermes"), ToolList(tools_json()), {.phase = phase, .rule = rule});
    const std::string before = phase == Phase::kReasoning ? "Hm.</think>\n\n" : "";
    const std::string call = "<tool_call>\n{\"name\": \"list_all\", \"arguments\": {}}\n</tool_call>";
    EXPECT_TRUE(takes(grammar, before + "yes"));
    EXPECT_TRUE(takes(grammar, before + call));
    EXPECT_TRUE(takes(grammar, before + call + "\n" + call));
    EXPECT_FALSE(takes(grammar, before + "yes" + call));
    EXPECT_FALSE(takes(grammar, before + call + "yes"));
    EXPECT_FALSE(takes(grammar, before + "Well."));
  }
}

TEST(AnswerStructure, WhereCallsAreRequiredARuleIsNoWayOut) {
  const Spec rule = {.kind = Spec::Kind::kChoices, .choices = {"yes", "no"}};
  const AnswerOptions options = {.choice = Choice::kRequired, .rule = rule};
  const auto hermes = compiled(format_named("hermes"), ToolList(tools_json()), options);
  EXPECT_TRUE(takes(hermes, "<tool_call>\n{\"name\": \"list_all\", \"arguments\": {}}\n</tool_call>"));
  EXPECT_FALSE(takes(hermes, "yes"));
  EXPECT_FALSE(takes(hermes, "<think>Hm.</think>\n\nyes"));
  AnswerOptions in_header = options;
  in_header.phase = Phase::kHeader;
  const auto harmony = compiled(format_named("harmony"), ToolList(tools_json()), in_header);
  EXPECT_TRUE(takes(harmony, "<|channel|>commentary to=functions.list_all<|message|>{}"));
  EXPECT_FALSE(takes(harmony, "<|channel|>final<|message|>yes"));
  const auto functionary = compiled(format_named("functionary-v3.2"), ToolList(tools_json()), in_header);
  EXPECT_TRUE(takes(functionary, "list_all\n{}"));
  EXPECT_FALSE(takes(functionary, "all\nyes"));
}

TEST(AnswerStructure, WithoutParallelCallsTheFirstIsTheLast) {
  const auto grammar = compiled(format_named("hermes"), ToolList(tools_json()), {.parallel = false});
  const std::string call = "<tool_call>\n{\"name\": \"list_all\", \"arguments\": {}}\n</tool_call>";
  EXPECT_TRUE(takes(grammar, "I look." + call + "and wait"));
  EXPECT_FALSE(takes(grammar, call + call));
}

TEST(AnswerStructure, AThoughtEndsWithItsMarkOrACall) {
  const auto grammar = compiled(format_named("hermes"), ToolList(tools_json()),
                                {.choice = Choice::kRequired, .phase = Phase::kReasoning});
  const std::string call = "<tool_call>{\"name\": \"list_all\", \"arguments\": {}}</tool_call>";
  EXPECT_TRUE(takes(grammar, "I write <tool_call> and " + call + "\n</think>"));
  EXPECT_TRUE(takes(grammar, "Hm.</think>\n\n" + call));
  EXPECT_FALSE(takes(grammar, "Hm."));
  EXPECT_FALSE(takes(grammar, "Hm.</think>Well. " + call));
}

// What bears no mark is held once it names a function that is offered, and never forced to be a call.
TEST(AnswerStructure, ABareCallIsOneOnceItNamesAFunction) {
  for (const std::string family : {"generic", "llama3"}) {
    const auto grammar = compiled(format_named(family), ToolList(tools_json()), {});
    EXPECT_TRUE(takes(grammar, R"(See {"name": "Bob", "age": 5} and [1, {"a": 2}].)")) << family;
    EXPECT_TRUE(takes(grammar, R"({"name": "get_weather", "parameters": {"city": "Rome"}})")) << family;
    EXPECT_FALSE(takes(grammar, R"({"name": "get_weather", "parameters": {"town": 1}})")) << family;
  }
  const auto python = compiled(format_named("llama4"), ToolList(tools_json()), {});
  EXPECT_TRUE(takes(python, "See [1] and [other(x)]."));
  EXPECT_TRUE(takes(python, "[get_weather(city=\"Rome\", days=2)]"));
  EXPECT_FALSE(takes(python, "[get_weather(days=2)]"));
}

// Attributes are read in either quotation mark, so a call in the other one cannot begin beside the rules.
TEST(AnswerStructure, NoCallBeginsInSingleQuotes) {
  const ToolList tools(tools_json());
  const auto grammar = compiled(format_named("minimax"), tools, {});
  EXPECT_TRUE(takes(grammar, "<invoke name=it> and <invoke name=\"list_all\">\n</invoke>"));
  EXPECT_FALSE(takes(grammar, "<invoke name='list_all'>\n</invoke>"));
  const auto thinking = compiled(format_named("minimax"), tools, {.phase = Phase::kReasoning});
  EXPECT_TRUE(takes(thinking, "I write <invoke name='x'>.</think>Well."));
  EXPECT_FALSE(takes(thinking, "I write <invoke name='list_all'>.</think>Well."));
}

// Names and texts of schemas with all that formats are made of.
TEST_P(AnswerStructures, KeepNamesOfAnyContent) {
  const ToolList tools{OrderedJson::parse(R"json([
    {"type": "function", "function": {"name": "do </function> \"it\"", "description": "</tool_call>", "parameters": {
      "type": "object", "description": "<think>", "properties": {"x": {"enum": [1, "</think>", "<|end|>", "]", "it's\n"]}},
      "required": ["x"]}}},
    {"type": "function", "function": {"name": "do", "parameters": {"type": "object", "properties": {
      "a": {"const": "</parameter>\n</function>\n</tool_call>"}, "a_b": {"type": "string"}}}}}
  ])json")};
  const Case c = {GetParam(), Choice::kRequired, "", true, has_headers_ ? Phase::kHeader : Phase::kContent};
  const auto grammar = compiled(format_, tools, {.choice = c.choice, .phase = c.phase});
  ASSERT_TRUE(grammar);
  for (uint64_t seed = 0; seed < 4; ++seed) {
    const std::string text = walk(grammar, seed, 300);
    if (!text.empty()) expect_valid_calls(c, tools, text);
  }
}

TEST(AnswerStructure, RefusalsNameTheFunctionAndTheKeyword) {
  const ToolList tools{
      OrderedJson::parse(R"([{"name": "f", "parameters": {"properties": {"a": {"$ref": "other.json"}}}}])")};
  for (const std::string family : {"hermes", "qwen3-coder"}) try {
      compiled(format_named(family), tools, {});
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadArgument);
      EXPECT_NE(std::string(error.what()).find("function 'f': $ref at #/properties/a"), std::string::npos)
          << error.what();
    }
}

TEST(AnswerStructure, RefusesFunctionsThatAreNotThere) {
  EXPECT_THROW(answer_structure(format_named("hermes"), ToolList(tools_json()),
                                {.choice = Choice::kRequired, .only = "none"}),
               Error);
  EXPECT_THROW(answer_structure(format_named("hermes"), ToolList(), {.choice = Choice::kRequired}), Error);
}

TEST(AnswerStructure, IsNotNeededWhereNothingIsConstrained) {
  EXPECT_FALSE(answer_structure(format_named("hermes"), ToolList(), {}));
  EXPECT_FALSE(answer_structure(format_named("hermes"), ToolList(tools_json()), {.choice = Choice::kNone}));
}

}  // namespace
}  // namespace ferrum::tools::testing
