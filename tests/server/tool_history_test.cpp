// Tool calls and their results in the histories that clients send back, in all three APIs.
#include <gtest/gtest.h>

#include "server/served.h"
#include "support/contains.h"

namespace ferrum {
namespace {

using nlohmann::json;
using test::Client;
using test::Reply;
using test::Served;

const std::string kChat = "/v1/chat/completions";
const std::string kMessages = "/v1/messages";
const std::string kResponses = "/v1/responses";

json calls_of(const ChatMessage& message) { return json::parse(message.tool_calls); }

json call_json(const std::string& id, const std::string& name, const std::string& arguments) {
  return {{"id", id}, {"type", "function"}, {"function", {{"name", name}, {"arguments", arguments}}}};
}

json body_of(const std::string& path, const json& turns) {
  json body = {{"model", "fake"}, {path == kResponses ? "input" : "messages", turns}};
  if (path == kMessages) body["max_tokens"] = 9;
  return body;
}

class ToolHistory : public testing::Test {
 protected:
  ToolHistory() {
    served_.engine->takes_calls();
    served_.engine->set_context(1 << 20);
  }
  std::vector<ChatMessage> asked(const std::string& path, const json& turns,
                                 const json& more = json::object()) {
    json body = body_of(path, turns);
    body.update(more);
    const size_t before = served_.engine->asked();
    const Reply reply = client_.post(path, body.dump());
    EXPECT_EQ(reply.status, 200) << reply.body;
    if (reply.status != 200) return std::vector<ChatMessage>(9);
    const Request request = served_.engine->answer(before)->request;
    if (const auto* chat = std::get_if<ChatPrompt>(&request.prompt)) return chat->messages;
    return {};
  }
  void expect_refused(const std::string& path, const json& turns, const std::string& words) {
    const Reply reply = client_.post(path, body_of(path, turns).dump());
    EXPECT_EQ(reply.status, 400) << reply.body;
    EXPECT_CONTAINS(reply.error(), words);
  }

  Served served_;
  Client client_ = served_.client();
};

const json kUser = {{"role", "user"}, {"content", "Weather?"}};

TEST_F(ToolHistory, ChatsPassCallsToTheTemplate) {
  const auto turns = asked(
      kChat,
      {kUser,
       {{"role", "assistant"},
        {"content", nullptr},
        {"tool_calls", {call_json("c1", "weather", R"({"z": 1, "a": 2})"), call_json("c2", "time", "")}}},
       {{"role", "tool"}, {"tool_call_id", "c2"}, {"content", "noon"}},
       {{"role", "tool"}, {"tool_call_id", "c1"}, {"content", {{{"type", "text"}, {"text", "sun"}}}}},
       {{"role", "assistant"}, {"content", "Sun."}, {"tool_calls", json::array()}},
       kUser});
  ASSERT_EQ(turns.size(), 6u);
  EXPECT_EQ(calls_of(turns[1]),
            json({call_json("c1", "weather", R"({"z": 1, "a": 2})"), call_json("c2", "time", "")}));
  EXPECT_EQ(turns[1].content, "");
  EXPECT_EQ(turns[2].tool_call_id, "c2");
  EXPECT_EQ(turns[2].name, "time") << "of the call";
  EXPECT_EQ(turns[3].name, "weather");
  EXPECT_EQ(turns[3].content, "sun");
  EXPECT_EQ(turns[4].tool_calls, "");
}

TEST_F(ToolHistory, MessagesPassBlocksToTheTemplate) {
  // The prompt is tokens by then; the fake engine's count tells that all of it was read.
  const json turns = {
      kUser,
      {{"role", "assistant"},
       {"content",
        {{{"type", "thinking"}, {"thinking", "Hm."}, {"signature", "x"}},
         {{"type", "text"}, {"text", "I look."}},
         {{"type", "tool_use"}, {"id", "t1"}, {"name", "weather"}, {"input", {{"city", "Paris"}}}},
         {{"type", "tool_use"}, {"id", "t2"}, {"name", "time"}, {"input", json::object()}}}}},
      {{"role", "user"},
       {"content",
        {{{"type", "tool_result"}, {"tool_use_id", "t1"}, {"content", "sun"}, {"is_error", false}},
         {{"type", "tool_result"},
          {"tool_use_id", "t2"},
          {"content", {{{"type", "text"}, {"text", "no"}}, {{"type", "text"}, {"text", "on"}}}}},
         {{"type", "tool_result"}, {"tool_use_id", "t3"}},
         {{"type", "text"}, {"text", "And"}},
         {{"type", "text"}, {"text", " now?"}}}}},
      {{"role", "user"}, {"content", "Well?"}}};
  asked(kMessages, turns);
  const std::string text = test::text_of(served_.engine->answer(0)->request);
  EXPECT_EQ(
      text,
      "user: Weather?\nassistant: I look.\n"
      R"([{"function":{"arguments":"{\"city\":\"Paris\"}","name":"weather"},"id":"t1","type":"function"},)"
      R"({"function":{"arguments":"{}","name":"time"},"id":"t2","type":"function"}])"
      "\ntool weather: sun\ntool time: noon\ntool: \nuser: And now?\n\nWell?\n");
}

