// OpenAI's API: the requests that reach the engine, and the refusals.
#include <gtest/gtest.h>

#include <limits>

#include "server/openai_fixture.h"
#include "support/contains.h"

namespace ferrum {
namespace {

using nlohmann::json;
using test::chat;
using test::Client;
using test::kChat;
using test::kText;
using test::OpenAi;
using test::Reply;
using test::Served;
using test::text;

TEST_F(OpenAi, AChatReachesTheEngine) {
  const Request plain = asked_chat(json::object());
  const auto& prompt = std::get<ChatPrompt>(plain.prompt);
  ASSERT_EQ(prompt.messages.size(), 1u);
  EXPECT_EQ(prompt.messages[0].role, "user");
  EXPECT_EQ(prompt.messages[0].content, "hi");
  EXPECT_FLOAT_EQ(plain.sampling.temperature, 0.625f);  // what the model recommends
  EXPECT_EQ(plain.max_tokens, -1);
  EXPECT_EQ(plain.choices, 1);
  EXPECT_FALSE(plain.logprobs);

  const Request parts = asked_chat(
      {{"messages",
        {{{"role", "developer"}, {"content", "be brief"}},
         {{"role", "user"},
          {"content", {{{"type", "text"}, {"text", "one "}}, {{"type", "text"}, {"text", "two"}}}}},
         {{"role", "assistant"}, {"content", "ok"}, {"refusal", nullptr}, {"annotations", json::array()}},
         {{"role", "user"}, {"content", ""}}}},
       {"chat_template_kwargs", {{"enable_thinking", false}}}});
  const auto& messages = std::get<ChatPrompt>(parts.prompt).messages;
  ASSERT_EQ(messages.size(), 4u);
  EXPECT_EQ(messages[0].role, "system");
  EXPECT_EQ(messages[1].content, "one two");
  EXPECT_EQ(json::parse(std::get<ChatPrompt>(parts.prompt).template_options),
            json({{"enable_thinking", false}}));
}

TEST_F(OpenAi, EverySamplingFieldReachesTheEngine) {
  for (const std::string& path : {kChat, kText}) {
    const json more = {{"temperature", 0},
                       {"top_p", 0.5},
                       {"presence_penalty", -2},
                       {"frequency_penalty", 1.5},
                       {"logit_bias", {{"5", -100}, {"7", 1.5}}},
                       {"seed", -2},
                       {"top_k", 7},
                       {"min_p", 0.25},
                       {"typical_p", 0.75},
                       {"repetition_penalty", 1.25},
                       {"repetition_window", 9},
                       {"dry_multiplier", 0.5},
                       {"dry_base", 2},
                       {"dry_allowed_length", 3},
                       {"dry_window", 11},
                       {"dry_breakers", {"x"}},
                       {"xtc_probability", 0.125},
                       {"xtc_threshold", 0.375},
                       {"mirostat", 2},
                       {"mirostat_tau", 4},
                       {"mirostat_eta", 0.5},
                       {"stop", {"a", "b"}},
                       {"stop_token_ids", {1, 2}},
                       {"min_tokens", 3},
                       {"max_tokens", 50},
                       {"ignore_eos", true},
                       {"context_shift", true},
                       {"keep_tokens", 8},
                       {"priority", -5},
                       {"cache_salt", "salt"},
                       {"n", 2},
                       {"best_of", 3},
                       {"user", "me"}};
    const Request r = asked(path, path == kChat ? chat(more) : text(more));
    const SamplingOptions& s = r.sampling;
    EXPECT_EQ(s.temperature, 0);
    EXPECT_EQ(s.top_p, 0.5f);
    EXPECT_EQ(s.presence_penalty, -2);
    EXPECT_EQ(s.frequency_penalty, 1.5f);
    EXPECT_EQ(s.logit_bias, (std::map<int32_t, float>{{5, -100.0f}, {7, 1.5f}}));
    EXPECT_EQ(s.seed, ~uint64_t{1});
    EXPECT_EQ(s.top_k, 7);
    EXPECT_EQ(s.min_p, 0.25f);
    EXPECT_EQ(s.typical_p, 0.75f);
    EXPECT_EQ(s.repetition_penalty, 1.25f);
    EXPECT_EQ(s.repetition_window, 9);
    EXPECT_EQ(s.dry_multiplier, 0.5f);
    EXPECT_EQ(s.dry_base, 2);
    EXPECT_EQ(s.dry_allowed_length, 3);
    EXPECT_EQ(s.dry_window, 11);
    EXPECT_EQ(s.dry_breakers, std::vector<std::string>{"x"});
    EXPECT_EQ(s.xtc_probability, 0.125f);
    EXPECT_EQ(s.xtc_threshold, 0.375f);
    EXPECT_EQ(s.mirostat, 2);
    EXPECT_EQ(s.mirostat_tau, 4);
    EXPECT_EQ(s.mirostat_eta, 0.5f);
    EXPECT_EQ(r.stop, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(r.stop_tokens, (std::vector<int32_t>{1, 2}));
    EXPECT_EQ(r.min_tokens, 3);
    EXPECT_EQ(r.max_tokens, 50);
    EXPECT_EQ(r.end_of_text, Request::EndOfText::kIgnored);
    EXPECT_EQ(r.context_end, Request::ContextEnd::kShifts);
    EXPECT_EQ(r.keep_tokens, 8);
    EXPECT_EQ(r.priority, -5);
    EXPECT_EQ(r.cache_salt, "salt");
    EXPECT_EQ(r.choices, 2);
    EXPECT_EQ(r.best_of, 3);
  }
  EXPECT_EQ(asked_chat({{"top_k", -1}}).sampling.top_k, 0);  // off, as others say it
  EXPECT_EQ(asked_chat({{"stop", "x"}}).stop, std::vector<std::string>{"x"});
  EXPECT_EQ(asked_chat({{"max_completion_tokens", 9}}).max_tokens, 9);
  EXPECT_EQ(asked_chat({{"max_completion_tokens", 9}, {"max_tokens", 9}}).max_tokens, 9);
  EXPECT_EQ(asked_chat({{"seed", -1}}).sampling.seed, std::nullopt) << "as other engines say random";
  EXPECT_EQ(asked_chat({{"seed", std::numeric_limits<int64_t>::max()}}).sampling.seed,
            uint64_t{std::numeric_limits<int64_t>::max()});
  EXPECT_EQ(asked_chat({{"max_tokens", 5.0}}).max_tokens, 5);
  EXPECT_EQ(asked_text(json::object()).max_tokens, 16);
}

TEST_F(OpenAi, NullIsAsIfItWereNotThere) {
  json body = chat();
  for (const char* name : {"temperature", "stop", "n", "seed", "stream", "stream_options", "logprobs",
                           "tools", "response_format", "user", "metadata", "logit_bias", "max_tokens"})
    body[name] = nullptr;
  EXPECT_EQ(asked(kChat, body).choices, 1);
}

TEST_F(OpenAi, HarmlessValuesOfWhatIsNotServedAreTaken) {
  asked_chat({{"tools", json::array()},
              {"tool_choice", "none"},
              {"parallel_tool_calls", true},
              {"response_format", {{"type", "text"}}},
              {"store", false},
              {"service_tier", "auto"},
              {"modalities", {"text"}},
              {"metadata", {{"a", "b"}}},
              {"safety_identifier", "x"},
              {"prompt_cache_key", "y"}});
}

TEST_F(OpenAi, WhatIsNotServedIsRefusedByName) {
  const json tool = {{"type", "function"}, {"function", {{"name", "f"}}}};
  for (const json& more :
       {json{{"tool_choice", "required"}}, json{{"function_call", "f"}}, json{{"audio", {{"voice", "x"}}}},
        json{{"modalities", {"audio"}}}, json{{"web_search_options", json::object()}},
        json{{"reasoning_effort", "much"}}, json{{"no_such_field", 1}}, json{{"Temperature", 1}}})
    expect_refused(kChat, chat(more), more.begin().key());
  for (const json& more : {json{{"suffix", "x"}}, json{{"messages", json::array()}}, json{{"tools", {tool}}}})
    expect_refused(kText, text(more), more.begin().key());
}

TEST_F(OpenAi, B38_MessagesMustBeMessages) {
  const auto with = [](const json& message) { return chat({{"messages", {message}}}); };
  expect_refused(kChat, chat({{"messages", json::array()}}), "messages");
  expect_refused(kChat, chat({{"messages", "hi"}}), "messages");
  expect_refused(kChat, {{"model", "fake"}}, "messages", "missing");
  expect_refused(kChat, with("hi"), "messages[0]");
  expect_refused(kChat, with({{"content", "hi"}}), "messages[0].role");
  expect_refused(kChat, with({{"role", 1}, {"content", "hi"}}), "messages[0].role");
  expect_refused(kChat, with({{"role", "robot"}, {"content", "hi"}}), "messages[0].role", "'robot'");
  expect_refused(kChat, with({{"role", "user"}}), "messages[0].content");
  expect_refused(kChat, with({{"role", "user"}, {"content", 7}}), "messages[0].content");
  expect_refused(kChat, with({{"role", "user"}, {"content", {{{"type", "image_url"}}}}}),
                 "messages[0].content[0].type");
  expect_refused(kChat, with({{"role", "user"}, {"content", {{{"type", "text"}}}}}),
                 "messages[0].content[0].text");
  expect_refused(kChat, with({{"role", "user"}, {"content", {7}}}), "messages[0].content[0]");
  expect_refused(kChat, with({{"role", "user"}, {"content", "hi"}, {"name", 5}}), "messages[0].name");
}

TEST_F(OpenAi, B37_AModelThatIsNotServedIsNamed) {
  json body = chat();
  body.erase("model");
  EXPECT_EQ(asked(kChat, body).choices, 1);  // of the model that is served
  expect_refused(kChat, chat({{"model", 7}}), "model");
  const Reply unknown = client_.post(kChat, chat({{"model", "gpt-4"}}).dump());
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.json()["error"]["code"], "model_not_found");
  EXPECT_EQ(unknown.json()["error"]["param"], "model");
  EXPECT_CONTAINS(unknown.error(), "'gpt-4'");
  EXPECT_CONTAINS(unknown.error(), "'fake'");
}

TEST_F(OpenAi, B41_NumbersOutOfRange) {
  for (const auto& [more, range] :
       std::vector<std::pair<json, std::string>>{{{{"max_tokens", -2}}, "from -1"},
                                                 {{{"max_tokens", 1.5}}, "whole"},
                                                 {{{"max_tokens", "5"}}, "whole"},
                                                 {{{"max_completion_tokens", -2}}, "from -1"},
                                                 {{{"n", 0}}, "from 1 to 128"},
                                                 {{{"n", 129}}, "from 1 to 128"},
                                                 {{{"best_of", 129}}, "from 1 to 128"},
                                                 {{{"top_logprobs", 21}, {"logprobs", true}}, "from 0 to 20"},
                                                 {{{"seed", 9223372036854775808u}}, "whole"},
                                                 {{{"seed", 9223372036854775808.0}}, "whole"},
                                                 {{{"mirostat", 3}}, "from 0 to 2"},
                                                 {{{"priority", 1001}}, "from -1000 to 1000"}}) {
    const std::string name = more.contains("top_logprobs") ? "top_logprobs" : more.begin().key();
    expect_refused(kChat, chat(more), name, range);
  }
  expect_refused(kChat, chat({{"top_logprobs", 3}}), "top_logprobs");
  expect_refused(kChat, chat({{"logprobs", 3}}), "logprobs");
  expect_refused(kChat, chat({{"n", 3}, {"best_of", 2}}), "best_of", "3");
  expect_refused(kText, text({{"logprobs", 21}}), "logprobs", "from 0 to 20");
  expect_refused(kText, text({{"logprobs", true}}), "logprobs");
  expect_refused(kText, text({{"best_of", 2}, {"stream", true}}), "best_of");
  expect_refused(kChat, chat({{"best_of", 2}, {"stream", true}}), "best_of");
}

TEST_F(OpenAi, B42_SamplingOutOfRange) {
  for (const json& more : {json{{"temperature", -0.1}},
                           json{{"temperature", 101}},
                           json{{"temperature", "hot"}},
                           json{{"temperature", true}},
                           json{{"top_p", -1}},
                           json{{"top_p", 1.5}},
                           json{{"presence_penalty", 2.1}},
                           json{{"frequency_penalty", -2.1}},
                           json{{"top_k", -2}},
                           json{{"top_k", 0.5}},
                           json{{"min_p", 1e300}},
                           json{{"stop", 5}},
                           json{{"stop", {"a", 5}}},
                           json{{"stop_token_ids", {-1}}},
                           json{{"stop_token_ids", {5000000000}}},
                           json{{"ignore_eos", 1}},
                           json{{"cache_salt", std::string(2000, 'x')}},
                           json{{"chat_template_kwargs", 5}},
                           json{{"metadata", "x"}},
                           json{{"user", 5}},
                           json{{"stream", "yes"}}})
    expect_refused(kChat, chat(more), more.begin().key());
}

TEST_F(OpenAi, B43_LogitBiasMustBeTokensAndNumbers) {
  for (const json& bias : {json{{"x", 1}}, json{{"5", "much"}}, json{{"5x", 1}}, json{{"99999999999", 1}},
                           json{{"", 1}}, json{{"5", 101}}, json{{"5", -1e300}}, json{{"5", nullptr}},
                           json{{"-1", 1}}, json::array({5}), json(5)})
    expect_refused(kChat, chat({{"logit_bias", bias}}), "logit_bias");
}

TEST_F(OpenAi, B40_TheEnginesRefusalNamesTheField) {
  Served served([](const Request&) {
    return std::vector<Event>{ErrorEvent{"context_full", "too long",
                                         ContextOverflow{.prompt = 90, .max_tokens = 10, .context = 64}}};
  });
  Client client = served.client();
  for (const auto& [path, body, param] :
       {std::tuple(kChat, chat(), "messages"), std::tuple(kText, text(), "prompt"),
        std::tuple(kChat, chat({{"stream", true}}), "messages")}) {
    const Reply reply = client.post(path, body.dump());
    EXPECT_EQ(reply.status, 400);
    EXPECT_EQ(reply.json()["error"]["code"], "context_length_exceeded");
    EXPECT_EQ(reply.json()["error"]["param"], param);
    EXPECT_CONTAINS(reply.error(),
                    "This model's maximum context length is 64 tokens. However, you requested 100 tokens");
    EXPECT_CONTAINS(reply.error(), "90 in the " + std::string(param));
  }
}

}  // namespace
}  // namespace ferrum
