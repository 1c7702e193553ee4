// What an answer has to be, in the words of several APIs and engines.
#include <gtest/gtest.h>

#include "server/served.h"
#include "support/contains.h"

namespace ferrum {
namespace {

using nlohmann::json;
using test::Client;
using test::Reply;
using test::Served;
using Kind = AnswerRule::Kind;

const std::string kChat = "/v1/chat/completions";
const std::string kText = "/v1/completions";
const std::string kMessages = "/v1/messages";
const std::string kResponses = "/v1/responses";

std::string body_of(const std::string& path, const std::string& more) {
  const std::string prompt = path == kText        ? R"("prompt":"x")"
                             : path == kResponses ? R"("input":"x")"
                                                  : R"("messages":[{"role":"user","content":"x"}])";
  return R"({"model":"fake",)" + prompt + (path == kMessages ? R"(,"max_tokens":9,)" : ",") + more + "}";
}

class AnswerRules : public testing::Test {
 protected:
  std::optional<AnswerRule> asked(const std::string& path, const std::string& more) {
    const size_t before = served_.engine->asked();
    const Reply reply = client_.post(path, body_of(path, more));
    EXPECT_EQ(reply.status, 200) << reply.body;
    if (reply.status != 200) return std::nullopt;
    return served_.engine->answer(before)->request.rule;
  }
  void expect(const std::string& path, const std::string& more, const AnswerRule& wanted) {
    SCOPED_TRACE(path + " " + more);
    const std::optional<AnswerRule> rule = asked(path, more);
    ASSERT_TRUE(rule.has_value());
    EXPECT_EQ(rule->kind, wanted.kind);
    EXPECT_EQ(rule->source, wanted.source);
    EXPECT_EQ(rule->choices, wanted.choices);
    EXPECT_EQ(rule->compact, wanted.compact);
  }
  void expect_refused(const std::string& path, const std::string& more, const std::string& param) {
    const Reply reply = client_.post(path, body_of(path, more));
    EXPECT_EQ(reply.status, 400) << more << reply.body;
    EXPECT_CONTAINS(reply.error(), param);
    if (path != kMessages) {
      EXPECT_EQ(reply.json()["error"]["param"], param);
    }
  }