TEST_F(ToolHistory, ResponsesPassItemsToTheTemplate) {
  const json items = {kUser,
                      {{"type", "reasoning"}, {"id", "rs_1"}, {"summary", json::array()}},
                      {{"type", "message"},
                       {"role", "assistant"},
                       {"content", {{{"type", "output_text"}, {"text", "I look."}}}}},
                      {{"type", "function_call"},
                       {"call_id", "c1"},
                       {"name", "weather"},
                       {"arguments", "{\"a\":1}"},
                       {"id", "fc_1"}},
                      {{"type", "function_call"},
                       {"call_id", "c2"},
                       {"name", "time"},
                       {"arguments", "{}"},
                       {"status", "completed"}},
                      {{"type", "function_call_output"}, {"call_id", "c1"}, {"output", "sun"}},
                      {{"type", "function_call_output"},
                       {"call_id", "c2"},
                       {"output", {{{"type", "input_text"}, {"text", "noon"}}}}}};
  const auto turns = asked(kResponses, items);
  ASSERT_EQ(turns.size(), 4u);
  EXPECT_EQ(turns[1].content, "I look.");
  EXPECT_EQ(calls_of(turns[1]),
            json({call_json("c1", "weather", "{\"a\":1}"), call_json("c2", "time", "{}")}))
      << "one turn, as it was";
  EXPECT_EQ(turns[2].name, "weather");
  EXPECT_EQ(turns[3].content, "noon");
}

TEST_F(ToolHistory, AStoredCallIsAnsweredLater) {
  const json first = client_
                         .post(kResponses, body_of(kResponses, {kUser,
                                                                {{"type", "function_call"},
                                                                 {"call_id", "c1"},
                                                                 {"name", "weather"},
                                                                 {"arguments", "{}"},
                                                                 {"id", "fc_7"}}})
                                               .dump())
                         .json();
  const auto turns =
      asked(kResponses, {{{"type", "function_call_output"}, {"call_id", "c1"}, {"output", "sun"}}},
            {{"previous_response_id", first["id"]}});
  ASSERT_EQ(turns.size(), 4u);
  EXPECT_EQ(turns[3].name, "weather");
  const auto referred = asked(kResponses, {kUser, {{"type", "item_reference"}, {"id", "fc_7"}}});
  EXPECT_EQ(calls_of(referred[1])[0]["function"]["name"], "weather");
}

TEST_F(ToolHistory, B39_MalformedArgumentsAreText) {
  for (const std::string arguments : {"{\"city\": \"Par", "[[[[", "\x01", "5"}) {
    const auto turns =
        asked(kChat, {kUser, {{"role", "assistant"}, {"tool_calls", {call_json("c", "f", arguments)}}}});
    EXPECT_EQ(calls_of(turns[1])[0]["function"]["arguments"], arguments);
  }
  const json object = {{"id", "c"}, {"function", {{"name", "f"}, {"arguments", {{"a", 1}}}}}};
  const auto turns = asked(kChat, {kUser, {{"role", "assistant"}, {"tool_calls", {object}}}});
  EXPECT_EQ(calls_of(turns[1]), json({call_json("c", "f", "{\"a\":1}")})) << "as some clients send them";
}

