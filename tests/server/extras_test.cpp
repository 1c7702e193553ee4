// Fields of vLLM, llama-server and newer versions of OpenAI's API beyond the basic ones.
#include <gtest/gtest.h>

#include <map>

#include "server/served.h"
#include "support/contains.h"

namespace ferrum {
namespace {

using nlohmann::json;
using test::Client;
using test::Reply;
using test::Served;

const std::string kChat = "/v1/chat/completions";
const std::string kText = "/v1/completions";

class Extras : public testing::Test {
 protected:
  static json chat(const json& more = json::object()) {
    json body = {{"messages", {{{"role", "user"}, {"content", "hi"}}}}};
    body.update(more);
    return body;
  }
  static json text(const json& more = json::object()) {
    json body = {{"prompt", "Once"}};
    body.update(more);
    return body;
  }
  Request asked(const std::string& path, const json& body) {
    const size_t before = served_.engine->asked();
    const Reply reply = client_.post(path, body.dump());
    EXPECT_EQ(reply.status, 200) << body << reply.body;
    return served_.engine->answer(before)->request;
  }
  std::string refused_param(const std::string& path, const json& body) {
    const Reply reply = client_.post(path, body.dump());
    EXPECT_EQ(reply.status, 400) << body << reply.body;
    const json param = reply.json()["error"]["param"];
    return param.is_string() ? param.get<std::string>() : "";
  }
  json ask(const std::string& path, const json& body) {
    const Reply reply = client_.post(path, body.dump());
    EXPECT_EQ(reply.status, 200) << body << reply.body;
    return reply.json();
  }

