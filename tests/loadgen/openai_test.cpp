#include "loadgen/openai.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/errors.h"

namespace ferrum::loadgen {
namespace {

using nlohmann::json;
using test::expect_error;

TEST(OpenAi, BodiesHaveTheRequestedFieldsAndNoOthers) {
  const Prompt prompt = {.text = "Hi \"you\"", .max_tokens = 5};
  EXPECT_EQ(json::parse(request_body({.model = "m"}, prompt)),
            json::parse(R"({"model":"m","stream":true,"stream_options":{"include_usage":true},
                            "temperature":0,"ignore_eos":true,"max_tokens":5,
                            "messages":[{"role":"user","content":"Hi \"you\""}]})"));
  const RequestOptions plain = {.api = Api::kCompletions,
                                .model = "m",
                                .temperature = std::nullopt,
                                .ignore_eos = false,
                                .usage = false};
  EXPECT_EQ(json::parse(request_body(plain, prompt)),
            json::parse(R"({"model":"m","stream":true,"max_tokens":5,"prompt":"Hi \"you\""})"));
  const Prompt chat = {.messages = R"([{"role":"system","content":"x"}])", .max_tokens = 5};
  EXPECT_EQ(json::parse(request_body({.model = "m"}, chat))["messages"][0]["role"], "system");
  expect_error(ErrorCode::kBadArgument, {"--api chat"}, [&] { request_body(plain, chat); });
}

TEST(OpenAi, PartsOfAnAnswer) {
  const auto text = [](const char* part) { return read_part(part).has_text; };
  EXPECT_TRUE(text(R"({"choices":[{"delta":{"content":"a"}}]})"));
  EXPECT_TRUE(text(R"({"choices":[{"delta":{"content":null,"reasoning_content":"a"}}]})"));
  EXPECT_TRUE(text(R"({"choices":[{"text":"a"}]})"));
  EXPECT_FALSE(text(R"({"choices":[{"delta":{"role":"assistant","content":""}}]})"));
  EXPECT_FALSE(text(R"({"choices":[{"delta":{}}]})"));
  EXPECT_FALSE(text(R"({"choices":[]})"));
  EXPECT_FALSE(read_part(R"({"choices":[{"text":"a","finish_reason":null}]})").finished);
  EXPECT_TRUE(read_part(R"({"choices":[{"text":"","finish_reason":"stop"}]})").finished);
  EXPECT_FALSE(read_part(R"({"choices":[],"usage":null})").usage);

  const AnswerPart usage = read_part(R"({"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4,
                                         "prompt_tokens_details":{"cached_tokens":3}}})");
  ASSERT_TRUE(usage.usage);
  EXPECT_EQ(usage.usage->prompt, 9);
  EXPECT_EQ(usage.usage->cached, 3);
  EXPECT_EQ(usage.usage->output, 4);
  EXPECT_EQ(read_part(R"({"error":{"message":"too much"}})").error, "too much");
  for (const char* bad : {"", "{", "[]", "{}", R"({"choices":{}})", R"({"object":"x"})"})
    expect_error(ErrorCode::kBadFile, {"event"}, [&] { read_part(bad); });
  for (const char* odd :
       {R"({"choices":[7,null,{"delta":[]},{"text":{}}],"usage":7})", R"({"choices":[],"usage":[]})"})
    EXPECT_FALSE(read_part(odd).has_text) << odd;
}

TEST(OpenAi, WhatServersSayOfErrors) {
  EXPECT_EQ(error_message(R"({"error":{"message":"a","code":1}})"), "a");
  EXPECT_EQ(error_message(R"({"error":"b"})"), "b");
  EXPECT_EQ(error_message(R"({"object":"error","message":"c"})"), "c");
  EXPECT_EQ(error_message(R"({"detail":"d"})"), "d");
  EXPECT_EQ(error_message(R"({"detail":[{"loc":["x"]}]})"), R"([{"loc":["x"]}])");
  EXPECT_EQ(error_message(R"({"error":{"code":7}})"), R"({"code":7})");
  EXPECT_EQ(error_message("<html>Bad Gateway"), "<html>Bad Gateway");
  EXPECT_EQ(error_message(R"({"x":1})"), R"({"x":1})");
}

TEST(OpenAi, TheFirstModel) {
  EXPECT_EQ(first_model(R"({"data":[{"id":"a"},{"id":"b"}]})"), "a");
  for (const char* bad : {"", "{}", R"({"data":[]})", R"({"data":[{}]})", R"({"data":[{"id":1}]})"})
    expect_error(ErrorCode::kBadFile, {"list"}, [&] { first_model(bad); });
}

}  // namespace
}  // namespace ferrum::loadgen
