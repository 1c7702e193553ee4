// Anthropic's Messages API over HTTP.
#include <gtest/gtest.h>

#include "server/anthropic/models.h"
#include "server/api/api_error.h"
#include "server/served.h"

namespace ferrum {
namespace {

using nlohmann::json;
using test::Client;
using test::FakeEngine;
using test::Reply;
using test::Served;

const std::string kMessages = "/v1/messages";

json message(const json& more = json::object()) {
  json body = {{"model", "fake"}, {"max_tokens", 9}, {"messages", {{{"role", "user"}, {"content", "hi"}}}}};
  body.update(more);
  return body;
}

// Events by name, as text/event-stream has them.
std::vector<std::pair<std::string, json>> events_of(const Reply& reply) {
  std::vector<std::pair<std::string, json>> events;
  std::istringstream lines(reply.body);
  std::string name;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("event: ")) name = line.substr(7);
    if (line.starts_with("data: ")) events.emplace_back(name, json::parse(line.substr(6)));
  }
  return events;
}

std::vector<std::string> names_of(const std::vector<std::pair<std::string, json>>& events) {
  std::vector<std::string> names;
  for (const auto& [name, data] : events) {
    EXPECT_EQ(data["type"], name);
    names.push_back(name);
  }
  return names;
}

std::vector<Event> thinking(const Request& /*request*/) {
  return {test::thought("Hm"), test::thought("."), TextEvent{0, "Yes"}, TextEvent{0, "."}, test::finish()};
}

class Messages : public testing::Test {
 protected:
  Request asked(const json& body) {
    const size_t before = served_.engine->asked();
    const Reply reply = client_.post(kMessages, body.dump());
    EXPECT_EQ(reply.status, 200) << reply.body;
    return served_.engine->answer(before)->request;
  }
  void expect_refused(const json& body, const std::string& words) {
    const size_t before = served_.engine->asked();
    const Reply reply = client_.post(kMessages, body.dump());
    EXPECT_EQ(reply.status, 400) << body;
    EXPECT_EQ(reply.json()["type"], "error");
    EXPECT_EQ(reply.json()["error"]["type"], "invalid_request_error");
    EXPECT_NE(reply.error().find(words), std::string::npos) << reply.body;
    EXPECT_EQ(served_.engine->asked(), before);
  }

  Served served_;
  Client client_ = served_.client();
};

TEST_F(Messages, AMessageIsAnswered) {
  const json reply = client_.post(kMessages, message().dump()).json();
  EXPECT_TRUE(std::string(reply["id"]).starts_with("msg_"));
  EXPECT_EQ(reply["type"], "message");
  EXPECT_EQ(reply["role"], "assistant");
  EXPECT_EQ(reply["model"], "fake");
  EXPECT_EQ(reply["content"], json::parse(R"([{"type":"text","text":"Hello"}])"));
  EXPECT_EQ(reply["stop_reason"], "end_turn");
  EXPECT_EQ(reply["stop_sequence"], nullptr);
  EXPECT_EQ(reply["usage"]["input_tokens"], 6) << "what the cache had is counted apart";
  EXPECT_EQ(reply["usage"]["cache_read_input_tokens"], 4);
  EXPECT_EQ(reply["usage"]["output_tokens"], 2);
}

TEST_F(Messages, RequestsReachTheEngine) {
  served_.engine->set_template_switches({"enable_thinking"});
  const Request r = asked(message(
      {{"system", {{{"type", "text"}, {"text", "Be brief."}, {"cache_control", {{"type", "ephemeral"}}}}}},
       {"temperature", 0.5},
       {"top_k", 7},
       {"top_p", 0.25},
       {"stop_sequences", {"END"}},
       {"metadata", {{"user_id", "u"}}},
       {"thinking", {{"type", "disabled"}}}}));
  EXPECT_EQ(served_.engine->prompt_text(r), "system: Be brief.\nuser: hi\n{\"enable_thinking\":false}");
  EXPECT_EQ(r.sampling.temperature, 0.5f);
  EXPECT_EQ(r.sampling.top_k, 7);
  EXPECT_EQ(r.sampling.top_p, 0.25f);
  EXPECT_EQ(r.stop, std::vector<std::string>{"END"});
  EXPECT_EQ(r.max_tokens, 9);
}

