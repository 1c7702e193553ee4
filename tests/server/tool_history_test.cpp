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
  ToolHistory() { served_.engine->set_context(1 << 20); }
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
  const std::string text = served_.engine->prompt_text(served_.engine->answer(0)->request);
  EXPECT_EQ(
      text,
      "user: Weather?\nassistant: (Hm.) I look.\n"
      R"([{"id":"t1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Paris\"}"}},)"
      R"({"id":"t2","type":"function","function":{"name":"time","arguments":"{}"}}])"
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
  expect_refused(kChat, calls({{{"type", "search"}, {"search", {{"name", "f"}}}}}),
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

TEST_F(ToolHistory, ArgumentsKeepTheirOrder) {
  const auto prompt = [&](const std::string& path, const std::string& turn) {
    const std::string name = path == kResponses ? "input" : "messages";
    const std::string user = R"({"role":"user","content":"a"})";
    const Reply reply =
        client_.post(path, R"({"model":"fake","max_)" + std::string(path == kResponses ? "output_" : "") +
                               R"(tokens":9,")" + name + R"(":[)" + user + "," + turn + "," + user + "]}");
    EXPECT_EQ(reply.status, 200) << reply.body;
    return served_.engine->prompt_text(served_.engine->answer(served_.engine->asked() - 1)->request);
  };
  const std::string object = R"({"z":1, "a":{"y":0.10,"b":2}})";
  const std::string shown = json(object).dump();
  EXPECT_CONTAINS(
      prompt(kChat, R"({"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f","arguments":)" +
                        object + "}}]}"),
      shown);
  EXPECT_CONTAINS(
      prompt(kMessages, R"({"role":"assistant","content":[{"type":"tool_use","id":"c","name":"f","input":)" +
                            object + "}]}"),
      shown);
  EXPECT_CONTAINS(
      prompt(kResponses, R"({"type":"function_call","call_id":"c","name":"f","arguments":)" + object + "}"),
      shown);
}

TEST_F(ToolHistory, MissingIdsAreFilledIn) {
  const json call = {{"function", {{"name", "f"}, {"arguments", "{}"}}}};
  const json other = {{"function", {{"name", "g"}, {"arguments", "{}"}}}};
  const auto turns = asked(kChat, {kUser,
                                   {{"role", "assistant"}, {"tool_calls", {call, other}}},
                                   {{"role", "tool"}, {"name", "g"}, {"content", "2"}},
                                   {{"role", "tool"}, {"content", "1"}},
                                   {{"role", "tool"}, {"content", "3"}}});
  ASSERT_EQ(turns.size(), 5u);
  EXPECT_EQ(calls_of(turns[1])[0]["id"], "call_0");
  EXPECT_EQ(calls_of(turns[1])[1]["id"], "call_1");
  EXPECT_EQ(turns[2].tool_call_id, "call_1") << "by its name";
  EXPECT_EQ(turns[3].tool_call_id, "call_0") << "the first without a result";
  EXPECT_EQ(turns[4].tool_call_id, "") << "there is no call for it";
}

TEST_F(ToolHistory, N9_ResultsBeforeCallsFollowThem) {
  const auto turns =
      asked(kChat, {kUser,
                    {{"role", "tool"}, {"tool_call_id", "c1"}, {"content", "sun"}},
                    {{"role", "assistant"}, {"tool_calls", {call_json("c1", "weather", "{}")}}},
                    kUser});
  ASSERT_EQ(turns.size(), 4u);
  EXPECT_EQ(turns[1].role, "assistant");
  EXPECT_EQ(turns[2].content, "sun");
  EXPECT_EQ(turns[2].name, "weather");
  const auto items =
      asked(kResponses, {{{"type", "function_call_output"}, {"call_id", "c1"}, {"output", "sun"}},
                         {{"type", "function_call"}, {"call_id", "c1"}, {"name", "f"}, {"arguments", "{}"}}});
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[0].role, "assistant");
  EXPECT_EQ(items[1].role, "tool");
}