TEST_F(ToolHistory, B39_MistakesInCallsAreNamed) {
  const auto calls = [](const json& value) {
    return json{kUser, {{"role", "assistant"}, {"content", "x"}, {"tool_calls", value}}};
  };
  expect_refused(kChat, calls("f"), "messages[1].tool_calls must be an array");
  expect_refused(kChat, calls({"f"}), "messages[1].tool_calls[0] must be an object");
  expect_refused(kChat, calls({{{"id", "c"}}}), "messages[1].tool_calls[0].function is missing");
  expect_refused(kChat, calls({{{"function", {{"arguments", "{}"}}}}}),
                 "messages[1].tool_calls[0].function.name");
  expect_refused(kChat, calls({{{"function", {{"name", "f"}, {"arguments", 5}}}}}), "function.arguments");
  expect_refused(kChat, calls({{{"type", "custom"}, {"custom", {{"name", "f"}}}}}),
                 "messages[1].tool_calls[0].type");
  expect_refused(kMessages,
                 {kUser, {{"role", "assistant"}, {"content", {{{"type", "tool_use"}, {"id", "t"}}}}}},
                 "messages[1].content[0].name");
  expect_refused(kMessages, {{{"role", "user"}, {"content", {{{"type", "tool_use"}, {"name", "f"}}}}}},
                 "messages[0].content[0].type");
  expect_refused(
      kMessages,
      {kUser, {{"role", "assistant"}, {"content", {{{"type", "tool_use"}, {"id", "t"}, {"name", "f"}}}}}},
      "results are missing");
  expect_refused(kResponses, {{{"type", "function_call"}, {"call_id", "c"}}}, "input[0].name");
  expect_refused(kResponses, {{{"type", "function_call_output"}, {"call_id", "c"}}}, "input[0].output");
}

TEST_F(ToolHistory, ATemplateWithoutAPlaceForCallsIsNamed) {
  Served plain;
  Client client = plain.client();
  const auto refusal = [&](const std::string& path, const json& turns) {
    const Reply reply = client.post(path, body_of(path, turns).dump());
    EXPECT_EQ(reply.status, 400) << reply.body;
    return reply.error();
  };
  EXPECT_CONTAINS(
      refusal(kChat, {kUser, {{"role", "assistant"}, {"tool_calls", {call_json("c", "f", "{}")}}}}),
      "messages[1].tool_calls: the model's chat template has no place for tool calls");
  EXPECT_CONTAINS(refusal(kMessages, {{{"role", "user"}, {"content", {{{"type", "tool_result"}}}}}}),
                  "messages[0].content[0].type: the model's chat template");
  EXPECT_CONTAINS(
      refusal(kResponses, {{{"type", "function_call_output"}, {"call_id", "c"}, {"output", "x"}}}),
      "input[0].type: the model's chat template");
  EXPECT_EQ(client.post(kChat, body_of(kChat, {kUser, {{"role", "tool"}, {"content", "sun"}}}).dump()).status,
            200)
      << "a result alone becomes the user's turn";
}

TEST_F(ToolHistory, ToolsThatMayNotBeCalledAreLeftOut) {
  const json tool = {{"type", "function"}, {"function", {{"name", "f"}}}};
  const json turns = json::array({kUser});
  EXPECT_EQ(asked(kChat, turns, {{"tools", {tool}}, {"tool_choice", "none"}}).size(), 1u);
  EXPECT_EQ(asked(kChat, turns, {{"functions", {{{"name", "f"}}}}, {"function_call", "none"}}).size(), 1u);
  EXPECT_EQ(asked(kResponses, turns, {{"tools", {tool}}, {"tool_choice", "none"}}).size(), 1u);
  asked(kMessages, turns, {{"tools", {{{"name", "f"}}}}, {"tool_choice", {{"type", "none"}}}});
  for (const json& choice : {json("auto"), json("required"), json()}) {
    json body = body_of(kChat, turns);
    body["tools"] = {tool};
    body["tool_choice"] = choice;
    EXPECT_EQ(client_.post(kChat, body.dump()).status, 400) << choice;
  }
}

}  // namespace
}  // namespace ferrum