TEST_F(Messages, TurnsOfOneRoleAreOneAndAnAnswerThatBeganIsContinued) {
  const Request r = asked(message({{"messages",
                                    {{{"role", "user"}, {"content", "a"}},
                                     {{"role", "user"}, {"content", {{{"type", "text"}, {"text", "b"}}}}},
                                     {{"role", "assistant"},
                                      {"content",
                                       {{{"type", "thinking"}, {"thinking", "hm"}, {"signature", ""}},
                                        {{"type", "text"}, {"text", "c"}}}}}}}}));
  EXPECT_EQ(served_.engine->prompt_text(r), "user: a\n\nb\nassistant: (hm) c\n");
}

TEST_F(Messages, DocumentsAndSearchResultsAreRead) {
  served_.engine->set_context(512);
  const json document = json::parse(R"({"type": "document", "title": "T", "context": "C",
      "source": {"type": "text", "media_type": "text/plain", "data": "D"}, "citations": {"enabled": false},
      "cache_control": {"type": "ephemeral"}})");
  const json parts = json::parse(R"({"type": "document", "source": {"type": "content", "content":
      [{"type": "text", "text": "E"}, {"type": "text", "text": "F"}]}})");
  const json found = json::parse(R"({"type": "search_result", "source": "http://x", "title": "S",
      "content": [{"type": "text", "text": "G"}]})");
  const json question = json::parse(R"({"type": "text", "text": "q"})");
  const Request r =
      asked(message({{"messages", {{{"role", "user"}, {"content", {document, parts, question}}}}}}));
  EXPECT_EQ(served_.engine->prompt_text(r),
            "user: <document>\nTitle: T\nContext: C\n\nD\n</document>\n<document>\nEF\n</document>\nq\n");
  const json call = {{"type", "tool_use"}, {"id", "t"}, {"name", "f"}, {"input", json::object()}};
  const json result = {{"type", "tool_result"}, {"tool_use_id", "t"}, {"content", {found, question}}};
  const Request after = asked(message({{"messages",
                                        {{{"role", "user"}, {"content", "a"}},
                                         {{"role", "assistant"}, {"content", {call}}},
                                         {{"role", "user"}, {"content", {result}}}}}}));
  EXPECT_EQ(std::get<ChatPrompt>(after.prompt).messages.back().content,
            "<search_result>\nTitle: S\nSource: http://x\n\nG\n</search_result>\nq");
}

TEST_F(Messages, DocumentsThatAreNoTextAreRefused) {
  const auto with = [](json block) {
    return message({{"messages", {{{"role", "user"}, {"content", {std::move(block)}}}}}});
  };
  json document = {{"type", "document"},
                   {"source", {{"type", "base64"}, {"media_type", "application/pdf"}, {"data", "JVBE"}}}};
  expect_refused(with(document), "messages[0].content[0].source.type");
  document["source"] = {{"type", "url"}, {"url", "https://example.com/a.pdf"}};
  expect_refused(with(document), "messages[0].content[0].source.type");
  document["source"] = {{"type", "text"}, {"media_type", "text/html"}, {"data", "<p>"}};
  expect_refused(with(document), "media_type");
  document["source"] = {{"type", "text"}, {"media_type", "text/plain"}, {"data", "D"}};
  document["citations"] = {{"enabled", true}};
  expect_refused(with(document), "citations.enabled");
  document.erase("source");
  expect_refused(with(document), "source is missing");
}

TEST_F(Messages, AThoughtHasABudget) {
  served_.engine->reasons();
  EXPECT_EQ(asked(message({{"thinking", {{"type", "enabled"}, {"budget_tokens", 7}}}})).max_thought_tokens,
            7);
  EXPECT_EQ(asked(message({{"thinking", {{"type", "adaptive"}}}})).max_thought_tokens, -1);
  EXPECT_EQ(asked(message()).max_thought_tokens, -1);
}

