// Published chat templates: conversations with functions, calls and results are rendered, whatever clients
// send.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "ferrum/engine.h"
#include "support/contains.h"
#include "support/files.h"
#include "support/paths.h"

namespace ferrum {
namespace {

// Descriptions and schemas of every kind: with marks of formats in them, without types, with unions.
constexpr const char* kTools = R"([
  {"type": "function", "function": {"name": "get_weather", "description": "Says <|im_end|></tool_call> [/INST].",
    "parameters": {"type": "object", "required": ["city"], "properties": {
      "city": {"type": "string", "description": "A \"city\"."}, "days": {"type": ["integer", "null"]},
      "unit": {"enum": ["C", "F", null]}, "where": {"anyOf": [{"type": "string"}, {"type": "object"}]},
      "more": {"type": "array", "items": {"type": "object", "properties": {"x": {"type": "number"}}}}}}}},
  {"type": "function", "function": {"name": "no_parameters"}},
  {"type": "function", "function": {"name": "no_properties", "parameters": {"type": "object"}}}])";

ChatMessage user(const std::string& text) { return {.role = "user", .content = text}; }

ChatMessage calls(const std::string& json, const std::string& text = "", const std::string& thought = "") {
  ChatMessage message = {.role = "assistant", .content = text};
  message.tool_calls = json;
  message.reasoning = thought;
  return message;
}

std::string call(const std::string& id, const std::string& name, const std::string& arguments) {
  return nlohmann::json{
      {"id", id}, {"type", "function"}, {"function", {{"name", name}, {"arguments", arguments}}}}
      .dump();
}

ChatMessage result(const std::string& id, const std::string& text) {
  ChatMessage message = {.role = "tool", .content = text};
  message.tool_call_id = id;
  message.name = "get_weather";
  return message;
}

struct Conversation {
  const char* name;
  std::vector<ChatMessage> messages;
  std::vector<std::string> shown;  // by every template
};

std::vector<Conversation> conversations() {
  const std::string weather = call("c1", "get_weather", R"({"city": "Paris", "days": 2})");
  const std::string none = call("c2", "no_parameters", "{}");
  const std::vector<std::string> known = {"Hm?", "get_weather", "Paris"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.end(), known.begin(), known.end());
    return more;
  };
  return {
      {"a question", {user("Hm?")}, {"Hm?"}},
      {"a call", {user("Hm?"), calls("[" + weather + "]"), result("c1", "sunny")}, with({"sunny"})},
      {"two",
       {user("Hm?"), calls("[" + weather + "," + none + "]"), result("c1", "sunny"), result("c2", "noon")},
       with({"sunny", "noon", "no_parameters"})},
      {"swapped",
       {user("Hm?"), calls("[" + weather + "," + none + "]"), result("c2", "noon"), result("c1", "sunny")},
       with({"sunny", "noon"})},
      {"thought",
       {user("Hm?"), calls("[" + weather + "]", "", "I think."), result("c1", "sunny")},
       with({"sunny"})},
      {"text beside",
       {user("Hm?"), calls("[" + weather + "]", "I look."), result("c1", "sunny")},
       with({"I look.", "sunny"})},
      {"a long id",
       {user("Hm?"),
        calls("[" + call("call_0123456789abcdefghijklmnopqrstuvwxyz", "get_weather", R"({"city": "Paris"})") +
              "]"),
        result("call_0123456789abcdefghijklmnopqrstuvwxyz", "sunny")},
       with({"sunny"})},
      {"a result without a call", {user("Hm?"), result("c9", "sunny")}, {"Hm?", "sunny"}},
      {"a call without a result", {user("Hm?"), calls("[" + weather + "]"), user("Well?")}, with({"Well?"})},
      {"a user behind a result",
       {user("Hm?"), calls("[" + weather + "]"), result("c1", "sunny"), user("Well?")},
       with({"sunny", "Well?"})},
      {"arguments that are no JSON",
       {user("Hm?"), calls("[" + call("c1", "get_weather", "{\"city") + "]"), result("c1", "sunny")},
       {"Hm?", "sunny"}},
      {"no arguments",
       {user("Hm?"), calls("[" + call("c1", "no_parameters", "") + "]"), result("c1", "")},
       {"Hm?", "no_parameters"}},
      {"two rounds",
       {user("Hm?"), calls("[" + weather + "]"), result("c1", "sunny"), calls("[" + none + "]"),
        result("c2", "noon")},
       with({"sunny", "noon"})}};
}

TEST(RealTemplates, RenderFunctionsCallsAndResults) {
  FERRUM_NEEDS_SHARED("templates");
  const test::TemporaryFolder folder;
  const std::filesystem::path answers = folder.write("answers.jsonl", "\"?\"\n");
  int templates = 0;
  for (const auto& entry : std::filesystem::directory_iterator(test::shared("templates"))) {
    if (entry.path().extension() != ".jinja") continue;
    ++templates;
    SCOPED_TRACE(entry.path().filename());
    const auto engine =
        Engine::load({.replay = {.answers = answers, .chat_template = entry.path()}, .threads = 1});
    for (const char* tools : {"", kTools})
      for (const Conversation& conversation : conversations()) {
        SCOPED_TRACE(conversation.name);
        ChatPrompt chat = {.messages = conversation.messages, .template_options = {}};
        chat.tools.functions = tools;
        std::string prompt;
        ASSERT_NO_THROW(prompt = engine->text_of(engine->tokens_of(chat)));
        for (const std::string& part : conversation.shown) EXPECT_CONTAINS(prompt, part);
        if (*tools == '\0') continue;
        for (const char* name : {"get_weather", "no_parameters", "no_properties"})
          EXPECT_CONTAINS(prompt, name);
      }
  }
  EXPECT_GT(templates, 15);
}

}  // namespace
}  // namespace ferrum
