// Calls, thoughts and text in answers: whole and streamed, through all three APIs.
#include <gtest/gtest.h>

#include "server/anthropic/part_of_json.h"
#include "server/served.h"
#include "server/streamed.h"
#include "support/contains.h"

namespace ferrum {
namespace {

using nlohmann::json;
using test::Reply;
using test::Served;

const std::string kChat = "/v1/chat/completions";
const std::string kMessages = "/v1/messages";
const std::string kResponses = "/v1/responses";

// A thought, text, and two calls, the second without arguments; the same in every choice.
std::vector<Event> agent(const Request& request) {
  std::vector<Event> events;
  for (int choice = 0; choice < request.choices; ++choice) {
    events.push_back(test::thought("Hm", choice));
    events.push_back(test::thought(".", choice));
    events.emplace_back(TextEvent{choice, "I look."});
    for (Event& event : test::call(0, "weather", {R"({"z":)", R"("Pa)", R"(ris","a":1})"}, choice))
      events.push_back(std::move(event));
    for (Event& event : test::call(1, "time", {}, choice)) events.push_back(std::move(event));
    events.emplace_back(test::finish(choice));
  }
  return events;
}

json body_of(const std::string& path, const json& more = json::object()) {
  json body = {{"model", "fake"}};
  if (path == kResponses)
    body["input"] = "hi";
  else
    body["messages"] = {{{"role", "user"}, {"content", "hi"}}};
  if (path == kMessages) body["max_tokens"] = 9;
  body.update(more);
  return body;
}

json answer(Served& served, const std::string& path, const json& more = json::object()) {
  const Reply reply = served.client().post(path, body_of(path, more).dump());
  EXPECT_EQ(reply.status, 200) << reply.body;
  return reply.json();
}

std::vector<json> stream(Served& served, const std::string& path, json more = json::object()) {
  more["stream"] = true;
  return test::stream_events(served.client().post(path, body_of(path, more).dump()));
}

TEST(ToolAnswers, ChatsHaveThoughtsTextAndCalls) {
  Served served(agent);
  for (const int n : {1, 3}) {
    const json whole = answer(served, kChat, {{"n", n}});
    const std::vector<json> chunks = stream(served, kChat, {{"n", n}});
    ASSERT_EQ(whole["choices"].size(), static_cast<size_t>(n));
    for (int choice = 0; choice < n; ++choice) {
      const json& message = whole["choices"][choice]["message"];
      EXPECT_EQ(whole["choices"][choice]["finish_reason"], "tool_calls");
      EXPECT_EQ(message["content"], "I look.");
      EXPECT_EQ(message["reasoning_content"], "Hm.");
      EXPECT_EQ(message["reasoning"], "Hm.");
      ASSERT_EQ(message["tool_calls"].size(), 2u);
      EXPECT_EQ(message["tool_calls"][0],
                (json{{"id", "call_" + std::to_string(choice) + "0"},
                      {"type", "function"},
                      {"function", {{"name", "weather"}, {"arguments", R"({"z":"Paris","a":1})"}}}}));
      EXPECT_EQ(message["tool_calls"][1]["function"]["arguments"], "{}");
      json streamed = test::streamed_chat(chunks, choice);
      EXPECT_EQ(streamed["finish_reason"], "tool_calls");
      EXPECT_EQ(streamed["content"], message["content"]);
      EXPECT_EQ(streamed["reasoning_content"], message["reasoning_content"]);
      for (json& call : streamed["tool_calls"]) call.erase("index");
      EXPECT_EQ(streamed["tool_calls"], message["tool_calls"]);
    }
  }
}

TEST(ToolAnswers, ArgumentsComeAsTheyAreWritten) {
  Served served(agent);
  std::vector<std::string> deltas;
  for (const json& chunk : stream(served, kChat))
    for (const json& call : chunk["choices"][0]["delta"].value("tool_calls", json::array()))
      deltas.push_back(call["function"]["arguments"]);
  EXPECT_EQ(deltas, (std::vector<std::string>{"", R"({"z":)", R"("Pa)", R"(ris","a":1})", "", "{}"}));
}

TEST(ToolAnswers, CallsAloneHaveNoContent) {
  Served served([](const Request&) {
    std::vector<Event> events = test::call(0, "f", {"{}"});
    events.emplace_back(test::finish());
    return events;
  });
  const json message = answer(served, kChat)["choices"][0]["message"];
  EXPECT_TRUE(message.contains("content"));
  EXPECT_TRUE(message["content"].is_null());
  EXPECT_EQ(answer(served, kMessages)["content"].size(), 1u);
  EXPECT_EQ(answer(served, kResponses)["output"].size(), 1u);
}

TEST(ToolAnswers, AnAnswerThatIsCutInACallSaysSo) {
  Served served([](const Request&) {
    std::vector<Event> events = test::call(0, "f", {R"({"z": 1, "c": {"d": [2, 3]}, "e": 45, "a": "b)"});
    std::get<PartEvent>(events.back()).complete = false;
    events.emplace_back(test::finish(0, FinishReason::kMaxTokens));
    return events;
  });
  const json chat = answer(served, kChat)["choices"][0];
  EXPECT_EQ(chat["finish_reason"], "length");
  EXPECT_EQ(chat["message"]["tool_calls"][0]["function"]["arguments"],
            R"({"z": 1, "c": {"d": [2, 3]}, "e": 45, "a": "b)");
  EXPECT_EQ(test::streamed_chat(stream(served, kChat), 0)["finish_reason"], "length");
  const json message = answer(served, kMessages);
  EXPECT_EQ(message["stop_reason"], "max_tokens");
  EXPECT_EQ(message["content"][0]["input"], json::parse(R"({"z": 1, "c": {"d": [2, 3]}, "e": 45})"));
  const json response = answer(served, kResponses);
  EXPECT_EQ(response["status"], "incomplete");
  EXPECT_EQ(response["output"][0]["status"], "incomplete");
}

TEST(ToolAnswers, WhatIsWholeOfACutObjectIsKept) {
  const auto part = [](std::string_view text) {
    const server::anthropic::PartOfJson part = server::anthropic::part_of_json(text);
    return part.object.dump() + " " + std::string(part.rest);
  };
  EXPECT_EQ(part(R"({"a": true)"), R"({"a":true} )");
  EXPECT_EQ(part(R"({"a": false)"), R"({"a":false} )");
  EXPECT_EQ(part(R"({"a": [true, 1e)"), R"({"a":[true]} 1e)");
  EXPECT_EQ(part(R"({"a": 1, "b": 2)"), R"({"a":1} "b": 2)");
  EXPECT_EQ(part(R"({"a": null, "b": tru)"), R"({"a":null} "b": tru)");
  EXPECT_EQ(part(R"({"a": {"b": 12, "c": "d\")"), R"({"a":{"b":12}} "c": "d\")");
  EXPECT_EQ(part(R"({"a": "\ud800"})"), R"({} "a": "\ud800"})");
  EXPECT_EQ(part(R"({"a": 1.5e3, "b": [2,3]} )"), R"({"a":1500.0,"b":[2,3]} )");
  EXPECT_EQ(part("12"), "{} 12");
}

TEST(ToolAnswers, ADeepObjectIsOneAsFarAsItIsNot) {
  const std::string deep =
      R"({"a": 1, "b": )" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}";
  const server::anthropic::PartOfJson part = server::anthropic::part_of_json(deep);
  EXPECT_EQ(part.object["a"], 1);
  EXPECT_LT(part.object.dump().size(), 1000U);
  EXPECT_GT(part.rest.size(), 1'999'000U);
}

TEST(ToolAnswers, WhatABrokenCallLeavesIsTextWholeAndStreamed) {
  Served served([](const Request&) {
    std::vector<Event> events = test::call(0, "f", {R"({"a": [1, 2], "b)", R"(": )"});
    std::get<PartEvent>(events.back()).complete = false;
    events.emplace_back(TextEvent{0, "nope}"});
    for (Event& event : test::call(1, "g", {R"({"c": "d)"})) events.push_back(std::move(event));
    std::get<PartEvent>(events.back()).complete = false;
    events.emplace_back(test::finish());
    return events;
  });
  const json whole = answer(served, kMessages)["content"];
  ASSERT_EQ(whole.size(), 4U) << whole;
  EXPECT_EQ(whole[0]["input"], json::parse(R"({"a": [1, 2]})"));
  EXPECT_EQ(whole[1]["text"], R"("b": nope})");
  EXPECT_EQ(whole[2]["input"], json::object());
  EXPECT_EQ(whole[3]["text"], R"("c": "d)");
  EXPECT_EQ(test::streamed_blocks(stream(served, kMessages)), whole);
}

TEST(ToolAnswers, AStopStringInsideACallIsNoCall) {
  Served served([](const Request&) {
    std::vector<Event> events = test::call(0, "f", {R"({"a": "b)"});
    std::get<PartEvent>(events.back()).complete = false;
    FinishEvent finish = test::finish();
    finish.stop = "END";
    events.emplace_back(finish);
    return events;
  });
  EXPECT_EQ(answer(served, kChat)["choices"][0]["finish_reason"], "stop");
  EXPECT_EQ(answer(served, kMessages)["stop_reason"], "stop_sequence");
}

TEST(ToolAnswers, OlderClientsGetAFunctionCall) {
  Served served([](const Request&) {
    std::vector<Event> events = test::call(0, "f", {"{\"a\":", "1}"});
    events.emplace_back(test::finish());
    return events;
  });
  const json functions = {{"functions", {{{"name", "f"}}}}};
  const json choice = answer(served, kChat, functions)["choices"][0];
  EXPECT_EQ(choice["finish_reason"], "function_call");
  EXPECT_EQ(choice["message"]["function_call"], json({{"name", "f"}, {"arguments", "{\"a\":1}"}}));
  EXPECT_FALSE(choice["message"].contains("tool_calls"));
  std::string name, arguments;
  for (const json& chunk : stream(served, kChat, functions)) {
    const json call = chunk["choices"][0]["delta"].value("function_call", json::object());
    name += call.value("name", "");
    arguments += call.value("arguments", "");
  }
  EXPECT_EQ(name, "f");
  EXPECT_EQ(arguments, "{\"a\":1}");
}

TEST(ToolAnswers, MessagesHaveABlockForEach) {
  Served served(agent);
  const std::string text = served.client().post(kMessages, body_of(kMessages).dump()).body;
  EXPECT_CONTAINS(text, R"("input":{"z":"Paris","a":1})");  // in the model's order
  const json whole = json::parse(text);
  EXPECT_EQ(whole["stop_reason"], "tool_use");
  ASSERT_EQ(whole["content"].size(), 4u);
  EXPECT_EQ(whole["content"][0]["thinking"], "Hm.");
  EXPECT_EQ(whole["content"][1]["text"], "I look.");
  EXPECT_EQ(whole["content"][2]["id"], "call_00");
  EXPECT_EQ(whole["content"][3]["input"], json::object());

  const std::vector<json> events = stream(served, kMessages);
  EXPECT_EQ(test::streamed_blocks(events), whole["content"]);
  EXPECT_EQ(events.at(events.size() - 2)["delta"]["stop_reason"], "tool_use");
}

TEST(ToolAnswers, ResponsesHaveAnItemForEach) {
  Served served(agent);
  const json whole = answer(served, kResponses);
  ASSERT_EQ(whole["output"].size(), 4u);
  EXPECT_EQ(whole["output"][0]["type"], "reasoning");
  EXPECT_EQ(whole["output"][1]["content"][0]["text"], "I look.");
  json call = whole["output"][2];
  EXPECT_TRUE(call["id"].get<std::string>().starts_with("fc_"));
  call.erase("id");
  EXPECT_EQ(call, json::parse(R"({"type":"function_call","status":"completed","call_id":"call_00",
                                  "name":"weather","arguments":"{\"z\":\"Paris\",\"a\":1}"})"));
  EXPECT_EQ(whole["output"][3]["arguments"], "{}");

  std::vector<std::string> types;
  std::string arguments;
  for (const json& event : stream(served, kResponses)) {
    EXPECT_EQ(event["sequence_number"], types.size());
    types.push_back(event["type"]);
    if (event["type"] == "response.function_call_arguments.delta" && event["output_index"] == 2)
      arguments += event["delta"].get<std::string>();
    if (event["type"] == "response.function_call_arguments.done") {
      EXPECT_EQ(event["arguments"], event["output_index"] == 2 ? arguments : "{}");
      EXPECT_FALSE(event.contains("content_index"));
    }
  }
  const std::vector<std::string> of_call = {"response.output_item.added",
                                            "response.function_call_arguments.delta",
                                            "response.function_call_arguments.delta",
                                            "response.function_call_arguments.delta",
                                            "response.function_call_arguments.done",
                                            "response.output_item.done"};
  EXPECT_NE(std::search(types.begin(), types.end(), of_call.begin(), of_call.end()), types.end());
  EXPECT_EQ(arguments, R"({"z":"Paris","a":1})");
  EXPECT_EQ(types.back(), "response.completed");
}

TEST(ToolAnswers, TextsOfCustomToolsAreText) {
  Served served([](const Request&) {
    std::vector<Event> events = test::call(
        0, "patch", {R"({"in)", R"(put":"a\)", R"(n\u00)", R"(e9\ud83d)", R"(\ude00 \"b)", R"("})"});
    events.emplace_back(test::finish());
    return events;
  });
  const std::string text = "a\né😀 \"b";
  const json flat = {{"tools", {{{"type", "custom"}, {"name", "patch"}}}}};
  const json item = answer(served, kResponses, flat)["output"][0];
  EXPECT_EQ(item["type"], "custom_tool_call");
  EXPECT_EQ(item["input"], text);
  std::string streamed;
  for (const json& event : stream(served, kResponses, flat)) {
    if (event["type"] == "response.custom_tool_call_input.delta")
      streamed += event["delta"].get<std::string>();
    if (event["type"] == "response.custom_tool_call_input.done") {
      EXPECT_EQ(event["input"], text);
    }
  }
  EXPECT_EQ(streamed, text);
  const json nested = {{"tools", {{{"type", "custom"}, {"custom", {{"name", "patch"}}}}}}};
  const json call = answer(served, kChat, nested)["choices"][0]["message"]["tool_calls"][0];
  EXPECT_EQ(call["type"], "custom");
  EXPECT_EQ(call["custom"], json({{"name", "patch"}, {"input", text}}));
  streamed.clear();
  for (const json& chunk : stream(served, kChat, nested))
    for (const json& delta : chunk["choices"][0]["delta"].value("tool_calls", json::array()))
      streamed += delta["custom"]["input"].get<std::string>();
  EXPECT_EQ(streamed, text);
}

TEST(ToolAnswers, ResponsesRepeatTheirTools) {
  Served served(agent);
  const json response =
      answer(served, kResponses,
             {{"tools", {{{"type", "function"}, {"name", "weather"}}, {{"type", "web_search"}}}},
              {"tool_choice", "auto"},
              {"parallel_tool_calls", false}});
  EXPECT_EQ(response["tools"][0],
            json::parse(R"({"type":"function","name":"weather","description":null,"parameters":null,
                            "strict":true})"));
  EXPECT_EQ(response["tools"][1], json({{"type", "web_search"}}));
  EXPECT_EQ(response["tool_choice"], "auto");
  EXPECT_EQ(response["parallel_tool_calls"], false);
}

TEST(ToolAnswers, CallsOfANameSpaceSayWhich) {
  Served served([](const Request&) {
    std::vector<Event> events = test::call(0, "agents__open", {"{}"});
    events.emplace_back(test::finish());
    return events;
  });
  const json tools = {
      {"tools",
       {{{"type", "namespace"}, {"name", "agents"}, {"tools", {{{"type", "function"}, {"name", "open"}}}}}}}};
  const json item = answer(served, kResponses, tools)["output"][0];
  EXPECT_EQ(item["name"], "open");
  EXPECT_EQ(item["namespace"], "agents");
}

TEST(ToolAnswers, AStoredTurnGoesOn) {
  Served served(agent);
  const json first = answer(served, kResponses);
  const json result = {{{"type", "function_call_output"}, {"call_id", "call_00"}, {"output", "sun"}}};
  answer(served, kResponses, {{"previous_response_id", first["id"]}, {"input", result}});
  const Request request = served.engine->answer(1)->request;
  EXPECT_EQ(served.engine->prompt_text(request),
            "user: hi\nassistant: (Hm.) I look.\n"
            R"([{"id":"call_00","type":"function","function":{"name":"weather",)"
            R"("arguments":"{\"z\":\"Paris\",\"a\":1}"}},)"
            R"({"id":"call_01","type":"function","function":{"name":"time","arguments":"{}"}}])"
            "\ntool weather: sun\n");
}

TEST(ToolAnswers, ThoughtsMayBeKeptByTheClient) {
  Served served(agent);
  const json kept = {{"store", false}, {"include", {"reasoning.encrypted_content"}}};
  json output = answer(served, kResponses, kept)["output"];
  output[0].erase("content");  // as its clients send it back
  json input = {{{"role", "user"}, {"content", "hi"}}};
  for (const json& item : output) input.push_back(item);
  answer(served, kResponses, {{"store", false}, {"input", input}});
  EXPECT_CONTAINS(served.engine->prompt_text(served.engine->answer(1)->request), "assistant: (Hm.) I look.");
  EXPECT_FALSE(answer(served, kResponses)["output"][0].contains("encrypted_content"));
}

TEST(ToolAnswers, LogprobsComeWithEveryPart) {
  Served served([](const Request&) {
    std::vector<Event> events = {TokenEvent{0, {.id = 1, .bytes = "x", .logprob = -1}, {}}};
    for (Event& event : test::call(0, "f", {"{}"})) events.push_back(std::move(event));
    events.emplace_back(TokenEvent{0, {.id = 2, .bytes = "y", .logprob = -1}, {}});
    events.emplace_back(test::finish());
    return events;
  });
  size_t tokens = 0;
  for (const json& chunk : stream(served, kChat, {{"logprobs", true}}))
    if (chunk["choices"][0]["logprobs"].is_object())
      tokens += chunk["choices"][0]["logprobs"]["content"].size();
  EXPECT_EQ(tokens, 2u);
}

}  // namespace
}  // namespace ferrum