TEST_F(Messages, HintsOfItsClientsAreTakenAndNamed) {
  served_.engine->set_context(1000);
  served_.engine->reasons();
  const json body =
      message({{"thinking", {{"type", "adaptive"}}},
               {"output_config", {{"effort", "high"}}},
               {"context_management", {{"edits", {{{"type", "clear_thinking_20251015"}, {"keep", "all"}}}}}},
               {"service_tier", "auto"},
               {"speed", "fast"},
               {"cache_control", {{"type", "ephemeral"}}}});
  const Reply reply =
      client_.ask("POST", kMessages + "?beta=true", body.dump(), "anthropic-beta: some-2026\r\n");
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.headers.at("x-ferrum-ignored"), "output_config.effort, speed, context_management");
  expect_refused(message({{"output_config", {{"effort", "some"}}}}), "output_config.effort");
}

TEST_F(Messages, AnEffortGoesToATemplateThatReadsIt) {
  served_.engine->set_template_switches({"enable_thinking", "reasoning_effort"});
  EXPECT_EQ(served_.engine->prompt_text(asked(message({{"output_config", {{"effort", "low"}}}}))),
            "user: hi\n{\"enable_thinking\":true,\"reasoning_effort\":\"low\"}");
}

TEST_F(Messages, BillingLinesAreNoPartOfThePrompt) {
  const auto prompt = [&](const std::string& number) {
    const std::string line = "x-anthropic-billing-header: cch=" + number + ";";
    return served_.engine->prompt_text(asked(message(
        {{"system", {{{"type", "text"}, {"text", line}}, {{"type", "text"}, {"text", "a\n" + line + "\nb"}}}},
         {"messages",
          {{{"role", "user"}, {"content", "x-anthropic-y"}},
           {{"role", "system"}, {"content", line + "\nc"}}}}})));
  };
  EXPECT_EQ(prompt("1"), "system: a\nb\nuser: x-anthropic-y\nsystem: c\n");
  EXPECT_EQ(prompt("1"), prompt("2")) << "or no prefix would ever be found again";
  EXPECT_EQ(served_.engine->prompt_text(asked(message({{"system", "x-anthropic-z: 1"}}))), "user: hi\n");
}

TEST_F(Messages, ThePromptMustFitAndMoreThanIsLeftMeansUntilTheContextIsFull) {
  served_.engine->set_context(20);
  EXPECT_EQ(asked(message({{"max_tokens", 11}})).max_tokens, 11);
  EXPECT_EQ(asked(message({{"max_tokens", 12}})).max_tokens, -1) << "the answer ends with the context";
  expect_refused(message({{"messages", {{{"role", "user"}, {"content", "abcdefghijklm"}}}}}),
                 "prompt is too long: 20 tokens > 19 maximum");
}

TEST_F(Messages, AStreamHasEventsForItsBlocks) {
  const Reply reply = client_.post(kMessages, message({{"stream", true}}).dump());
  const auto events = events_of(reply);
  EXPECT_EQ(names_of(events),
            (std::vector<std::string>{"message_start", "ping", "content_block_start", "content_block_delta",
                                      "content_block_delta", "content_block_stop", "message_delta",
                                      "message_stop"}));
  EXPECT_EQ(events[0].second["message"]["usage"]["input_tokens"], std::string("user: hi\n").size());
  EXPECT_EQ(events[0].second["message"]["content"], json::array());
  EXPECT_EQ(events[3].second["delta"], json::parse(R"({"type":"text_delta","text":"Hel"})"));
  EXPECT_EQ(events[6].second["delta"]["stop_reason"], "end_turn");
  EXPECT_EQ(events[6].second["usage"]["output_tokens"], 2);
}

