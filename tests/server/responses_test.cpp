// OpenAI's Responses API over HTTP.
#include <gtest/gtest.h>

#include "server/served.h"

namespace ferrum {
namespace {

using nlohmann::json;
using test::Client;
using test::Reply;
using test::Served;

const std::string kResponses = "/v1/responses";

json ask(const json& more = json::object()) {
  json body = {{"model", "fake"}, {"input", "hi"}};
  body.update(more);
  return body;
}

class Responses : public testing::Test {
 protected:
  json answer(const json& body) {
    const Reply reply = client_.post(kResponses, body.dump());
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply.json();
  }
  Request asked(const json& body) {
    const size_t before = served_.engine->asked();
    answer(body);
    return served_.engine->answer(before)->request;
  }
  void expect_refused(const json& body, const std::string& param, int status = 400) {
    const size_t before = served_.engine->asked();
    const Reply reply = client_.post(kResponses, body.dump());
    EXPECT_EQ(reply.status, status) << body;
    EXPECT_EQ(reply.json()["error"]["param"], param) << reply.body;
    EXPECT_EQ(served_.engine->asked(), before);
  }
  static std::vector<json> events_of(const Reply& reply) {
    std::vector<json> events;
    for (const std::string& event : reply.events()) {
      events.push_back(json::parse(event));
      EXPECT_EQ(events.back()["sequence_number"], events.size() - 1);
    }
    return events;
  }
  static std::vector<std::string> types_of(const std::vector<json>& events) {
    std::vector<std::string> types;
    for (const json& event : events) types.push_back(event["type"]);
    return types;
  }

