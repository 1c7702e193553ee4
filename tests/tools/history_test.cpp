// Calls in the messages that clients send back.
#include "tools/history.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace ferrum::tools {
namespace {

OrderedJson normalized(const char* text, const char* family = "hermes",
                       ArgumentsAs as = ArgumentsAs::kObject) {
  OrderedJson messages = OrderedJson::parse(text);
  normalize_calls(messages, format_named(family), as);
  return messages;
}

TEST(History, B39_ArgumentsOfAnyKindBecomeAnObject) {
  EXPECT_EQ(arguments_object("{\"a\": 1}"), OrderedJson::parse(R"({"a": 1})"));
  EXPECT_EQ(arguments_object(OrderedJson::parse(R"({"a": 1})")), OrderedJson::parse(R"({"a": 1})"));
  EXPECT_EQ(arguments_object(nullptr), OrderedJson::object());
  EXPECT_EQ(arguments_object(""), OrderedJson::object());
  EXPECT_EQ(arguments_object(" \n"), OrderedJson::object());
  EXPECT_EQ(arguments_object("{\"a\": "), OrderedJson({{"arguments", "{\"a\": "}}));
  EXPECT_EQ(arguments_object("[1]"), OrderedJson({{"arguments", "[1]"}}));
  EXPECT_EQ(arguments_object(5), OrderedJson({{"arguments", 5}}));
}

TEST(History, B39_ArgumentsAsTextStayAsTheyWere) {
  EXPECT_EQ(arguments_text("{\"a\": "), "{\"a\": ");
  EXPECT_EQ(arguments_text(""), "{}");
  EXPECT_EQ(arguments_text(nullptr), "{}");
  EXPECT_EQ(arguments_text(OrderedJson::parse(R"({"b": 1, "a": "é"})")), R"({"b":1,"a":"é"})");
  const OrderedJson messages = normalized(
      R"([{"role": "assistant", "content": null, "tool_calls": [{"id": "x", "function": {"name": "f", "arguments": {"a": 1}}}]}])",
      "deepseek", ArgumentsAs::kText);
  EXPECT_EQ(messages[0]["tool_calls"][0]["function"]["arguments"], "{\"a\":1}");
  EXPECT_EQ(messages[0]["tool_calls"][0]["type"], "function");
  EXPECT_EQ(messages[0]["content"], "");
}

TEST(History, MissingIdsAreMadeAndResultsGetThem) {
  const OrderedJson messages = normalized(R"([
    {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}, {"function": {"name": "g"}}]},
    {"role": "tool", "name": "g", "content": "2"}, {"role": "tool", "content": "1"}, {"role": "tool", "content": "left over"}])");
  const std::string first = messages[0]["tool_calls"][0]["id"];
  const std::string second = messages[0]["tool_calls"][1]["id"];
  EXPECT_NE(first, second);
  EXPECT_EQ(messages[1]["tool_call_id"], second);
  EXPECT_EQ(messages[2]["tool_call_id"], first);
  EXPECT_EQ(messages[2]["name"], "f");
  EXPECT_FALSE(messages[3]["tool_call_id"].get<std::string>().empty());
}

TEST(History, MistralsTemplatesGetIdsOfNineCharacters) {
  const OrderedJson messages = normalized(R"([
    {"role": "assistant", "tool_calls": [{"id": "call_0123456789", "function": {"name": "f"}},
                                         {"id": "abcdefgh1", "function": {"name": "g"}}]},
    {"role": "tool", "tool_call_id": "call_0123456789", "content": "1"}])",
                                          "mistral");
  const std::string id = messages[0]["tool_calls"][0]["id"];
  EXPECT_EQ(id.size(), 9u);
  EXPECT_EQ(messages[1]["tool_call_id"], id);
  EXPECT_EQ(messages[0]["tool_calls"][1]["id"], "abcdefgh1");
}

TEST(History, OldFunctionCallsBecomeToolCalls) {
  const OrderedJson messages = normalized(R"([
    {"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": "{\"a\": 1}"}},
    {"role": "function", "name": "f", "content": "1"}])");
  EXPECT_EQ(messages[0]["tool_calls"][0]["function"]["arguments"]["a"], 1);
  EXPECT_FALSE(messages[0].contains("function_call"));
  EXPECT_EQ(messages[1]["role"], "tool");
  EXPECT_EQ(messages[1]["tool_call_id"], messages[0]["tool_calls"][0]["id"]);
}

TEST(History, N9_OddMessagesNeverFail) {
  normalized(R"([5, null, {}, {"role": 7, "tool_calls": 5}, {"role": "assistant", "tool_calls": []},
    {"role": "assistant", "tool_calls": [3, {}, {"function": 4}, {"function": {"arguments": 3, "name": 4}, "id": 5}]},
    {"role": "tool"}, {"role": "tool", "tool_call_id": "unknown"}, {"role": "user", "function_call": "auto"}])");
  EXPECT_EQ(normalized("{}"), OrderedJson::object());
}

TEST(ArgumentsAsOf, ReadsTheTemplate) {
  EXPECT_EQ(arguments_as("{{ tool_call.arguments | tojson }}"), ArgumentsAs::kObject);
  EXPECT_EQ(arguments_as("{{ 'x' + tool['function']['arguments'] + 'y' }}"), ArgumentsAs::kText);
  EXPECT_EQ(arguments_as("{% for k, v in tool_call.arguments|items %}"), ArgumentsAs::kObject);
  EXPECT_EQ(arguments_as(""), ArgumentsAs::kObject);
}

}  // namespace
}  // namespace ferrum::tools