  Served served_;
  Client client_ = served_.client();
};

// With an order and digits that a parsed tree would lose.
const std::string kSchema = R"({"type":"object", "properties":{"z":{"maximum":1.50},"a":{"type":"null"}}})";
const AnswerRule kBySchema = {.kind = Kind::kJsonSchema, .source = kSchema};

TEST_F(AnswerRules, FormatsOfOpenAi) {
  for (const std::string& path : {kChat, kText}) {
    expect(path, R"("response_format":{"type":"json_object"})", {.kind = Kind::kJsonObject});
    expect(path, R"("response_format":{"type":"json_object","schema":{}})", {.kind = Kind::kJsonObject});
    expect(path, R"("response_format":{"type":"json_object","schema":)" + kSchema + "}", kBySchema);
    for (const char* strict : {"true", "false", "null"})
      expect(path,
             R"("response_format":{"type":"json_schema","json_schema":{"name":"n","strict":)" +
                 std::string(strict) + R"(,"schema":)" + kSchema + "}}",
             kBySchema);
    EXPECT_FALSE(asked(path, R"("response_format":{"type":"text"})").has_value());
    EXPECT_FALSE(asked(path, R"("response_format":null)").has_value());
    expect_refused(path, R"("response_format":{"type":"xml"})", "response_format.type");
    expect_refused(path, R"("response_format":{"type":"json_schema","json_schema":{"name":"n"}})",
                   "response_format.json_schema.schema");
    expect_refused(path, R"("response_format":{"type":"json_schema"})", "response_format.json_schema");
    expect_refused(path, R"("response_format":{"type":"json_schema","json_schema":{"schema":5}})",
                   "response_format.json_schema.schema");
    expect_refused(path, R"("response_format":{"type":"json_object","strictly":true})",
                   "response_format.strictly");
  }
}

TEST_F(AnswerRules, FormatsOfResponsesAndMessages) {
  expect(kResponses,
         R"("text":{"format":{"type":"json_schema","name":"n","strict":true,"schema":)" + kSchema + "}}",
         kBySchema);
  expect(kResponses, R"("text":{"format":{"type":"json_object"}})", {.kind = Kind::kJsonObject});
  EXPECT_FALSE(asked(kResponses, R"("text":{"format":{"type":"text"},"verbosity":"medium"})").has_value());
  expect_refused(kResponses, R"("text":{"format":{"type":"json_schema","name":"n"}})", "text.format.schema");
  const json echo =
      client_.post(kResponses, body_of(kResponses, R"("text":{"format":{"type":"json_object"}})")).json();
  EXPECT_EQ(echo["text"]["format"]["type"], "json_object");
  const std::string format = R"({"type":"json_schema","schema":)" + kSchema + "}";
  expect(kMessages, R"("output_config":{"format":)" + format + "}", kBySchema);
  expect(kMessages, R"("output_format":)" + format, kBySchema);
  expect_refused(kMessages, R"("output_format":)" + format + R"(,"output_config":{"format":)" + format + "}",
                 "output_format.schema");
}

TEST_F(AnswerRules, WordsOfOtherEngines) {
  const std::string quoted = json(kSchema).dump();
  for (const std::string& path : {kChat, kText, kResponses, kMessages}) {
    expect(path, R"("guided_json":)" + kSchema, kBySchema);
    expect(path, R"("guided_json":)" + quoted, kBySchema);
    expect(path, R"("json_schema":)" + kSchema, kBySchema);
    expect(path, R"("guided_regex":"[a-z]+")", {.kind = Kind::kRegex, .source = "[a-z]+"});
    expect(path, R"("guided_choice":["a","b"])", {.kind = Kind::kChoices, .choices = {"a", "b"}});
    expect(path, R"("guided_grammar":"root ::= \"x\"")",
           {.kind = Kind::kGrammar, .source = "root ::= \"x\""});
    expect(path, R"("grammar":"root ::= \"x\"")", {.kind = Kind::kGrammar, .source = "root ::= \"x\""});
    expect(path, R"("structured_outputs":{"json":)" + kSchema + R"(,"disable_any_whitespace":true})",
           {.kind = Kind::kJsonSchema, .source = kSchema, .compact = true});
    expect(path, R"("structured_outputs":{"regex":"a"})", {.kind = Kind::kRegex, .source = "a"});
    expect(path, R"("structured_outputs":{"choice":["a"]})", {.kind = Kind::kChoices, .choices = {"a"}});
    expect(path, R"("structured_outputs":{"grammar":"g"})", {.kind = Kind::kGrammar, .source = "g"});
    expect(path, R"("structured_outputs":{"json_object":true})", {.kind = Kind::kJsonObject});
    for (const char* neutral : {R"("guided_json":null)", R"("guided_choice":[])", R"("grammar":"")",
                                R"("json_schema":{})", R"("structured_outputs":{})"})
      EXPECT_FALSE(asked(path, neutral).has_value()) << neutral;
  }
  expect(kChat, R"("guided_json":)" + kSchema + R"(,"guided_whitespace_pattern":"")",
         {.kind = Kind::kJsonSchema, .source = kSchema, .compact = true});
  expect_refused(kChat, R"("guided_json":)" + kSchema + R"(,"guided_whitespace_pattern":"\\s")",
                 "guided_whitespace_pattern");
  expect_refused(kChat, R"("grammar":"root ::= \"x\"","grammar_lazy":true)", "grammar_lazy");
  expect_refused(kChat, R"("structured_outputs":{"structural_tag":"{}"})",
                 "structured_outputs.structural_tag");
}

TEST_F(AnswerRules, TwoAreRefused) {
  expect_refused(kChat, R"("response_format":{"type":"json_object"},"guided_regex":"a")", "guided_regex");
  expect_refused(kChat, R"("guided_json":{"type":"null"},"guided_choice":["a"])", "guided_choice");
  expect_refused(kText, R"("grammar":"g","json_schema":{"type":"null"})", "json_schema");
  expect_refused(kResponses, R"("text":{"format":{"type":"json_object"}},"guided_regex":"a")",
                 "guided_regex");
  expect_refused(kChat, R"("structured_outputs":{"regex":"a","choice":["b"]})", "structured_outputs.choice");
}