TEST_F(Messages, ThoughtsAreABlockOfTheirOwn) {
  Served served(thinking);
  Client client = served.client();
  const json whole = client.post(kMessages, message().dump()).json();
  ASSERT_EQ(whole["content"].size(), 2u);
  EXPECT_EQ(whole["content"][0]["type"], "thinking");
  EXPECT_EQ(whole["content"][0]["thinking"], "Hm.");
  EXPECT_EQ(whole["content"][1]["text"], "Yes.");

  std::string thought, said;
  std::vector<std::string> blocks;
  for (const auto& [name, data] : events_of(client.post(kMessages, message({{"stream", true}}).dump()))) {
    if (name == "content_block_start") blocks.push_back(data["content_block"]["type"]);
    if (name != "content_block_delta") continue;
    thought += data["delta"].value("thinking", "");
    said += data["delta"].value("text", "");
    EXPECT_EQ(data["index"], blocks.size() - 1);
  }
  EXPECT_EQ(blocks, (std::vector<std::string>{"thinking", "text"}));
  EXPECT_EQ(thought, "Hm.");
  EXPECT_EQ(said, "Yes.");
}

TEST_F(Messages, WhyItStopped) {
  const auto stopped_by = [](FinishEvent finish) {
    Served served([finish](const Request&) { return std::vector<Event>{TextEvent{0, "a"}, finish}; });
    const json reply = served.client().post(kMessages, message().dump()).json();
    return std::pair(reply["stop_reason"], reply["stop_sequence"]);
  };
  FinishEvent met = test::finish();
  met.stop = "END";
  EXPECT_EQ(stopped_by(met), std::pair(json("stop_sequence"), json("END")));
  EXPECT_EQ(stopped_by(test::finish(0, FinishReason::kMaxTokens)).first, "max_tokens");
  EXPECT_EQ(stopped_by(test::finish(0, FinishReason::kContext)).first, "model_context_window_exceeded");
}

TEST_F(Messages, ErrorsHaveItsOwnShape) {
  json no_limit = message();
  no_limit.erase("max_tokens");
  expect_refused(no_limit, "max_tokens");
  expect_refused(message({{"messages", json::array()}}), "messages");
  expect_refused(message({{"messages", {{{"role", "tool"}, {"content", "x"}}}}}), "messages[0].role");
  expect_refused(message({{"messages", {{{"role", "user"}, {"content", {{{"type", "image"}}}}}}}}),
                 "messages[0].content[0].type");
  expect_refused(message({{"thinking", {{"type", "enabled"}}}}), "thinking.budget_tokens");
  expect_refused(message({{"thinking", {{"type", "sometimes"}}}}), "thinking.type");
  expect_refused(message({{"output_config", {{"format", {{"type", "json_schema"}}}}}}),
                 "output_config.format.schema is missing");
  expect_refused(message({{"context_management", {{"edits", {{{"type", "compact_20260112"}}}}}}}),
                 "context_management.edits");
  expect_refused(message({{"n", 2}}), "one answer");
  expect_refused(message({{"bananas", 2}}), "bananas");

  const Reply other = client_.post(kMessages, message({{"model", "other"}}).dump());
  EXPECT_EQ(other.status, 404);
  EXPECT_EQ(other.json()["error"]["type"], "not_found_error");
  EXPECT_EQ(client_.ask("GET", kMessages).json()["type"], "error");
}

TEST_F(Messages, ThreadsAreRefusedAsTheirClientsRecoverFrom) {
  const Reply reply = client_.post(kMessages, message({{"thread", {{"type", "create"}}}}).dump());
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.json()["error"]["details"],
            json::parse(R"({"error_code":"thread_unsupported_request","unsupported":["thread"]})"));
  EXPECT_EQ(client_.post(kMessages, message({{"thread", nullptr}}).dump()).status, 200);
}

TEST_F(Messages, AnErrorAfterTheBeginningIsAnEvent) {
  Served served([](const Request&) {
    return std::vector<Event>{TextEvent{0, "a"}, ErrorEvent{"not_finite", "the model gave NaN"}};
  });
  const auto events = events_of(served.client().post(kMessages, message({{"stream", true}}).dump()));
  // Where both came at once nothing was sent before, and the whole answer is the error.
  if (!events.empty()) {
    EXPECT_EQ(events.back().first, "error");
    EXPECT_EQ(events.back().second["error"]["type"], "api_error");
  }
}