  Served served_;
  Client client_ = served_.client();
};

TEST_F(Extras, AnEmptyModelIsAMissingOne) {
  EXPECT_EQ(client_.post(kChat, chat({{"model", ""}}).dump()).status, 200);
}

TEST_F(Extras, EditorsFieldsForGaps) {
  Served served;
  served.engine->infills();
  const json body = {{"input_prefix", "a"},
                     {"input_suffix", "b"},
                     {"t_max_prompt_ms", 500},
                     {"t_max_predict_ms", 1000},
                     {"samplers", {"top_k", "infill"}},
                     {"n_indent", 4},
                     {"response_fields", {"content", "truncated", "timings/prompt_n"}}};
  const Reply reply = served.client().post("/infill", body.dump());
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.json(), json({{"content", "Hello"}, {"truncated", false}}));
  EXPECT_EQ(reply.headers.at("x-ferrum-ignored"), "samplers, t_max_prompt_ms");
}

TEST_F(Extras, APromptOfTextsAndIdsIsOnePrompt) {
  const Request r = asked(kText, {{"prompt", {"A", 1, "B"}}});
  EXPECT_EQ(std::get<TokenPrompt>(r.prompt).ids, (std::vector<int32_t>{94, 65, 1, 66}));
  EXPECT_EQ(refused_param(kText, {{"prompt", {"A", 1.5}}}), "prompt");
}

// The engine's refusals name the field, by the name that it has in the API.
TEST(EngineRefusals, NameTheirField) {
  std::string message;
  Served served([&](const Request&) { return std::vector<Event>{ErrorEvent{"bad_argument", message}}; });
  Client client = served.client();
  for (const auto& [told, param] : std::map<std::string, std::string>{
           {"min_tokens is 5, more than max_tokens, which is 4", "min_tokens"},
           {"template options: the key 'messages' is taken", "chat_template_kwargs"},
           {"stop_tokens: no token has the id 7", "stop_token_ids"}}) {
    message = told;
    const Reply reply = client.post(kChat, R"({"messages": [{"role": "user", "content": "hi"}]})");
    EXPECT_EQ(reply.status, 400);
    EXPECT_EQ(reply.json()["error"]["param"], param) << reply.body;
  }
}

TEST_F(Extras, LinesOfClientsAreNoPartOfThePrompt) {
  const std::string line = "x-anthropic-billing-header: cch=1;";
  const auto prompt = [&](const json& messages) {
    return served_.engine->prompt_text(asked(kChat, {{"messages", messages}}));
  };
  const json user = {{"role", "user"}, {"content", line}};
  EXPECT_EQ(prompt({{{"role", "system"}, {"content", line + "\na"}}, user}),
            "system: a\nuser: " + line + "\n");
  EXPECT_EQ(prompt({{{"role", "developer"},
                     {"content", {{{"type", "text"}, {"text", line}}, {{"type", "text"}, {"text", "b"}}}}},
                    user}),
            "system: b\nuser: " + line + "\n");
  EXPECT_EQ(prompt({{{"role", "system"}, {"content", line}}, user}), "user: " + line + "\n");
  EXPECT_EQ(refused_param(kChat, {{"messages", {{{"role", "system"}, {"content", line}}}}}), "messages");

  const auto response = [&](json body) {
    body["store"] = false;
    return served_.engine->prompt_text(asked("/v1/responses", body));
  };
  EXPECT_EQ(response({{"input", line}, {"instructions", line + "\nc"}}), "system: c\nuser: " + line + "\n");
  EXPECT_EQ(response({{"input", "hi"}, {"instructions", line}}), "user: hi\n");
  EXPECT_EQ(response({{"input",
                       {{{"role", "developer"}, {"content", line}},
                        {{"role", "system"}, {"content", line + "\nd"}},
                        {{"role", "user"}, {"content", "hi"}}}}}),
            "system: d\nuser: hi\n");
}

TEST_F(Extras, OtherEnginesDefaultsAskForNothing) {
  const json defaults = {{"skip_special_tokens", true},
                         {"length_penalty", 1.0},
                         {"use_beam_search", false},
                         {"early_stopping", false},
                         {"bad_words", json::array()},
                         {"spaces_between_special_tokens", true},
                         {"n_probs", 0},
                         {"repeat_penalty", 1.0},
                         {"cache_prompt", true},
                         {"timings_per_token", false},
                         {"grammar", ""},
                         {"preserved_tokens", json::array()},
                         {"generation_prompt", ""},
                         {"separate_reasoning", true},
                         {"no_stop_trim", false},
                         {"min_new_tokens", 0},
                         {"safe_prompt", false},
                         {"echo", false},
                         {"stop", ""},
                         {"tools", json::array()},
                         {"chat_template", nullptr},
                         {"no_engine_has_this", nullptr}};
  for (const std::string& path : {kChat, kText}) {
    const Reply reply = client_.post(path, (path == kChat ? chat(defaults) : text(defaults)).dump());
    EXPECT_EQ(reply.status, 200) << reply.body;
    EXPECT_FALSE(reply.headers.contains("x-ferrum-ignored")) << reply.headers.at("x-ferrum-ignored");
  }
  for (const json& more : {json{{"skip_special_tokens", false}}, json{{"length_penalty", 2}},
                           json{{"use_beam_search", true}}, json{{"n_probs", 3}}, json{{"bad_words", {"x"}}}})
    for (const std::string& path : {kChat, kText})
      EXPECT_EQ(refused_param(path, path == kChat ? chat(more) : text(more)), more.begin().key());
  EXPECT_EQ(client_.post(kChat, chat({{"cache_prompt", false}, {"id_slot", 3}}).dump())
                .headers.at("x-ferrum-ignored"),
            "cache_prompt, id_slot");
}

// Answers that took known times: 12 prompt tokens, 4 of them cached, in 250 ms after 125 ms in the queue,
// then the further tokens in 500 ms.
std::vector<Event> timed(const Request& request) {
  std::vector<Event> events;
  for (int choice = 0; choice < request.choices; ++choice) {
    FinishEvent finish;
    finish.choice = choice;
    finish.usage = {.prompt_tokens = 12, .cached_tokens = 4, .generated_tokens = 10 + choice};
    finish.usage.queue_seconds = 0.125;
    finish.usage.prompt_seconds = 0.375;
    finish.usage.decode_seconds = 0.5;
    events.emplace_back(TextEvent{choice, "text"});
    events.emplace_back(finish);
  }
  return events;
}

TEST(Timings, ComeWithTheEndOfAnAnswerThatAsksForThem) {
  Served served(timed);
  Client client = served.client();
  const auto body = [](const json& more = json::object()) {
    json chat = {{"messages", {{{"role", "user"}, {"content", "hi"}}}}};
    chat.update(more);
    return chat.dump();
  };
  const json expected = {{"cache_n", 4},
                         {"prompt_n", 8},
                         {"prompt_ms", 250.0},
                         {"prompt_per_token_ms", 31.25},
                         {"prompt_per_second", 32.0},
                         {"predicted_n", 10},
                         {"predicted_ms", 500.0},
                         {"predicted_per_token_ms", 500.0 / 9},
                         {"predicted_per_second", 18.0}};
  const Reply whole = client.post(kChat, body({{"timings_per_token", true}}));
  EXPECT_EQ(whole.json()["timings"], expected);
  EXPECT_FALSE(whole.headers.contains("x-ferrum-ignored"));
  EXPECT_FALSE(client.post(kChat, body()).json().contains("timings"));
  const json two = client.post(kChat, body({{"timings_per_token", true}, {"n", 2}})).json();
  EXPECT_FALSE(two.contains("timings"));
  EXPECT_EQ(two["choices"][0]["timings"], expected);
  EXPECT_EQ(two["choices"][1]["timings"]["predicted_n"], 11);

  for (const bool usage : {false, true}) {
    const json stream = {
        {"timings_per_token", true}, {"stream", true}, {"stream_options", {{"include_usage", usage}}}};
    const std::vector<std::string> events = client.post(kChat, body(stream)).events();
    ASSERT_EQ(events.back(), "[DONE]");
    for (size_t i = 0; i + 2 < events.size(); ++i) EXPECT_FALSE(json::parse(events[i]).contains("timings"));
    const json last = json::parse(events[events.size() - 2]);
    EXPECT_EQ(last["timings"], expected);
    EXPECT_EQ(last["choices"].empty(), usage);
  }
  const json stream = {{"timings_per_token", true}, {"stream", true}, {"n", 2}};
  std::map<int, json> of;
  for (const std::string& event : client.post(kChat, body(stream)).events())
    if (event != "[DONE]" && json::parse(event).contains("timings"))
      of[json::parse(event)["choices"][0]["index"]] = json::parse(event)["timings"]["predicted_n"];
  EXPECT_EQ(of, (std::map<int, json>{{0, 10}, {1, 11}}));
}

TEST(Timings, OfNothingAreZero) {
  Served served([](const Request&) { return std::vector<Event>{FinishEvent{}}; });
  const json body = {{"messages", {{{"role", "user"}, {"content", "hi"}}}}, {"timings_per_token", true}};
  const json timings = served.client().post(kChat, body.dump()).json()["timings"];
  for (const auto& [name, value] : timings.items()) EXPECT_EQ(value, 0) << name;
}

TEST_F(Extras, TimingsAreAHintWhereThereAreNone) {
  EXPECT_EQ(client_.post(kText, text({{"timings_per_token", true}}).dump()).headers.at("x-ferrum-ignored"),
            "timings_per_token");
}

TEST_F(Extras, LlamaServersNamesAreHonoured) {
  const Request r = asked(kChat, chat({{"n_predict", 7},
                                       {"repeat_penalty", 1.25},
                                       {"repeat_last_n", -1},
                                       {"dry_penalty_last_n", 5},
                                       {"dry_sequence_breakers", {"x"}},
                                       {"logit_bias", {{5, -2.5}, {7, false}}},
                                       {"random_seed", 11},
                                       {"top_p", 0}}));
  EXPECT_EQ(r.sampling.seed, 11u);
  EXPECT_EQ(r.max_tokens, 7);
  EXPECT_FLOAT_EQ(r.sampling.repetition_penalty, 1.25f);
  EXPECT_EQ(r.sampling.repetition_window, -1);
  EXPECT_EQ(r.sampling.dry_window, 5);
  EXPECT_EQ(r.sampling.dry_breakers, std::vector<std::string>{"x"});
  EXPECT_EQ(r.sampling.logit_bias, (std::map<int32_t, float>{{5, -2.5f}, {7, -100.0f}}));
  EXPECT_GT(r.sampling.top_p, 0);
  EXPECT_LT(r.sampling.top_p, 1e-30f);
  EXPECT_EQ(refused_param(kChat, chat({{"repeat_penalty", 1.5}, {"repetition_penalty", 1.25}})),
            "repeat_penalty");
}

TEST_F(Extras, TemplatesTakeWholeBodiesOfChats) {
  const json body = chat({{"max_tokens", 9}, {"temperature", 0.5}, {"stream", true}, {"stop", {"x"}}});
  EXPECT_TRUE(ask("/apply-template", body)["prompt"].is_string());
  EXPECT_EQ(refused_param("/apply-template", chat({{"chat_template", "x"}})), "chat_template");
}

TEST_F(Extras, RangesOfSamplersAreCheckedTogether) {
  const json body = chat({{"repetition_penalty", 0},
                          {"typical_p", 0},
                          {"min_p", 1.5},
                          {"dry_base", 0.5},
                          {"xtc_threshold", -1},
                          {"foo", 1}});
  const std::string error = client_.post(kChat, body.dump()).error();
  for (const char* name : {"repetition_penalty", "typical_p", "min_p", "dry_base", "xtc_threshold", "foo"})
    EXPECT_CONTAINS(error, name);
}

TEST_F(Extras, HowLongAnswersMayBecome) {
  for (const std::string& path : {kChat, kText}) {
    const auto most = [&](const json& more) {
      return asked(path, path == kChat ? chat(more) : text(more)).max_tokens;
    };
    EXPECT_EQ(most({{"max_tokens", -1}}), -1);
    EXPECT_EQ(most({{"n_predict", -2}}), -1);
    EXPECT_EQ(most({{"max_completion_tokens", 9}}), 9);
    EXPECT_EQ(most({{"max_completion_tokens", 9}, {"max_tokens", 5}}), 5) << "both hold";
    EXPECT_EQ(most({{"max_completion_tokens", 9}, {"max_tokens", -1}}), 9);
    EXPECT_EQ(most({{"max_tokens", 1'000'000}}), 1'000'000) << "the engine clamps";
    for (const json& huge :
         {json(INT32_MAX), json(UINT32_MAX), json((1LL << 53) - 1), json(UINT64_MAX), json(1e20)})
      EXPECT_EQ(most({{"max_tokens", huge}}), 1 << 30) << huge;
  }
  EXPECT_EQ(asked(kChat, chat({{"top_k", INT32_MAX}})).sampling.top_k, 1 << 30);
  EXPECT_EQ(asked("/v1/responses", {{"input", "hi"}, {"max_output_tokens", INT32_MAX}}).max_tokens, 1 << 30);
  EXPECT_EQ(refused_param(kChat, chat({{"max_tokens", -3}})), "max_tokens");
}

TEST_F(Extras, EchoedHistoryIsTolerated) {
  const json messages = {
      {{"role", "system"}, {"content", nullptr}},
      {{"role", "user"},
       {"type", "text"},
       {"name", "Ann"},
       {"content", {{{"type", "text"}, {"text", "hi"}, {"cache_control", {{"type", "ephemeral"}}}}}}},
      {{"role", "assistant"},
       {"id", "msg_1"},
       {"refusal", "no"},
       {"annotations", {1}},
       {"reasoning", "hm"},
       {"reasoning_details", {{{"type", "x"}}}},
       {"tool_calls", json::array()}},
      {{"role", "user"}, {"content", "more"}}};
  const Request r = asked(kChat, chat({{"messages", messages}}));
  const auto& prompt = std::get<ChatPrompt>(r.prompt);
  ASSERT_EQ(prompt.messages.size(), 4u);
  EXPECT_EQ(prompt.messages[0].content, "");
  EXPECT_EQ(prompt.messages[1].name, "Ann");
  EXPECT_EQ(prompt.messages[1].content, "hi");
  EXPECT_EQ(prompt.messages[2].content, "");
}

TEST_F(Extras, ThinkingIsSwitchedWhereTheTemplateHasASwitch) {
  const auto options = [](const Request& r) {
    return json::parse(std::get<ChatPrompt>(r.prompt).template_options);
  };
  const Reply none =
      client_.post(kChat, chat({{"reasoning_effort", "low"}, {"enable_thinking", false}}).dump());
  EXPECT_EQ(none.headers.at("x-ferrum-ignored"), "enable_thinking, reasoning_effort");
  Served served;
  served.engine->set_template_switches({"enable_thinking", "reasoning_effort"});
  Client client = served.client();
  EXPECT_FALSE(
      client.post(kChat, chat({{"reasoning_effort", "low"}}).dump()).headers.contains("x-ferrum-ignored"));
  EXPECT_EQ(options(served.engine->answer(0)->request),
            (json{{"enable_thinking", true}, {"reasoning_effort", "low"}}));
  client.post(kChat, chat({{"reasoning_effort", "none"}}).dump());
  EXPECT_EQ(options(served.engine->answer(1)->request)["enable_thinking"], false);
  client.post(kChat, chat({{"enable_thinking", false}}).dump());
  EXPECT_EQ(options(served.engine->answer(2)->request), (json{{"enable_thinking", false}}));
  client.post(
      kChat,
      chat({{"reasoning_effort", "high"}, {"chat_template_kwargs", {{"enable_thinking", false}}}}).dump());
  EXPECT_EQ(options(served.engine->answer(3)->request)["enable_thinking"], false) << "the exact word counts";
}

TEST_F(Extras, ReasoningIsOptional) {
  Served served([](const Request&) {
    return std::vector<Event>{test::thought("Hm."), TextEvent{0, "Yes."}, test::finish()};
  });
  Client client = served.client();
  const json whole = client.post(kChat, chat({{"include_reasoning", false}}).dump()).json();
  EXPECT_EQ(whole["choices"][0]["message"]["content"], "Yes.");
  EXPECT_FALSE(whole["choices"][0]["message"].contains("reasoning_content"));
  const Reply stream = client.post(kChat, chat({{"include_reasoning", false}, {"stream", true}}).dump());
  EXPECT_EQ(stream.body.find("Hm."), std::string::npos);
  EXPECT_CONTAINS(stream.body, "Yes.");
  EXPECT_FALSE(client.post(kChat, chat({{"reasoning", {{"exclude", true}}}}).dump())
                   .json()["choices"][0]["message"]
                   .contains("reasoning"));
}

TEST_F(Extras, WhereThePromptEnds) {
  const auto last = [&](const json& more) {
    return std::get<ChatPrompt>(asked(kChat, chat(more)).prompt).last_message;
  };
  const json begun = {{{"role", "user"}, {"content", "hi"}}, {{"role", "assistant"}, {"content", "He"}}};
  EXPECT_EQ(last({{"add_generation_prompt", true}}), ChatPrompt::LastMessage::kAnswered);
  EXPECT_EQ(last({{"add_generation_prompt", false}}), ChatPrompt::LastMessage::kClosed);
  EXPECT_EQ(last({{"messages", begun}, {"add_generation_prompt", false}, {"continue_final_message", true}}),
            ChatPrompt::LastMessage::kContinued);
}

TEST_F(Extras, UsageInEveryChunk) {
  Served served([](const Request&) {
    return std::vector<Event>{TextEvent{0, "a", 1}, TextEvent{0, "b", 3}, test::finish()};
  });
  Client client = served.client();
  const json more = {{"stream", true},
                     {"stream_options", {{"include_usage", true}, {"continuous_usage_stats", true}}}};
  for (const auto& [path, body, prompt] : {std::tuple(kChat, chat(more), std::string("user: hi\n")),
                                           std::tuple(kText, text(more), std::string("^Once"))}) {
    std::vector<int> counts;
    for (const std::string& event : client.post(path, body.dump()).events()) {
      if (event == "[DONE]") continue;
      const json chunk = json::parse(event);
      counts.push_back(chunk["usage"]["completion_tokens"]);
      if (!chunk["choices"].empty()) {
        EXPECT_EQ(chunk["usage"]["prompt_tokens"], prompt.size());
      }
    }
    EXPECT_EQ(counts, path == kChat ? (std::vector<int>{0, 1, 3, 2, 2}) : (std::vector<int>{1, 3, 2, 2}));
  }
}

TEST_F(Extras, ControlTokensOfTextsAreRecognisedUnlessTurnedOff) {
  using Control = TextPrompt::ControlTokens;
  using Bos = TextPrompt::Bos;
  const auto prompt = [&](const json& more) { return std::get<TextPrompt>(asked(kText, text(more)).prompt); };
  EXPECT_EQ(prompt(json::object()).control_tokens, Control::kRecognised);
  EXPECT_EQ(prompt({{"special", false}}).control_tokens, Control::kText);
  EXPECT_EQ(prompt({{"prompt", {"a", "b"}}, {"special", false}}).control_tokens, Control::kText);
  EXPECT_EQ(prompt(json::object()).bos, Bos::kAdded);
  EXPECT_EQ(prompt({{"add_special_tokens", false}}).bos, Bos::kOmitted);
  EXPECT_EQ(refused_param(kText, text({{"special", false}, {"parse_special", true}})), "parse_special");
}

TEST_F(Extras, N7_AnswersOfOneRequestHaveOneBudget) {
  const std::vector<std::string> many(2048, "x");
  EXPECT_EQ(client_.post(kText, text({{"prompt", many}, {"max_tokens", 1}}).dump()).status, 200);
  EXPECT_EQ(refused_param(kText, text({{"prompt", many}, {"n", 2}})), "n");
  EXPECT_EQ(refused_param(kText, text({{"prompt", std::vector<std::string>(100, "x")}, {"best_of", 100}})),
            "best_of");
}

TEST_F(Extras, GapsAreFilledIn) {
  EXPECT_EQ(refused_param(kText, text({{"suffix", "x"}})), "suffix");
  EXPECT_EQ(refused_param("/infill", {{"input_prefix", "a"}, {"input_suffix", "b"}}), "input_prefix");
  Served served;
  served.engine->infills();
  Client client = served.client();
  const auto asked = [&](size_t index) {
    return served.engine->prompt_text(served.engine->answer(index)->request);
  };
  EXPECT_EQ(client.post(kText, text({{"suffix", "end"}}).dump()).status, 200);
  EXPECT_EQ(asked(0), "<Once|end>");
  const json body = {{"input_prefix", "int "},
                     {"input_suffix", "}"},
                     {"prompt", "ma"},
                     {"n_predict", 8},
                     {"input_extra", {{{"filename", "a.h"}, {"text", "x"}}}}};
  const json whole = client.post("/infill", body.dump()).json();
  EXPECT_EQ(asked(1), "a.h:x\n<int ma|}>");
  EXPECT_EQ(served.engine->answer(1)->request.max_tokens, 8);
  EXPECT_EQ(whole["content"], "Hello");
  EXPECT_EQ(whole["stop"], true);
  EXPECT_EQ(whole["tokens_predicted"], 2);
  json stream = body;
  stream["stream"] = true;
  const std::vector<std::string> events = client.post("/infill", stream.dump()).events();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(json::parse(events[0])["content"], "Hel");
  EXPECT_EQ(json::parse(events[2])["stop"], true);
}

TEST_F(Extras, TokenizersOfBothEngines) {
  const json llama = ask("/tokenize", {{"content", "AB"}});
  EXPECT_EQ(llama["tokens"], (json{65, 66}));
  EXPECT_EQ(ask("/tokenize", {{"content", "AB"}, {"add_special", true}})["tokens"], (json{94, 65, 66}));
  EXPECT_EQ(ask("/tokenize", {{"content", "A\xc3\xbc"}, {"with_pieces", true}})["tokens"][0],
            (json{{"id", 65}, {"piece", "A"}}));
  EXPECT_EQ(ask("/tokenize", {{"content", {1, "A", "B", 2}}, {"add_special", true}})["tokens"],
            (json{1, 65, 66, 2}));
  EXPECT_EQ(ask("/tokenize", {{"content", {"A", "B", 2}}, {"add_special", true}})["tokens"],
            (json{94, 65, 66, 2}))
      << "the first part gets what begins a text";
  EXPECT_EQ(refused_param("/tokenize", {{"content", {"A", -1}}}), "content");
  EXPECT_EQ(refused_param("/tokenize", {{"content", {"A", json::object()}}}), "content");
  const json vllm = ask("/tokenize", {{"prompt", "AB"}, {"return_token_strs", true}});
  EXPECT_EQ(vllm["tokens"], (json{94, 65, 66}));
  EXPECT_EQ(vllm["count"], 3);
  EXPECT_EQ(vllm["max_model_len"], 64);
  EXPECT_EQ(vllm["token_strs"], (json{"_^", "_A", "_B"}));
  EXPECT_EQ(ask("/tokenize", {{"prompt", "AB"}, {"add_special_tokens", false}})["count"], 2);
  EXPECT_EQ(ask("/tokenize", chat())["count"], std::string("user: hi\n").size());
  const json text = ask("/detokenize", {{"tokens", {65, 66}}});
  EXPECT_EQ(text["content"], "AB");
  EXPECT_EQ(text["prompt"], "AB");
  const json info = client_.ask("GET", "/tokenizer_info").json();
  EXPECT_EQ(info["eos_token"], "</s>");
  EXPECT_EQ(info["pad_token"], nullptr);
  EXPECT_EQ(info["chat_template"], "{{ messages }}");
  EXPECT_EQ(refused_param("/tokenize", {{"content", "x"}, {"prompt", "x"}}), "content");
}

TEST_F(Extras, OddPiecesAreBytes) {
  const json piece = ask("/tokenize", {{"content", "\xc3\xbc"}, {"with_pieces", true}})["tokens"];
  EXPECT_EQ(piece[0]["piece"], (json{0xc3}));
}

TEST_F(Extras, ARefusalNamesAllFields) {
  const Reply reply = client_.post(kChat, chat({{"tools", {{{"function", {{"name", ""}}}}}},
                                                {"response_format", {{"type", "xml"}}},
                                                {"temperature", -1},
                                                {"x", 1}})
                                              .dump());
  for (const char* name : {"tools[0].function.name", "response_format.type", "temperature", "'x'"})
    EXPECT_CONTAINS(reply.error(), name);
}

}  // namespace
}  // namespace ferrum