TEST(RefusedRules, B45_AnErrorOfTheEngineNamesTheField) {
  const ErrorEvent refusal = {.code = "bad_rule", .message = "$ref at #/a: the reference is remote"};
  Served served([refusal](const Request&) { return std::vector<Event>{refusal}; });
  const auto param = [&](const std::string& path, const std::string& more) {
    const Reply reply = served.client().post(path, body_of(path, more));
    EXPECT_EQ(reply.status, 400) << reply.body;
    EXPECT_CONTAINS(reply.error(), "$ref at #/a");
    return reply.json()["error"]["param"];
  };
  const std::string schema = R"({"$ref":"http://x.example/"})";
  for (const std::string& path : {kChat, kText}) {
    EXPECT_EQ(param(path, R"("guided_json":)" + schema), "guided_json");
    EXPECT_EQ(
        param(path, R"("stream":true,"response_format":{"type":"json_schema","json_schema":{"schema":)" +
                        schema + "}}"),
        "response_format.json_schema.schema");
  }
  EXPECT_EQ(
      param(kResponses, R"("text":{"format":{"type":"json_schema","name":"n","schema":)" + schema + "}}"),
      "text.format.schema");
  const Reply reply = served.client().post(kMessages, body_of(kMessages, R"("guided_json":)" + schema));
  EXPECT_EQ(reply.json()["error"]["type"], "invalid_request_error");
}

TEST(RefusedRules, AnErrorAboutAFunctionNamesItsSchemasField) {
  ErrorEvent refusal = {.code = "bad_tools", .message = "function 'f': pattern at #/a: no", .function = "f"};
  Served served([&](const Request&) { return std::vector<Event>{refusal}; });
  served.engine->set_context(1 << 20);
  const auto error = [&](const std::string& path, const std::string& more) {
    const Reply reply = served.client().post(path, body_of(path, more));
    EXPECT_EQ(reply.status, 400) << reply.body;
    return reply.json()["error"];
  };
  const std::string chat_tools =
      R"("tools":[{"type":"web_search"},{"type":"function","function":{"name":"f","parameters":{}}}])";
  EXPECT_EQ(error(kChat, chat_tools)["param"], "tools[1].function.parameters");
  EXPECT_EQ(error(kChat, chat_tools)["message"],
            "tools[1].function.parameters: function 'f': pattern at #/a: no");
  EXPECT_EQ(error(kChat, R"("functions":[{"name":"g"},{"name":"f"}])")["param"], "functions[1].parameters");
  EXPECT_EQ(error(kChat, R"("tools":[{"type":"custom","custom":{"name":"f","format":{"type":"grammar",)"
                         R"("grammar":{"syntax":"lark","definition":"start: x"}}}}])")["param"],
            "tools[0].custom.format.grammar.definition");
  EXPECT_EQ(error(kResponses, R"("tools":[{"type":"function","name":"f","parameters":{}}])")["param"],
            "tools[0].parameters");
  EXPECT_EQ(error(kResponses, R"("tools":[{"type":"custom","name":"f","format":{"type":"grammar",)"
                              R"("syntax":"lark","definition":"start: x"}}])")["param"],
            "tools[0].format.definition");
  EXPECT_EQ(error(kMessages, R"("tools":[{"name":"f","input_schema":{}}])")["message"],
            "tools[0].input_schema: function 'f': pattern at #/a: no");
  refusal.function = "s__f";
  EXPECT_EQ(error(kResponses, R"("tools":[{"type":"namespace","name":"s","tools":[{"type":"function",)"
                              R"("name":"f"}]}])")["param"],
            "tools[0].tools[0].parameters");
  refusal.function.clear();
  EXPECT_EQ(error(kChat, chat_tools)["param"], "tools") << "of all of them together";
}

TEST_F(AnswerRules, ThoughtsHaveABudgetInManyWords) {
  const auto budget = [&](const std::string& path, const std::string& more) {
    const size_t before = served_.engine->asked();
    const Reply reply = client_.post(path, body_of(path, more));
    EXPECT_EQ(reply.status, 200) << reply.body;
    return served_.engine->answer(before)->request.max_thought_tokens;
  };
  for (const std::string& path : {kChat, kText, kResponses, kMessages}) {
    EXPECT_EQ(budget(path, R"("max_thought_tokens":7)"), 7);
    EXPECT_EQ(budget(path, R"("thinking_token_budget":7,"reasoning_budget":-1)"), 7);
    EXPECT_EQ(budget(path, R"("reasoning_budget":0)"), 0);
    EXPECT_EQ(budget(path, R"("temperature":1)"), -1);
  }
  EXPECT_EQ(budget(kChat, R"("thinking":{"type":"enabled","budget_tokens":5})"), 5);
  EXPECT_EQ(budget(kChat, R"("reasoning":{"max_tokens":5})"), 5);
  expect_refused(kChat, R"("max_thought_tokens":"many")", "max_thought_tokens");
}

}  // namespace
}  // namespace ferrum