TEST_F(ToolHistory, IdsThatAreUsedAgainBelongToTheLastCall) {
  const auto turn = [](const char* name) {
    return json{{"role", "assistant"}, {"tool_calls", {call_json("call_0", name, "{}")}}};
  };
  const json result = {{"role", "tool"}, {"tool_call_id", "call_0"}, {"content", "x"}};
  const auto turns = asked(kChat, {kUser, turn("f"), result, turn("g"), result, result});
  ASSERT_EQ(turns.size(), 6u);
  EXPECT_EQ(turns[2].name, "f");
  EXPECT_EQ(turns[4].name, "g");
  EXPECT_EQ(turns[5].name, "g") << "several results";
}

TEST_F(ToolHistory, OlderFunctionCallsAreCalls) {
  const auto turns = asked(kChat, {kUser,
                                   {{"role", "assistant"},
                                    {"content", nullptr},
                                    {"function_call", {{"name", "f"}, {"arguments", "{\"a\":1}"}}}},
                                   {{"role", "function"}, {"name", "f"}, {"content", "sun"}}});
  ASSERT_EQ(turns.size(), 3u);
  EXPECT_EQ(calls_of(turns[1])[0]["function"]["name"], "f");
  EXPECT_EQ(turns[2].role, "tool");
  EXPECT_EQ(turns[2].tool_call_id, calls_of(turns[1])[0]["id"].get<std::string>());
}

TEST_F(ToolHistory, TextsOfCustomToolsAreArguments) {
  const json items = {
      kUser,
      {{"type", "custom_tool_call"}, {"call_id", "c1"}, {"name", "patch"}, {"input", "a\n\"b"}},
      {{"type", "custom_tool_call_output"}, {"call_id", "c1"}, {"output", "done"}}};
  const auto turns = asked(kResponses, items);
  ASSERT_EQ(turns.size(), 3u);
  EXPECT_EQ(json::parse(std::string(calls_of(turns[1])[0]["function"]["arguments"])),
            json({{"input", "a\n\"b"}}));
  EXPECT_EQ(turns[2].name, "patch");
  const auto chat = asked(
      kChat,
      {kUser,
       {{"role", "assistant"},
        {"tool_calls", {{{"id", "c"}, {"type", "custom"}, {"custom", {{"name", "p"}, {"input", "x"}}}}}}},
       {{"role", "tool"}, {"tool_call_id", "c"}, {"content", "y"}}});
  EXPECT_EQ(calls_of(chat[1])[0]["function"]["arguments"], R"({"input":"x"})");
}

TEST_F(ToolHistory, ThoughtsAndFailuresGoToTheTemplate) {
  EXPECT_EQ(
      asked(kChat, {kUser, {{"role", "assistant"}, {"content", "x"}, {"reasoning_content", "hm"}}, kUser})[1]
          .reasoning,
      "hm");
  EXPECT_EQ(asked(kChat, {kUser, {{"role", "assistant"}, {"content", "x"}, {"reasoning", "hm"}}, kUser})[1]
                .reasoning,
            "hm");
  const auto items =
      asked(kResponses, {kUser,
                         {{"type", "reasoning"}, {"summary", {{{"type", "summary_text"}, {"text", "hm"}}}}},
                         {{"type", "function_call"}, {"call_id", "c"}, {"name", "f"}, {"arguments", "{}"}},
                         {{"type", "function_call_output"}, {"call_id", "c"}, {"output", "x"}},
                         {{"type", "reasoning"}, {"summary", {{{"type", "summary_text"}, {"text", "so"}}}}},
                         {{"role", "assistant"}, {"content", "y"}},
                         kUser});
  ASSERT_EQ(items.size(), 5u);
  EXPECT_EQ(items[1].reasoning, "hm");
  EXPECT_NE(items[1].tool_calls, "");
  EXPECT_EQ(items[3].reasoning, "so");
  EXPECT_EQ(items[3].content, "y");
  const auto failed = [&](const json& content) {
    return asked(kMessages,
                 {kUser,
                  {{"role", "assistant"}, {"content", {{{"type", "tool_use"}, {"id", "t"}, {"name", "f"}}}}},
                  {{"role", "user"},
                   {"content",
                    {{{"type", "tool_result"},
                      {"tool_use_id", "t"},
                      {"is_error", true},
                      {"content", content}}}}}})
        .back()
        .content;
  };
  EXPECT_EQ(failed("no such city"), "Error: no such city");
  EXPECT_EQ(failed(nullptr), "Error");
  EXPECT_EQ(failed("Error: already said"), "Error: already said");
}

}  // namespace
}  // namespace ferrum