  Served served_;
  Client client_ = served_.client();
};

TEST_F(Responses, ATextIsAnswered) {
  const json reply = answer(ask({{"instructions", "Be brief."}, {"metadata", {{"a", "b"}}}, {"user", "u"}}));
  EXPECT_TRUE(std::string(reply["id"]).starts_with("resp_"));
  EXPECT_EQ(reply["object"], "response");
  EXPECT_EQ(reply["status"], "completed");
  EXPECT_EQ(reply["instructions"], "Be brief.");
  EXPECT_EQ(reply["metadata"], json({{"a", "b"}}));
  EXPECT_EQ(reply["user"], "u");
  EXPECT_EQ(reply["error"], nullptr);
  EXPECT_EQ(reply["incomplete_details"], nullptr);
  ASSERT_EQ(reply["output"].size(), 1u);
  EXPECT_EQ(reply["output"][0]["type"], "message");
  EXPECT_EQ(reply["output"][0]["status"], "completed");
  EXPECT_EQ(reply["output"][0]["content"][0]["type"], "output_text");
  EXPECT_EQ(reply["output"][0]["content"][0]["text"], "Hello");
  EXPECT_EQ(reply["usage"]["input_tokens"], 10);
  EXPECT_EQ(reply["usage"]["input_tokens_details"]["cached_tokens"], 4);
  EXPECT_EQ(reply["usage"]["output_tokens"], 2);
  EXPECT_EQ(reply["usage"]["total_tokens"], 12);
}

TEST_F(Responses, RequestsReachTheEngine) {
  served_.engine->set_template_switches({"enable_thinking"});
  const Request r = asked(
      ask({{"instructions", "Be brief."},
           {"input",
            {{{"role", "developer"}, {"content", "Be kind."}},
             {{"type", "message"}, {"role", "user"}, {"content", {{{"type", "input_text"}, {"text", "hi"}}}}},
             {{"type", "reasoning"}, {"id", "rs_1"}, {"summary", json::array()}},
             {{"role", "assistant"},
              {"type", "message"},
              {"id", "msg_1"},
              {"status", "completed"},
              {"content", {{{"type", "output_text"}, {"text", "yes?"}, {"annotations", json::array()}}}}},
             {{"role", "user"}, {"content", "no"}}}},
           {"temperature", 0.5},
           {"top_p", 0.25},
           {"max_output_tokens", 11},
           {"include", {"message.output_text.logprobs"}},
           {"top_logprobs", 2},
           {"reasoning", {{"effort", "none"}}}}));
  const auto& chat = std::get<ChatPrompt>(r.prompt);
  ASSERT_EQ(chat.messages.size(), 5u);
  EXPECT_EQ(chat.messages[0].content, "Be brief.");
  EXPECT_EQ(chat.messages[1].role, "developer");
  EXPECT_EQ(chat.messages[3].role, "assistant");
  EXPECT_EQ(chat.messages[3].content, "yes?");
  EXPECT_EQ(chat.template_options, R"({"enable_thinking":false})");
  EXPECT_EQ(r.sampling.temperature, 0.5f);
  EXPECT_EQ(r.max_tokens, 11);
  EXPECT_EQ(r.logprobs, 2);
}

TEST_F(Responses, AConversationContinuesFromAStoredResponse) {
  const json first = answer(ask({{"instructions", "Be brief."}}));
  const Request r = asked(ask({{"input", "and?"}, {"previous_response_id", first["id"]}}));
  const auto& chat = std::get<ChatPrompt>(r.prompt);
  ASSERT_EQ(chat.messages.size(), 3u) << "instructions are of one response";
  EXPECT_EQ(chat.messages[0].content, "hi");
  EXPECT_EQ(chat.messages[1].content, "Hello");
  EXPECT_EQ(chat.messages[1].role, "assistant");
  EXPECT_EQ(chat.messages[2].content, "and?");

  const std::string path = kResponses + "/" + std::string(first["id"]);
  EXPECT_EQ(client_.ask("GET", path).json(), first);
  const json items = client_.ask("GET", path + "/input_items").json();
  EXPECT_EQ(items["data"][0]["content"][0]["text"], "hi");
  EXPECT_EQ(items["first_id"], items["data"][0]["id"]);
  EXPECT_EQ(client_.ask("DELETE", path).json()["deleted"], true);
  EXPECT_EQ(client_.ask("GET", path).status, 404);
  EXPECT_EQ(client_.ask("DELETE", path).status, 404);
  expect_refused(ask({{"previous_response_id", first["id"]}}), "previous_response_id", 404);
}

TEST_F(Responses, ItemsOfAnInputComeInPages) {
  json input = json::array();
  for (int i = 0; i < 25; ++i) input.push_back({{"role", "user"}, {"content", std::to_string(i)}});
  const std::string path =
      kResponses + "/" + std::string(answer(ask({{"input", input}}))["id"]) + "/input_items";
  const auto page = [&](const std::string& query) {
    const json list = client_.ask("GET", path + query).json();
    std::string texts;
    for (const json& item : list["data"]) texts += (texts.empty() ? "" : " ") + std::string(item["content"]);
    EXPECT_EQ(list["first_id"], list["data"].empty() ? json() : list["data"].front()["id"]);
    EXPECT_EQ(list["last_id"], list["data"].empty() ? json() : list["data"].back()["id"]);
    return std::pair(texts, list);
  };
  const auto [latest, first] = page("");
  EXPECT_EQ(latest, "24 23 22 21 20 19 18 17 16 15 14 13 12 11 10 9 8 7 6 5")
      << "the latest first, 20 of them";
  EXPECT_EQ(first["has_more"], true);
  const auto [rest, second] = page("?after=" + std::string(first["last_id"]));
  EXPECT_EQ(rest, "4 3 2 1 0");
  EXPECT_EQ(second["has_more"], false);
  EXPECT_EQ(page("?order=asc&limit=3").first, "0 1 2");
  const std::string last = page("?order=asc&limit=100").second["last_id"];
  EXPECT_EQ(page("?order=asc&after=" + last).first, "");
  for (const auto& [query, param] :
       std::vector<std::pair<std::string, std::string>>{{"?limit=0", "limit"},
                                                        {"?limit=101", "limit"},
                                                        {"?limit=x", "limit"},
                                                        {"?order=up", "order"},
                                                        {"?after=none", "after"}}) {
    const Reply reply = client_.ask("GET", path + query);
    EXPECT_EQ(reply.status, 400) << query;
    EXPECT_EQ(reply.json()["error"]["param"], param);
  }
}

TEST_F(Responses, WhatIsNotToBeStoredIsNot) {
  const json reply = answer(ask({{"store", false}}));
  EXPECT_EQ(client_.ask("GET", kResponses + "/" + std::string(reply["id"])).status, 404);
}

TEST_F(Responses, AnAnswerThatIsCutIsIncomplete) {
  Served served([](const Request&) {
    return std::vector<Event>{TextEvent{0, "a"}, test::finish(0, FinishReason::kMaxTokens)};
  });
  const json reply = served.client().post(kResponses, ask().dump()).json();
  EXPECT_EQ(reply["status"], "incomplete");
  EXPECT_EQ(reply["incomplete_details"]["reason"], "max_output_tokens");
  EXPECT_EQ(reply["output"][0]["status"], "incomplete");
}

TEST_F(Responses, AStreamHasEventsForItsItems) {
  const std::vector<json> events = events_of(client_.post(
      kResponses, ask({{"stream", true}, {"include", {"message.output_text.logprobs"}}}).dump()));
  EXPECT_EQ(types_of(events),
            (std::vector<std::string>{"response.created", "response.in_progress",
                                      "response.output_item.added", "response.content_part.added",
                                      "response.output_text.delta", "response.output_text.delta",
                                      "response.output_text.done", "response.content_part.done",
                                      "response.output_item.done", "response.completed"}));
  EXPECT_EQ(events[0]["response"]["status"], "in_progress");
  EXPECT_EQ(events[4]["delta"], "Hel");
  EXPECT_EQ(events[4]["logprobs"][0]["token"], "Hello");
  EXPECT_EQ(events[5]["logprobs"], json::array());
  EXPECT_EQ(events[6]["text"], "Hello");
  const json& whole = events.back()["response"];
  EXPECT_EQ(whole["output"][0]["id"], events[2]["item"]["id"]);
  EXPECT_EQ(whole["usage"]["output_tokens"], 2);
  EXPECT_EQ(client_.ask("GET", kResponses + "/" + std::string(whole["id"])).json(), whole);
}

TEST_F(Responses, ThoughtsAreAnItemOfTheirOwn) {
  Served served([](const Request&) {
    return std::vector<Event>{test::thought("Hm"), test::thought("."), TextEvent{0, "Yes."}, test::finish()};
  });
  Client client = served.client();
  const json whole = client.post(kResponses, ask().dump()).json();
  ASSERT_EQ(whole["output"].size(), 2u);
  EXPECT_EQ(whole["output"][0]["type"], "reasoning");
  EXPECT_EQ(whole["output"][0]["content"][0], json({{"type", "reasoning_text"}, {"text", "Hm."}}));
  EXPECT_EQ(whole["output"][1]["content"][0]["text"], "Yes.");
  const std::vector<json> events = events_of(client.post(kResponses, ask({{"stream", true}}).dump()));
  EXPECT_EQ(events[4]["type"], "response.reasoning_text.delta");
  EXPECT_EQ(events.back()["response"]["output"][1]["content"][0]["text"], "Yes.");
  // What was thought goes to the template, which decides.
  const size_t before = served.engine->asked();
  client.post(kResponses, ask({{"previous_response_id", whole["id"]}}).dump());
  const std::string prompt = served.engine->prompt_text(served.engine->answer(before)->request);
  EXPECT_NE(prompt.find("assistant: (Hm.) Yes."), std::string::npos) << prompt;
}

TEST_F(Responses, MistakesNameTheField) {
  expect_refused({{"model", "fake"}}, "input");
  expect_refused({{"input", "x"}, {"model", 5}}, "model");
  expect_refused(ask({{"input", json::array()}}), "input");
  expect_refused(ask({{"input", {{{"role", "user"}}}}}), "input[0].content");
  expect_refused(ask({{"input", {{{"role", "user"}, {"content", {{{"type", "input_image"}}}}}}}}),
                 "input[0].content[0].type");
  expect_refused(ask({{"input", {{{"type", "function_call"}}}}}), "input[0].name");
  expect_refused(ask({{"input", {{{"type", "compaction"}}}}}), "input[0].type");
  expect_refused(ask({{"truncation", "some"}}), "truncation");
  expect_refused(ask({{"background", true}, {"store", false}}), "store");
  expect_refused(ask({{"input", {{{"type", "item_reference"}, {"id", "msg_x"}}}}}), "input[0].id", 404);
  expect_refused(ask({{"text", {{"format", {{"type", "xml"}}}}}}), "text.format.type");
  expect_refused(ask({{"n", 2}}), "n");
  expect_refused(ask({{"bananas", 2}}), "bananas");
}

TEST_F(Responses, HintsAreTakenAndNamed) {
  const Reply reply = client_.post(kResponses, ask({{"reasoning", {{"effort", "low"}, {"summary", "auto"}}},
                                                    {"client_metadata", {{"a", "b"}}},
                                                    {"include", {"reasoning.encrypted_content"}},
                                                    {"text", {{"verbosity", "low"}}},
                                                    {"tools", json::array()},
                                                    {"max_tool_calls", 3},
                                                    {"parallel_tool_calls", false}})
                                                   .dump());
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.headers.at("x-ferrum-ignored"),
            "reasoning.effort, reasoning.summary, text.verbosity, client_metadata, max_tool_calls");
  EXPECT_EQ(reply.json()["reasoning"]["effort"], "low");
  expect_refused(ask({{"reasoning", {{"effort", "some"}}}}), "reasoning.effort");
}

TEST_F(Responses, ItemsOfEarlierResponsesMayBeReferredTo) {
  const json first = answer(ask());
  const std::string id = first["output"][0]["id"];
  const Request r = asked(ask({{"store", false},
                               {"input",
                                {{{"role", "user"}, {"content", "hi"}},
                                 {{"type", "item_reference"}, {"id", id}},
                                 {{"role", "user"}, {"content", "and?"}}}}}));
  const auto& chat = std::get<ChatPrompt>(r.prompt);
  ASSERT_EQ(chat.messages.size(), 3u);
  EXPECT_EQ(chat.messages[1].role, "assistant");
  EXPECT_EQ(chat.messages[1].content, "Hello");
  client_.ask("DELETE", kResponses + "/" + std::string(first["id"]));
  expect_refused(ask({{"input", {{{"type", "item_reference"}, {"id", id}}}}}), "input[0].id", 404);
}

TEST_F(Responses, AnOutputMayBeSentBackAsItCame) {
  const json first = answer(ask());
  json input = json::array({{{"role", "user"}, {"content", "hi"}}});
  input.push_back(
      {{"type", "reasoning"}, {"id", "rs_1"}, {"summary", json::array()}, {"encrypted_content", nullptr}});
  for (const json& item : first["output"]) input.push_back(item);
  input.push_back({{"role", "user"}, {"content", "and?"}});
  EXPECT_EQ(std::get<ChatPrompt>(asked(ask({{"input", input}})).prompt).messages.size(), 3u);
}

TEST_F(Responses, TheOldestTurnsAreDroppedOnRequest) {
  json input = json::array({{{"role", "developer"}, {"content", "d"}}});
  for (const char* text : {"aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"}) {
    input.push_back({{"role", "user"}, {"content", text}});
    input.push_back({{"role", "assistant"}, {"content", "ok"}});
  }
  input.push_back({{"role", "user"}, {"content", "last"}});
  const auto contents = [&](const json& more) {
    json body = ask({{"input", input}, {"max_output_tokens", 4}});
    body.update(more);
    std::string all;
    const Request r = asked(body);
    for (const ChatMessage& m : std::get<ChatPrompt>(r.prompt).messages) all += m.content + " ";
    return all;
  };
  EXPECT_EQ(contents({{"truncation", "auto"}}), "d cccccccccc ok last ") << "60 of 64 bytes are left";
  EXPECT_EQ(contents({{"truncation", "disabled"}}), "d aaaaaaaaaa ok bbbbbbbbbb ok cccccccccc ok last ");
}

TEST_F(Responses, ABackgroundResponseIsPolledUntilItIsThere) {
  Served served(test::nothing);
  Client client = served.client();
  const json queued = client.post(kResponses, ask({{"background", true}}).dump()).json();
  EXPECT_EQ(queued["status"], "queued");
  EXPECT_EQ(queued["background"], true);
  const std::string path = kResponses + "/" + std::string(queued["id"]);
  const auto poll_until = [&](const std::string& status) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    json now;
    do now = client.ask("GET", path).json();
    while (now["status"] != status && std::chrono::steady_clock::now() < end);
    EXPECT_EQ(now["status"], status);
    return now;
  };
  EXPECT_EQ(client.ask("GET", path).json(), queued);
  const auto engine_answer = served.engine->answer(0);
  engine_answer->tell(TextEvent{0, "Hel"});
  poll_until("in_progress");
  engine_answer->tell(TextEvent{0, "lo"});
  engine_answer->tell(test::finish());
  const json whole = poll_until("completed");
  EXPECT_EQ(whole["output"][0]["content"][0]["text"], "Hello");
  EXPECT_EQ(client.ask("POST", path + "/cancel").json(), whole) << "too late changes nothing";
  EXPECT_EQ(client.post(kResponses, ask({{"previous_response_id", whole["id"]}, {"background", true}}).dump())
                .status,
            200);
}

