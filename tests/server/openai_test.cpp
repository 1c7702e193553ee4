// OpenAI's API: the shapes of responses.
#include <gtest/gtest.h>

#include "base/isa_choice.h"
#include "server/openai_fixture.h"
#include "support/contains.h"

namespace ferrum {
namespace {

using nlohmann::json;
using test::chat;
using test::Client;
using test::http;
using test::kChat;
using test::kText;
using test::OpenAi;
using test::Reply;
using test::Served;
using test::text;

TEST_F(OpenAi, AChatCompletion) {
  const json body = client_.post(kChat, chat({{"n", 2}}).dump()).json();
  EXPECT_EQ(body["object"], "chat.completion");
  EXPECT_EQ(body["id"].get<std::string>().substr(0, 9), "chatcmpl-");
  EXPECT_EQ(body["model"], "fake");
  EXPECT_GT(body["created"], 1'700'000'000);
  ASSERT_EQ(body["choices"].size(), 2u);
  for (int i = 0; i < 2; ++i) {
    const json& choice = body["choices"][static_cast<size_t>(i)];
    EXPECT_EQ(choice["index"], i);
    EXPECT_EQ(choice["finish_reason"], "stop");
    EXPECT_TRUE(choice["logprobs"].is_null());
    EXPECT_EQ(choice["message"], (json{{"role", "assistant"},
                                       {"content", "Hello"},
                                       {"refusal", nullptr},
                                       {"annotations", json::array()}}));
  }
  EXPECT_EQ(body["usage"]["prompt_tokens"], 10);
  EXPECT_EQ(body["usage"]["completion_tokens"], 4);
  EXPECT_EQ(body["usage"]["total_tokens"], 14);
  EXPECT_EQ(body["usage"]["prompt_tokens_details"]["cached_tokens"], 4);
  EXPECT_EQ(body["usage"]["completion_tokens_details"]["reasoning_tokens"], 2);
}

TEST_F(OpenAi, AChatStreamChunkByChunk) {
  const std::vector<json> all = chunks(kChat, chat({{"stream", true}}));
  ASSERT_EQ(all.size(), 4u);
  for (const json& chunk : all) {
    EXPECT_EQ(chunk["object"], "chat.completion.chunk");
    EXPECT_EQ(chunk["id"], all[0]["id"]);
    EXPECT_EQ(chunk["model"], "fake");
    EXPECT_FALSE(chunk.contains("usage"));
    ASSERT_EQ(chunk["choices"].size(), 1u);
    EXPECT_EQ(chunk["choices"][0]["index"], 0);
  }
  EXPECT_EQ(all[0]["choices"][0]["delta"],
            (json{{"role", "assistant"}, {"content", ""}, {"refusal", nullptr}}));
  EXPECT_EQ(all[1]["choices"][0]["delta"], (json{{"content", "Hel"}}));
  EXPECT_EQ(all[2]["choices"][0]["delta"], (json{{"content", "lo"}}));
  EXPECT_TRUE(all[2]["choices"][0]["finish_reason"].is_null());
  EXPECT_EQ(all[3]["choices"][0]["delta"], json::object());
  EXPECT_EQ(all[3]["choices"][0]["finish_reason"], "stop");
}

TEST_F(OpenAi, TheUsageOfAStreamIsItsLastChunk) {
  for (const std::string& path : {kChat, kText}) {
    const json more = {{"stream", true}, {"stream_options", {{"include_usage", true}}}};
    const std::vector<json> all = chunks(path, path == kChat ? chat(more) : text(more));
    for (size_t i = 0; i + 1 < all.size(); ++i) {
      EXPECT_TRUE(all[i]["usage"].is_null());
      EXPECT_TRUE(all[i].contains("usage"));
    }
    EXPECT_EQ(all.back()["choices"], json::array());
    EXPECT_EQ(all.back()["usage"]["total_tokens"], 12);
  }
  expect_refused(kChat, chat({{"stream_options", {{"include_usage", true}}}}), "stream_options");
  expect_refused(kChat, chat({{"stream", true}, {"stream_options", {{"x", 1}}}}), "stream_options.x");
  expect_refused(kChat, chat({{"stream", true}, {"stream_options", {{"include_usage", 1}}}}),
                 "stream_options.include_usage");
}

TEST_F(OpenAi, ChatLogprobs) {
  const json whole = client_.post(kChat, chat({{"logprobs", true}, {"top_logprobs", 2}}).dump()).json();
  const json token = whole["choices"][0]["logprobs"]["content"][0];
  EXPECT_EQ(token["token"], "Hello");
  EXPECT_FLOAT_EQ(token["logprob"].get<float>(), -0.5f);
  EXPECT_EQ(token["bytes"], (json{72, 101, 108, 108, 111}));
  ASSERT_EQ(token["top_logprobs"].size(), 2u);
  EXPECT_EQ(token["top_logprobs"][1]["token"], "b");
  EXPECT_EQ(asked_chat({{"logprobs", true}}).logprobs, 0);

  const std::vector<json> all =
      chunks(kChat, chat({{"logprobs", true}, {"top_logprobs", 1}, {"stream", true}}));
  EXPECT_EQ(all[1]["choices"][0]["logprobs"]["content"][0]["token"], "Hello");
  EXPECT_TRUE(all[2]["choices"][0]["logprobs"].is_null());
}

// Part of a character is not text, so the bytes identify the token.
TEST_F(OpenAi, LogprobsOfHalfACharacter) {
  Served served([](const Request&) {
    return std::vector<Event>{TokenEvent{0, {.id = 1, .bytes = "\xc3", .logprob = -1}, {}},
                              TokenEvent{0, {.id = 2, .bytes = "\xbc", .logprob = -1}, {}}, TextEvent{0, "ü"},
                              test::finish()};
  });
  Client client = served.client();
  const json body = client.post(kChat, chat({{"logprobs", true}}).dump()).json();
  EXPECT_EQ(body["choices"][0]["logprobs"]["content"][1]["bytes"], (json{0xbc}));
  EXPECT_EQ(body["choices"][0]["message"]["content"], "ü");
  const json old = client.post(kText, text({{"logprobs", 0}}).dump()).json();
  EXPECT_EQ(old["choices"][0]["logprobs"]["text_offset"], (json{0, 1}));
  EXPECT_EQ(old["choices"][0]["logprobs"]["tokens"], (json{"bytes:\\xc3", "bytes:\\xbc"}));
  EXPECT_EQ(old["choices"][0]["logprobs"]["top_logprobs"][1], (json{{"bytes:\\xbc", -1.0}}));
}

TEST_F(OpenAi, ACompletion) {
  const json body = client_.post(kText, text({{"logprobs", 2}}).dump()).json();
  EXPECT_EQ(body["object"], "text_completion");
  EXPECT_EQ(body["id"].get<std::string>().substr(0, 5), "cmpl-");
  const json& choice = body["choices"][0];
  EXPECT_EQ(choice["text"], "Hello");
  EXPECT_EQ(choice["finish_reason"], "stop");
  EXPECT_EQ(choice["logprobs"]["tokens"], (json{"Hello"}));
  EXPECT_EQ(choice["logprobs"]["top_logprobs"][0], (json{{"a", -1.0}, {"b", -1.0}, {"Hello", -0.5}}));
  EXPECT_EQ(choice["logprobs"]["text_offset"], (json{0}));
  EXPECT_EQ(asked_text({{"logprobs", 2}}).logprobs, 2);
}

TEST_F(OpenAi, PromptsOfEveryKind) {
  EXPECT_EQ(std::get<TextPrompt>(asked_text(json::object()).prompt).text, "Once");
  EXPECT_EQ(std::get<TokenPrompt>(asked_text({{"prompt", {1, 2}}}).prompt).ids, (std::vector<int32_t>{1, 2}));
  const size_t before = served_.engine->asked();
  const json body = client_.post(kText, text({{"prompt", {"a", "b"}}, {"n", 2}}).dump()).json();
  EXPECT_EQ(served_.engine->asked(), before + 2);
  EXPECT_EQ(std::get<TextPrompt>(served_.engine->answer(before + 1)->request.prompt).text, "b");
  ASSERT_EQ(body["choices"].size(), 4u);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(body["choices"][i]["index"], i);
  EXPECT_EQ(body["usage"]["prompt_tokens"], 20);
  EXPECT_EQ(body["usage"]["completion_tokens"], 8);
  client_.post(kText, text({{"prompt", {{1, 2}, {3}}}}).dump());
  EXPECT_EQ(std::get<TokenPrompt>(served_.engine->answer(before + 3)->request.prompt).ids,
            std::vector<int32_t>{3});
  for (const json& prompt :
       {json(5), json::array(), json{{"a", 1}}, json{1, -1}, json{"a", -1}, json{"a", true},
        json(std::vector<std::string>(2049, "x")), json::array({json::array()})})
    expect_refused(kText, text({{"prompt", prompt}}), "prompt");
}

TEST_F(OpenAi, EchoedPromptsComeFirst) {
  const json whole = client_.post(kText, text({{"echo", true}, {"n", 2}}).dump()).json();
  EXPECT_EQ(whole["choices"][1]["text"], "OnceHello");
  const json ids = client_.post(kText, text({{"echo", true}, {"prompt", {79, 75}}}).dump()).json();
  EXPECT_EQ(ids["choices"][0]["text"], "OKHello");
  const std::vector<json> all = chunks(kText, text({{"echo", true}, {"stream", true}}));
  EXPECT_EQ(all[0]["choices"][0]["text"], "Once");
  EXPECT_EQ(all[1]["choices"][0]["text"], "Hel");
  EXPECT_EQ(all.back()["choices"][0]["finish_reason"], "stop");
}

TEST_F(OpenAi, EchoedPromptsHaveLogprobsToo) {
  const json more = {{"echo", true}, {"logprobs", 1}, {"n", 2}};
  EXPECT_EQ(asked_text(more).prompt_logprobs, 1);
  EXPECT_FALSE(asked_text({{"logprobs", 1}}).prompt_logprobs);
  const json whole = client_.post(kText, text(more).dump()).json();
  ASSERT_EQ(whole["choices"].size(), 2u);
  for (const json& choice : whole["choices"]) {
    EXPECT_EQ(choice["text"], "OnceHello");
    const json& logprobs = choice["logprobs"];
    EXPECT_EQ(logprobs["tokens"], (json{"On", "ce", "Hello"}));
    EXPECT_EQ(logprobs["token_logprobs"], (json{nullptr, -2.0, -0.5}));
    EXPECT_EQ(logprobs["top_logprobs"][0], nullptr);
    EXPECT_EQ(logprobs["top_logprobs"][1], (json{{"ly", -1.0}, {"ce", -2.0}}));
    EXPECT_EQ(logprobs["text_offset"], (json{0, 2, 4}));
  }
  json streamed = more;
  streamed["stream"] = true;
  const std::vector<json> all = chunks(kText, text(streamed));
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(all[i]["choices"][0]["index"], i);
    EXPECT_EQ(all[i]["choices"][0]["text"], "Once");
    EXPECT_EQ(all[i]["choices"][0]["logprobs"]["tokens"], (json{"On", "ce"}));
  }
  EXPECT_EQ(all[2]["choices"][0]["logprobs"]["text_offset"], (json{4}));
}

TEST_F(OpenAi, StreamsOfSeveralChoicesNameThem) {
  for (const std::string& path : {kChat, kText}) {
    const json more = {{"stream", true}, {"n", 3}};
    std::vector<std::string> texts(3);
    int finished = 0;
    for (const json& chunk : chunks(path, path == kChat ? chat(more) : text(more))) {
      const json& choice = chunk["choices"][0];
      texts[choice["index"].get<size_t>()] +=
          path == kChat ? choice["delta"].value("content", "") : choice["text"].get<std::string>();
      finished += choice["finish_reason"] == "stop";
    }
    EXPECT_EQ(texts, std::vector<std::string>(3, "Hello"));
    EXPECT_EQ(finished, 3);
  }
}

TEST_F(OpenAi, WhyAnAnswerEnded) {
  for (const auto& [reason, name] :
       {std::pair(FinishReason::kMaxTokens, "length"), std::pair(FinishReason::kContext, "length"),
        std::pair(FinishReason::kStop, "stop")}) {
    Served served([reason = reason](const Request&) {
      return std::vector<Event>{TextEvent{0, "x"}, test::finish(0, reason)};
    });
    Client client = served.client();
    EXPECT_EQ(client.post(kChat, chat().dump()).json()["choices"][0]["finish_reason"], name);
    EXPECT_EQ(client.post(kText, text().dump()).json()["choices"][0]["finish_reason"], name);
  }
}

TEST_F(OpenAi, ErrorsBeforeAndAfterTheStreamBegan) {
  Served served(test::nothing);
  Client client = served.client();
  size_t index = 0;
  for (const auto& [path, body] :
       {std::pair(kChat, chat({{"stream", true}})), std::pair(kText, text({{"stream", true}}))}) {
    client.send(http("POST", path, body.dump()));
    EXPECT_CONTAINS(client.read_until("\r\n\r\n"), "200 OK");  // sent when it was admitted
    served.engine->answer(index++)->tell(ErrorEvent{"no_memory", "too much"});
    const std::string before = client.read_until("0\r\n\r\n");
    EXPECT_CONTAINS(before, "too much");
    EXPECT_EQ(before.find("[DONE]"), std::string::npos);

    client.send(http("POST", path, body.dump()));
    const auto answer = served.engine->answer(index++);
    answer->tell(TextEvent{0, "a"});
    client.read_until("\"a\"");
    answer->tell(ErrorEvent{"deadline", "too late"});
    const std::string rest = client.read_until("0\r\n\r\n");
    EXPECT_CONTAINS(rest, "too late");
    EXPECT_CONTAINS(rest, "server_error");
    EXPECT_EQ(rest.find("[DONE]"), std::string::npos);
    EXPECT_EQ(client.ask("GET", "/health").status, 200);  // the connection is as good as before
  }
  client.send(http("POST", kChat, chat().dump()));
  const auto answer = served.engine->answer(index++);
  answer->tell(TextEvent{0, "a"});
  answer->tell(ErrorEvent{"internal", "a fault of ours"});
  EXPECT_EQ(client.read().status, 500);
}

// What the engine cannot do, each with its status.
TEST_F(OpenAi, B53_B55_B58_ErrorsOfTheEngine) {
  for (const auto& [code, status] :
       {std::pair("deadline", 503), std::pair("no_memory", 503), std::pair("unavailable", 503),
        std::pair("not_finite", 500), std::pair("bad_template", 400), std::pair("never heard of", 500)}) {
    Served served([code = code](const Request&) { return std::vector<Event>{ErrorEvent{code, "why"}}; });
    const Reply reply = served.client().post(kChat, chat().dump());
    EXPECT_EQ(reply.status, status) << code;
    EXPECT_EQ(reply.json()["error"]["code"], code);
    if (code == std::string_view("never heard of"))  // a server fault, with its cause in the log
      EXPECT_EQ(reply.error().find("why"), std::string::npos);
    else
      EXPECT_EQ(reply.error(), "why");
    // What took too long once takes as long again.
    const bool late = code == std::string_view("deadline");
    EXPECT_EQ(reply.headers.contains("retry-after"), status == 503 && !late);
    EXPECT_EQ(reply.headers.contains("x-should-retry"), late);
  }
}

// A refusal of the engine names the field, by the name that the API has for it.
TEST_F(OpenAi, TheFieldThatTheEngineRefuses) {
  const auto param_of = [](const std::string& message) {
    Served served([&](const Request&) { return std::vector<Event>{ErrorEvent{"bad_argument", message}}; });
    const json error = served.client().post(kText, text().dump()).json()["error"];
    EXPECT_EQ(std::string(error["message"]).find("stop_tokens"), std::string::npos);
    return error["param"];
  };
  EXPECT_EQ(param_of("logit_bias: no token has the id 99999"), "logit_bias");
  EXPECT_EQ(param_of("stop_tokens: no token has the id 99999"), "stop_token_ids");
  EXPECT_EQ(param_of("min_tokens is 5, more than max_tokens, which is 2"), "min_tokens");
  EXPECT_EQ(param_of("the prompt is empty"), "prompt");
  EXPECT_EQ(param_of("token id 4096: the vocabulary has 0 to 4095"), "prompt");
  EXPECT_EQ(param_of("no such thing"), nullptr);
}

// One prompt's error ends the others.
TEST_F(OpenAi, AnErrorOfOnePromptOfSeveral) {
  Served served(test::nothing);
  Client client = served.client();
  client.send(http("POST", kText, text({{"prompt", {"a", "b"}}}).dump()));
  const auto first = served.engine->answer(0);
  served.engine->answer(1)->tell(ErrorEvent{"bad_argument", "no such token"});
  EXPECT_EQ(client.read().status, 400);
  EXPECT_TRUE(first->is_cancelled_within(std::chrono::seconds(2)));
}

TEST_F(OpenAi, TheRequestTimeoutIsTheEnginesDeadline) {
  server::ServerOptions options;
  options.request_timeout = 2.5;
  Served served(test::hello, options);
  served.client().post(kChat, chat().dump());
  EXPECT_EQ(served.engine->answer(0)->request.deadline_seconds, 2.5);
}

TEST_F(OpenAi, Models) {
  const json list = client_.ask("GET", "/v1/models").json();
  EXPECT_EQ(list["object"], "list");
  EXPECT_EQ(list["data"][0]["id"], "fake");
  EXPECT_EQ(list["data"][0]["object"], "model");
  EXPECT_EQ(client_.ask("GET", "/v1/models/fake").json(), list["data"][0]);
  EXPECT_EQ(client_.ask("GET", "/v1/models/other").status, 404);
}

TEST_F(OpenAi, TokensAndTemplates) {
  EXPECT_EQ(client_.post("/tokenize", R"({"content":"AB"})").json()["tokens"], (json{65, 66}));
  EXPECT_EQ(client_.post("/detokenize", R"({"tokens":[65,66],"model":"fake"})").json()["content"], "AB");
  EXPECT_EQ(
      client_.post("/apply-template", R"({"messages":[{"role":"user","content":"x"}]})").json()["prompt"],
      "user: x\n");
  expect_refused("/tokenize", json::object(), "content");
  expect_refused("/tokenize", {{"content", "x"}, {"y", 1}}, "y");
  expect_refused("/detokenize", {{"tokens", "x"}}, "tokens");
  EXPECT_EQ(client_.post("/tokenize", R"({"content":"x","model":"y"})").status, 404);
}

TEST_F(OpenAi, MetricsAndProps) {
  served_.server.models().add("a \"b\"\n", served_.engine);
  const Reply metrics = client_.ask("GET", "/metrics");
  EXPECT_EQ(metrics.headers.at("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_CONTAINS(metrics.body, "# TYPE ferrum_generated_tokens_total counter\n");
  EXPECT_CONTAINS(metrics.body, "ferrum_generated_tokens_total{model=\"fake\"} 7\n");
  EXPECT_CONTAINS(metrics.body, "{model=\"a \\\"b\\\"\\n\"}");
  EXPECT_CONTAINS(metrics.body, "ferrum_connections 1\n");
  const json props = client_.ask("GET", "/props").json();
  EXPECT_EQ(props["models"].back()["context_length"], 64);
  EXPECT_EQ(props["cpu"]["isa"], name_of(selected_isa()));
  EXPECT_EQ(props["cpu"]["products"], products_of(selected_isa()));
  const SamplingOptions defaults;
  EXPECT_EQ(props["models"].back()["default_sampling"],
            (json{{"temperature", 0.625},  // the fake engine's recommendation
                  {"top_p", 0.95},
                  {"top_k", defaults.top_k},
                  {"min_p", 0.05},
                  {"repetition_penalty", 1.0},
                  {"presence_penalty", 0.0},
                  {"frequency_penalty", 0.0}}));
}

TEST_F(OpenAi, ThoughtsAreSeparated) {
  Served served([](const Request&) {
    FinishEvent finish = test::finish();
    finish.usage.reasoning_tokens = 1;
    return std::vector<Event>{test::thought("Hm"), test::thought("."), TextEvent{0, "Yes."}, finish};
  });
  Client client = served.client();
  const json whole = client.post(kChat, chat().dump()).json();
  EXPECT_EQ(whole["choices"][0]["message"]["reasoning_content"], "Hm.");
  EXPECT_EQ(whole["choices"][0]["message"]["reasoning"], "Hm.");
  EXPECT_EQ(whole["choices"][0]["message"]["content"], "Yes.");
  EXPECT_EQ(whole["usage"]["completion_tokens_details"]["reasoning_tokens"], 1);

  std::string thought, said;
  for (const std::string& event : client.post(kChat, chat({{"stream", true}}).dump()).events()) {
    if (event == "[DONE]") continue;
    const json delta = json::parse(event)["choices"][0]["delta"];
    thought += delta.value("reasoning_content", "");
    said += delta.value("content", "");
  }
  EXPECT_EQ(thought, "Hm.");
  EXPECT_EQ(said, "Yes.");

  const auto answered_as = [&](const json& more) { return asked_chat(more).answer_as; };
  EXPECT_EQ(answered_as(json::object()), Request::AnswerAs::kParts);
  EXPECT_EQ(answered_as({{"reasoning_format", "none"}}), Request::AnswerAs::kCalls);
  EXPECT_EQ(client.post(kChat, chat({{"reasoning_format", "x"}}).dump()).status, 400);
}

TEST_F(OpenAi, AnAnswerThatBeganIsContinuedOnDemand) {
  const json messages = {{{"role", "user"}, {"content", "hi"}}, {{"role", "assistant"}, {"content", "He"}}};
  const auto last = [](const Request& r) { return std::get<ChatPrompt>(r.prompt).last_message; };
  EXPECT_EQ(last(asked_chat({{"messages", messages}})), ChatPrompt::LastMessage::kAnswered);
  EXPECT_EQ(last(asked_chat({{"messages", messages}, {"continue_final_message", true}})),
            ChatPrompt::LastMessage::kContinued);
  expect_refused(kChat, chat({{"continue_final_message", true}}), "continue_final_message");
}

}  // namespace
}  // namespace ferrum
