// Tools in requests, as the engine gets them: the same in all three APIs, whatever shape a client gives them.
#include <gtest/gtest.h>

#include "server/served.h"
#include "support/contains.h"

namespace ferrum {
namespace {

using nlohmann::json;
using test::Client;
using test::Reply;
using test::Served;
using Choice = ToolUse::Choice;

const std::string kChat = "/v1/chat/completions";
const std::string kMessages = "/v1/messages";
const std::string kResponses = "/v1/responses";

json body_of(const std::string& path, const json& more) {
  json body = {{"model", "fake"}};
  if (path == kResponses)
    body["input"] = "hi";
  else
    body["messages"] = {{{"role", "user"}, {"content", "hi"}}};
  if (path == kMessages) body["max_tokens"] = 9;
  body.update(more);
  return body;
}

// A function in the shape of each API.
json tool(const std::string& path, const std::string& name,
          const json& schema = {{"type", "object"}, {"properties", {{"city", {{"type", "string"}}}}}}) {
  if (path == kMessages) return {{"name", name}, {"description", "d"}, {"input_schema", schema}};
  json function = {{"name", name}, {"description", "d"}, {"parameters", schema}, {"strict", true}};
  if (path == kChat) return {{"type", "function"}, {"function", function}};
  function["type"] = "function";
  return function;
}

class ToolRequests : public testing::Test {
 protected:
  ToolRequests() { served_.engine->set_context(1 << 22); }

  Request asked_text(const std::string& path, const std::string& body) {
    const size_t before = served_.engine->asked();
    const Reply reply = client_.post(path, body);
    EXPECT_EQ(reply.status, 200) << reply.body.substr(0, 500);
    ignored_ = reply.headers.contains("x-ferrum-ignored") ? reply.headers.at("x-ferrum-ignored") : "";
    if (reply.status != 200) return {};
    return served_.engine->answer(before)->request;
  }
  ToolUse asked(const std::string& path, const json& more) {
    const Request request = asked_text(path, body_of(path, more).dump());
    EXPECT_EQ(request.answer_as, Request::AnswerAs::kParts);
    const auto* const chat = std::get_if<ChatPrompt>(&request.prompt);
    return chat ? chat->tools : ToolUse{};
  }
  void expect_refused(const std::string& path, const json& more, const std::string& words) {
    const Reply reply = client_.post(path, body_of(path, more).dump());
    EXPECT_EQ(reply.status, 400) << reply.body;
    EXPECT_CONTAINS(reply.error(), words);
    if (path != kMessages) {
      EXPECT_TRUE(reply.json()["error"]["param"].is_string()) << reply.body;
    }
  }
  static std::vector<std::string> names(const ToolUse& use) {
    std::vector<std::string> all;
    for (const json& entry : json::parse(use.functions)) all.push_back(entry["function"]["name"]);
    return all;
  }