TEST_F(Responses, ABackgroundResponseIsCancelled) {
  Served served(test::nothing);
  Client client = served.client();
  const json queued = client.post(kResponses, ask({{"background", true}}).dump()).json();
  const auto engine_answer = served.engine->answer(0);
  const std::string path = kResponses + "/" + std::string(queued["id"]);
  EXPECT_EQ(client.ask("POST", path + "/cancel").json()["status"], "cancelled");
  EXPECT_TRUE(engine_answer->is_cancelled_within(std::chrono::seconds(20)));
  EXPECT_EQ(client.ask("GET", path).json()["status"], "cancelled");

  const json other = client.post(kResponses, ask({{"background", true}}).dump()).json();
  client.ask("DELETE", kResponses + "/" + std::string(other["id"]));
  EXPECT_TRUE(served.engine->answer(1)->is_cancelled_within(std::chrono::seconds(20)));
  client.post(kResponses, ask({{"background", true}}).dump());  // left for the server's end
}

TEST_F(Responses, OnlyBackgroundResponsesAreCancelled) {
  const json first = answer(ask());
  const std::string path = kResponses + "/" + std::string(first["id"]) + "/cancel";
  EXPECT_EQ(client_.ask("POST", path).status, 400);
  EXPECT_EQ(client_.ask("POST", kResponses + "/resp_x/cancel").status, 404);
}

TEST_F(Responses, ABackgroundResponseThatFailsSaysWhy) {
  Served served([](const Request&) {
    return std::vector<Event>{ErrorEvent{"queue_full", "3 requests wait"}};
  });
  Client client = served.client();
  const json queued = client.post(kResponses, ask({{"background", true}}).dump()).json();
  json now;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  do now = client.ask("GET", kResponses + "/" + std::string(queued["id"])).json();
  while (now["status"] != "failed" && std::chrono::steady_clock::now() < end);
  EXPECT_EQ(now["error"], json({{"code", "rate_limit_exceeded"}, {"message", "3 requests wait"}}));
}

TEST_F(Responses, InputTokensAreCounted) {
  const Reply reply = client_.post(kResponses + "/input_tokens", ask().dump());
  EXPECT_EQ(reply.json(),
            json({{"object", "response.input_tokens"}, {"input_tokens", std::string("user: hi\n").size()}}));
  EXPECT_EQ(client_.ask("PUT", kResponses + "/x").headers.at("allow"), "GET, HEAD, DELETE, OPTIONS");
}

}  // namespace
}  // namespace ferrum