TEST_F(Messages, TokensAreCounted) {
  json body = message({{"system", "s"}});
  body.erase("max_tokens");
  const Reply reply = client_.post(kMessages + "/count_tokens", body.dump());
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.json(), json({{"input_tokens", std::string("system: s\nuser: hi\n").size()}}));
}

TEST_F(Messages, ItsClientsListModels) {
  const std::string version = "anthropic-version: 2023-06-01\r\n";
  const json list = client_.ask("GET", "/v1/models", "", version).json();
  EXPECT_EQ(list["has_more"], false);
  EXPECT_EQ(list["first_id"], "fake");
  EXPECT_EQ(list["data"][0]["type"], "model");
  EXPECT_EQ(list["data"][0]["display_name"], "fake");
  EXPECT_EQ(std::string(list["data"][0]["created_at"]).back(), 'Z');
  EXPECT_EQ(client_.ask("GET", "/v1/models/fake", "", version).json(), list["data"][0]);
  EXPECT_EQ(client_.ask("GET", "/v1/models").json()["object"], "list");
}

TEST_F(Messages, ErrorsOfTheListOfModelsAreInItsShape) {
  const std::string version = "anthropic-version: 2023-06-01\r\n";
  const Reply none = client_.ask("GET", "/v1/models/zzz", "", version);
  EXPECT_EQ(none.status, 404);
  EXPECT_EQ(none.json()["type"], "error");
  EXPECT_EQ(none.json()["error"]["type"], "not_found_error");
  EXPECT_EQ(none.headers.at("request-id"), none.headers.at("x-request-id"));
  EXPECT_TRUE(client_.ask("GET", "/v1/models", "", version).headers.contains("request-id"));
  EXPECT_TRUE(client_.ask("GET", "/v1/models/zzz").json()["error"].contains("code"));

  server::ServerOptions options;
  options.api_keys = {"secret"};
  const Reply refused = Served(test::hello, options).client().ask("GET", "/v1/models", "", version);
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.json()["error"]["type"], "authentication_error");
}

TEST_F(Messages, EmptyStopSequencesAndHugeLimitsAskForNothing) {
  const Request r = asked(message({{"stop_sequences", {"", "x"}}, {"max_tokens", 2147483647}}));
  EXPECT_EQ(r.stop, std::vector<std::string>{"x"});
  EXPECT_EQ(r.max_tokens, -1) << "until the context is full";
}

TEST_F(Messages, TheListOfModelsHasPages) {
  std::vector<server::anthropic::ListedModel> models;
  for (const char* name : {"a", "b", "c", "d"}) models.push_back({name, 0});
  const auto page = [&](std::string_view query) {
    const Json list = server::anthropic::models_json(models, query);
    std::string names;
    for (const Json& model : list.at("data")) names += model.at("id").get<std::string>();
    return names + (list.at("has_more") ? "…" : "");
  };
  EXPECT_EQ(page(""), "abcd");
  EXPECT_EQ(page("limit=2"), "ab…");
  EXPECT_EQ(page("limit=2&after_id=b"), "cd");
  EXPECT_EQ(page("after_id=d"), "");
  EXPECT_EQ(page("limit=2&before_id=d"), "bc…");
  EXPECT_EQ(page("before_id=c"), "ab");
  EXPECT_EQ(page("after_id=c&before_id=b"), "");
  EXPECT_EQ(server::anthropic::models_json(models, "after_id=d").at("first_id"), nullptr);
  for (const char* bad : {"limit=0", "limit=1001", "limit=x", "after_id=z", "before_id="})
    EXPECT_THROW(page(bad), server::ApiError) << bad;
}

TEST_F(Messages, TheKeyMayComeAsItsClientsSendIt) {
  server::ServerOptions options;
  options.api_keys = {"secret"};
  Served served(test::hello, options);
  EXPECT_EQ(served.client().ask("POST", kMessages, message().dump(), "x-api-key: secret\r\n").status, 200);
  const Reply refused = served.client().post(kMessages, message().dump());
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.json()["error"]["type"], "authentication_error");
}

}  // namespace
}  // namespace ferrum