  Served served_;
  Client client_ = served_.client();
  std::string ignored_;
};

using Names = std::vector<std::string>;

TEST_F(ToolRequests, FunctionsAreTheSameInAllApis) {
  for (const std::string& path : {kChat, kResponses, kMessages}) {
    SCOPED_TRACE(path);
    const ToolUse use = asked(path, {{"tools", {tool(path, "f"), tool(path, "g")}}});
    EXPECT_EQ(names(use), (Names{"f", "g"}));
    EXPECT_EQ(json::parse(use.functions)[0],
              json::parse(R"({"type":"function","function":{"name":"f","description":"d","parameters":
                             {"type":"object","properties":{"city":{"type":"string"}}}}})"));
    EXPECT_EQ(use.choice, Choice::kAuto);
    EXPECT_TRUE(use.parallel);
    EXPECT_EQ(asked(path, json::object()).functions, "");
    EXPECT_EQ(asked(path, {{"tools", json::array()}}).functions, "");
  }
}

TEST_F(ToolRequests, SchemasKeepTheirOrderAndTheirDigits) {
  const std::string schema =
      R"({ "type":"object", "properties":{"z":{"maximum":123456789012345678901234567890,"minimum":0.10},)"
      R"("a":{"type":"string"}} })";
  const auto functions = [&](const std::string& path, const std::string& tools) {
    std::string body = body_of(path, json::object()).dump();
    body.back() = ',';
    const Request request = asked_text(path, body + R"("tools":[)" + tools + "]}");
    return std::get<ChatPrompt>(request.prompt).tools.functions;
  };
  EXPECT_CONTAINS(
      functions(kChat, R"({"type":"function","function":{"name":"f","parameters":)" + schema + "}}"), schema);
  EXPECT_CONTAINS(functions(kResponses, R"({"type":"function","name":"f","parameters":)" + schema + "}"),
                  schema);
  EXPECT_CONTAINS(functions(kMessages, R"({"name":"f","\u0069nput_schema":)" + schema + "}"), schema);
}

TEST_F(ToolRequests, AChoiceIsAWordOrATool) {
  const json two = {tool(kChat, "f"), tool(kChat, "g")};
  const auto chosen = [&](const json& choice) {
    return asked(kChat, {{"tools", two}, {"tool_choice", choice}});
  };
  EXPECT_EQ(chosen("none").choice, Choice::kNone);
  EXPECT_EQ(names(chosen("none")), (Names{"f", "g"})) << "the model sees them";
  EXPECT_EQ(chosen("auto").choice, Choice::kAuto);
  EXPECT_EQ(chosen("required").choice, Choice::kRequired);
  const ToolUse only = chosen({{"type", "function"}, {"function", {{"name", "g"}}}});
  EXPECT_EQ(only.choice, Choice::kRequired);
  EXPECT_EQ(only.only, "g");
  const ToolUse allowed =
      chosen({{"type", "allowed_tools"},
              {"allowed_tools",
               {{"mode", "required"}, {"tools", {{{"type", "function"}, {"function", {{"name", "g"}}}}}}}}});
  EXPECT_EQ(allowed.choice, Choice::kRequired);
  EXPECT_EQ(names(allowed), (Names{"g"}));
  expect_refused(kChat, {{"tools", two}, {"tool_choice", "perhaps"}}, "tool_choice must be none, auto");
  expect_refused(kChat,
                 {{"tools", two}, {"tool_choice", {{"type", "function"}, {"function", {{"name", "h"}}}}}},
                 "tool_choice: there is no tool 'h'");
  expect_refused(kChat, {{"tool_choice", "required"}}, "tool_choice: there is no tool to call");
  EXPECT_FALSE(asked(kChat, {{"tools", two}, {"parallel_tool_calls", false}}).parallel);
}

TEST_F(ToolRequests, ChoicesOfResponses) {
  const json two = {tool(kResponses, "f"), tool(kResponses, "g")};
  const auto chosen = [&](const json& choice) {
    return asked(kResponses, {{"tools", two}, {"tool_choice", choice}});
  };
  EXPECT_EQ(chosen("required").choice, Choice::kRequired);
  EXPECT_EQ(chosen({{"type", "function"}, {"name", "g"}}).only, "g");
  EXPECT_EQ(
      names(chosen(
          {{"type", "allowed_tools"}, {"mode", "auto"}, {"tools", {{{"type", "function"}, {"name", "f"}}}}})),
      (Names{"f"}));
  expect_refused(kResponses, {{"tools", two}, {"tool_choice", {{"type", "web_search"}}}},
                 "tool_choice.type: only tools of the types function and custom");
}

TEST_F(ToolRequests, ChoicesOfMessages) {
  const json two = {tool(kMessages, "f"), tool(kMessages, "g")};
  const auto chosen = [&](const json& choice) {
    return asked(kMessages, {{"tools", two}, {"tool_choice", choice}});
  };
  EXPECT_EQ(chosen({{"type", "any"}}).choice, Choice::kRequired);
  EXPECT_EQ(chosen({{"type", "none"}}).choice, Choice::kNone);
  EXPECT_EQ(chosen({{"type", "tool"}, {"name", "f"}}).only, "f");
  EXPECT_FALSE(chosen({{"type", "auto"}, {"disable_parallel_tool_use", true}}).parallel);
  expect_refused(kMessages, {{"tools", two}, {"tool_choice", {{"type", "some"}}}}, "tool_choice.type");
  expect_refused(kMessages, {{"tools", two}, {"tool_choice", {{"type", "tool"}, {"name", "h"}}}},
                 "there is no tool 'h'");
}

TEST_F(ToolRequests, FunctionsOfOlderClients) {
  const json functions = {{{"name", "f"}, {"parameters", json::object()}}, {{"name", "g"}}};
  const ToolUse use = asked(kChat, {{"functions", functions}, {"function_call", {{"name", "g"}}}});
  EXPECT_EQ(names(use), (Names{"f", "g"}));
  EXPECT_EQ(use.only, "g");
  EXPECT_FALSE(use.parallel) << "an answer has one function_call";
  EXPECT_EQ(asked(kChat, {{"functions", functions}, {"function_call", "none"}}).choice, Choice::kNone);
  expect_refused(kChat, {{"functions", functions}, {"tools", {tool(kChat, "h")}}}, "functions");
}

TEST_F(ToolRequests, N9_ToolsThatAServerRunsAreLeftOutAndNamed) {
  EXPECT_EQ(names(asked(kResponses, {{"tools",
                                      {{{"type", "web_search"}, {"external_web_access", false}},
                                       tool(kResponses, "f"),
                                       {{"type", "local_shell"}},
                                       {{"type", "mcp"}, {"server_label", "x"}}}}})),
            (Names{"f"}));
  EXPECT_EQ(ignored_, "tools[0].type, tools[2].type, tools[3].type");
  EXPECT_EQ(names(asked(kMessages, {{"tools",
                                     {{{"type", "bash_20250124"}, {"name", "bash"}},
                                      tool(kMessages, "f"),
                                      {{"type", "web_search_20250305"}, {"name", "web_search"}}}}})),
            (Names{"f"}));
  EXPECT_EQ(ignored_, "tools[0].type, tools[2].type");
  EXPECT_EQ(asked(kChat, {{"tools", {{{"type", "web_search"}}}}}).functions, "");
}

TEST_F(ToolRequests, NameSpacesArePartOfAFunctionsName) {
  const json space = {{"type", "namespace"},
                      {"name", "agents"},
                      {"description", "d"},
                      {"tools", {tool(kResponses, "open"), tool(kResponses, "close")}}};
  const json server = {{"type", "namespace"}, {"name", "mcp__x__"}, {"tools", {tool(kResponses, "open")}}};
  const json tools = {tool(kResponses, "open"), space, server};
  EXPECT_EQ(names(asked(kResponses, {{"tools", tools}})),
            (Names{"open", "agents__open", "agents__close", "mcp__x__open"}));
  EXPECT_EQ(
      asked(kResponses, {{"tools", tools},
                         {"tool_choice", {{"type", "function"}, {"namespace", "agents"}, {"name", "open"}}}})
          .only,
      "agents__open");
}

TEST_F(ToolRequests, ATextIsAFunctionWithOneArgument) {
  const auto parameters = [](const ToolUse& use) {
    return json::parse(use.functions)[0]["function"]["parameters"];
  };
  const json plain = {{"type", "custom"}, {"name", "patch"}, {"format", {{"type", "text"}}}};
  EXPECT_EQ(parameters(asked(kResponses, {{"tools", {plain}}})),
            json::parse(R"({"type":"object","properties":{"input":{"type":"string"}},"required":["input"],
                            "additionalProperties":false})"));
  const json in_chat = {
      {"type", "custom"},
      {"custom",
       {{"name", "patch"},
        {"format", {{"type", "grammar"}, {"grammar", {{"syntax", "regex"}, {"definition", "a|b"}}}}}}}};
  EXPECT_EQ(parameters(asked(kChat, {{"tools", {in_chat}}}))["properties"]["input"],
            json({{"type", "string"}, {"pattern", "^(?:a|b)$"}}));
  const auto lark = [](const std::string& definition) {
    return json{{"type", "custom"},
                {"name", "patch"},
                {"format", {{"type", "grammar"}, {"syntax", "lark"}, {"definition", definition}}}};
  };
  EXPECT_EQ(parameters(asked(kResponses, {{"tools", {lark("start: \"a\" | \"b\"")}}}))["properties"]["input"],
            json({{"type", "string"}, {"x-lark", "start: \"a\" | \"b\""}}));
}

TEST_F(ToolRequests, B47_OddToolsAreTakenOrNamed) {
  json many = json::array();
  for (int i = 0; i < 500; ++i) many.push_back(tool(kChat, "f" + std::to_string(i)));
  EXPECT_EQ(names(asked(kChat, {{"tools", many}})).size(), 500u);
  json nulls = tool(kChat, "f");
  nulls["function"]["description"] = nullptr;
  nulls["function"]["parameters"] = nullptr;
  EXPECT_EQ(json::parse(asked(kChat, {{"tools", {nulls}}}).functions)[0]["function"],
            json::parse(R"({"name":"f","parameters":{"type":"object","properties":{}}})"));
  for (const std::string& path : {kChat, kResponses, kMessages}) {
    expect_refused(path, {{"tools", {tool(path, "f"), tool(path, "f")}}}, "there are two tools 'f'");
    expect_refused(path, {{"tools", {tool(path, "")}}}, "name is missing");
    expect_refused(path, {{"tools", "f"}}, "tools must be an array");
    expect_refused(path, {{"tools", {"f"}}}, "tools[0] must be an object");
    expect_refused(path, {{"tools", {tool(path, "f", "any")}}}, "must be an object");
  }
}

TEST_F(ToolRequests, ArgumentsAreAnObject) {
  for (const std::string& path : {kChat, kMessages, kResponses}) {
    const char* field = path == kChat       ? "tools[0].function.parameters"
                        : path == kMessages ? "tools[0].input_schema"
                                            : "tools[0].parameters";
    for (const json& type : {json("array"), json("string"), json::array({"string", "null"})})
      expect_refused(path, {{"tools", {tool(path, "f", {{"type", type}})}}}, field);
    for (const json& type : {json("object"), json::array({"object", "null"}), json(nullptr)})
      EXPECT_NE(asked(path, {{"tools", {tool(path, "f", {{"type", type}})}}}).functions, "");
  }
}

TEST_F(ToolRequests, N8_TextsOfToolsGoThroughAsTheyAre) {
  const std::string odd = "\"}]{{ x }}{% for %}<tool_call>\\ \n\u2028root ::= \"" + std::string(100'000, '[');
  for (const std::string& path : {kChat, kResponses, kMessages}) {
    json one = tool(path, odd, {{"type", "object"}, {"description", odd}});
    (path == kChat ? one["function"] : one)["description"] = odd;
    const json function = json::parse(asked(path, {{"tools", {one}}}).functions)[0]["function"];
    EXPECT_EQ(function["name"], odd);
    EXPECT_EQ(function["description"], odd);
    EXPECT_EQ(function["parameters"]["description"], odd);
  }
}

TEST_F(ToolRequests, ToolsCountAndAreRendered) {
  const auto count = [&](const std::string& path, const json& more, const char* member) {
    json body = body_of(path == "/apply-template" || path == "/tokenize" ? kChat : path, more);
    if (path.starts_with(kMessages)) body["messages"] = {{{"role", "user"}, {"content", "hi"}}};
    if (path.starts_with(kResponses)) body = json{{"model", "fake"}, {"input", "hi"}};
    body.update(more);
    body.erase("max_tokens");
    const Reply reply = client_.post(path, body.dump());
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply.json()[member].is_string() ? reply.json()[member].get<std::string>().size()
                                            : reply.json()[member].get<size_t>();
  };
  for (const auto& [path, member, shape] :
       {std::tuple(kMessages + "/count_tokens", "input_tokens", kMessages),
        std::tuple(kResponses + "/input_tokens", "input_tokens", kResponses),
        std::tuple(std::string("/tokenize"), "count", kChat),
        std::tuple(std::string("/apply-template"), "prompt", kChat)}) {
    SCOPED_TRACE(path);
    EXPECT_GT(count(path, {{"tools", {tool(shape, "weather")}}}, member),
              count(path, json::object(), member) + 50);
  }
}

TEST_F(ToolRequests, ATextHasNoPlaceForTools) {
  const Reply reply = client_.post(
      "/v1/completions", json{{"model", "fake"}, {"prompt", "x"}, {"tools", {tool(kChat, "f")}}}.dump());
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.json()["error"]["param"], "tools");
}

}  // namespace
}  // namespace ferrum
