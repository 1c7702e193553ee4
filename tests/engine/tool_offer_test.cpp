// Functions in the forms in which chat templates read them.
#include "engine/tool_offer.h"

#include <gtest/gtest.h>

#include <ctime>

#include "ferrum/engine.h"
#include "support/contains.h"
#include "support/files.h"

namespace ferrum {
namespace {

const std::string kTools =
    R"([{"type":"function","function":{"name":"look","description":"Looks.","parameters":{"type":"object"}}}])";
const std::string kMessages = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}";

// A model with this template.
class Model {
 public:
  explicit Model(const std::string& source) {
    EngineOptions options;
    options.replay.answers = folder_.write("answers.jsonl", "\"?\"\n");
    options.replay.chat_template = folder_.write("template.jinja", source);
    options.threads = 1;
    engine_ = Engine::load(options);
  }
  std::string prompt(const std::string& tools, std::vector<ChatMessage> messages = {{"user", "Hi"}},
                     const std::string& options = "") const {
    return engine_->text_of(engine_->tokens_of(ChatPrompt{
        .messages = std::move(messages), .template_options = options, .tools = {.functions = tools}}));
  }

 private:
  test::TemporaryFolder folder_;
  std::unique_ptr<Engine> engine_;
};

std::string today() {
  const std::time_t now = std::time(nullptr);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d", std::localtime(&now))};
}

TEST(ToolOffer, TheVariableToolsAsOpenAiHasIt) {
  const Model model("{% if tools %}{{ tools | tojson }}{% endif %}" + kMessages);
  EXPECT_EQ(model.prompt(""), "<|user|>Hi");
  EXPECT_CONTAINS(model.prompt(kTools), R"([{"type": "function", "function": {"name": "look",)");
}

// FireFunction's template: neither variable may be undefined, and both are joined to text.
TEST(ToolOffer, FunctionsAsTextAndTheDay) {
  const Model model("functools {{ '' + functions }} today {{ '' + datetime }}" + kMessages);
  const std::string before = today();
  const std::string without = model.prompt("");
  if (today() == before) {
    EXPECT_EQ(without, "functools [] today " + before + "<|user|>Hi");
  }
  EXPECT_CONTAINS(model.prompt(kTools),
                  "functools [\n    {\n        \"name\": \"look\",\n        \"description\": \"Looks.\"");
  EXPECT_CONTAINS(model.prompt(kTools, {{"user", "Hi"}}, R"({"datetime": "never"})"), "today never");
}

TEST(ToolOffer, FunctionsAsAnArray) {
  const Model demanded("{% for f in functions %}[{{ f.name }}]{% endfor %}{{ functions | length }}" +
                       kMessages);
  EXPECT_EQ(demanded.prompt(""), "0<|user|>Hi");
  EXPECT_EQ(demanded.prompt(kTools), "[look]1<|user|>Hi");
  const Model optional(
      "{% if functions is defined %}{% for f in functions %}[{{ f.name }}]{% endfor %}{% endif %}" +
      kMessages);
  EXPECT_EQ(optional.prompt(""), "<|user|>Hi");
  EXPECT_EQ(optional.prompt(kTools), "[look]<|user|>Hi");
}

// Phi-4-mini's template.
TEST(ToolOffer, AMemberOfTheSystemMessage) {
  const Model model(
      "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% if m.role == 'system' and 'tools' in m %}"
      "<|tool|>{{ m.tools }}<|/tool|>{% endif %}{% endfor %}");
  const std::string shown =
      R"(<|tool|>[{"name":"look","description":"Looks.","parameters":{"type":"object","properties":{}}}]<|/tool|>)";
  EXPECT_EQ(model.prompt(""), "<|user|>Hi");
  EXPECT_EQ(model.prompt(kTools), "<|system|>" + shown + "<|user|>Hi");
  EXPECT_EQ(model.prompt(kTools, {{"system", "Be brief."}, {"user", "Hi"}}),
            "<|system|>Be brief." + shown + "<|user|>Hi");
}

// As templates for one use, which transformers never renders without tools.
TEST(ToolOffer, AnEmptyListWhereTheTemplateDemandsOne) {
  const Model model("{% for t in tools %}[{{ t.function.name }}]{% endfor %}{{ tools | length }}" +
                    kMessages);
  EXPECT_EQ(model.prompt(""), "0<|user|>Hi");
  EXPECT_EQ(model.prompt(kTools), "[look]1<|user|>Hi");
}

// Hermes' and Command R's templates write schemas as types of Python: some valid ones they cannot.
TEST(ToolOffer, SchemasThatATemplateRefusesBecomePlainer) {
  const Model model(
      "{% macro type(s) %}{% if s.type in ['string', 'integer', 'object'] %}{{ s.type }}{% elif s.type == "
      "'array' %}"
      "list[{{ type(s['items']) }}]{% else %}{{ raise_exception('no type') }}{% endif %}{% endmacro %}"
      "{% for t in tools %}{{ t.function.name }}({% for n, s in t.function.parameters.properties.items() %}"
      "{{ n }}: {{ type(s) }}; {% endfor %}){% endfor %}" +
      kMessages);
  const std::string tools =
      R"([{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{
    "a":{"type":["null","integer"]},"b":{"enum":["x"]},"c":{"anyOf":[{"type":"null"},{"type":"array"}]},
    "d":{"properties":{}},"e":{"type":"null"}}}}},{"type":"function","function":{"name":"g"}}])";
  EXPECT_EQ(model.prompt(tools),
            "f(a: integer; b: string; c: list[string]; d: object; e: string; )g()<|user|>Hi");
}

TEST(ToolOffer, FunctionsThatATemplateRefusesAltogetherAreToldOf) {
  const Model model(
      "{% for t in tools %}{{ raise_exception('no') if t.function.name == 'odd' }}{{ t.function.name }}{% "
      "endfor %}" +
      kMessages);
  const std::string prompt = model.prompt(R"([{"type":"function","function":{"name":"odd"}}])");
  EXPECT_CONTAINS(prompt, "<|system|>You may call functions");
  EXPECT_CONTAINS(prompt, "\"name\":\"odd\"");
}

// DeepSeek R1's distilled models: a message with calls must have no content.
TEST(ToolOffer, TextBesideCallsIsNotLost) {
  const Model model(
      "{{ tools }}{% for m in messages %}{% if m.tool_calls is defined and m.content is none %}<|call|>"
      "{% for c in m.tool_calls %}{{ c.function.name }}{{ c.function.arguments }}{% endfor %}"
      "{% else %}<|{{ m.role }}|>{{ m.content }}{% endif %}{% endfor %}");
  ChatMessage call = {.role = "assistant", .content = "I look."};
  call.tool_calls = R"([{"id":"c","type":"function","function":{"name":"look","arguments":"{\"a\":1}"}}])";
  EXPECT_CONTAINS(
      model.prompt("", {{"user", "Hi"}, call, {.role = "tool", .content = "5", .tool_call_id = "c"}}),
      "<|user|>Hi<|assistant|>I look.<|call|>look{\"a\":1}<|tool|>5");
}

// A template may speak of tools and yet show none.
TEST(ToolOffer, TheSystemMessageSaysItWhereTheTemplateDoesNot) {
  const Model model("{# tools #}" + kMessages + "{% if m is defined %}<tool_call>{% endif %}");
  const std::string prompt = model.prompt(kTools);
  EXPECT_CONTAINS(prompt, "<|system|>You may call functions");
  EXPECT_CONTAINS(prompt,
                  R"({"name":"look","description":"Looks.","parameters":{"type":"object","properties":{}}})");
}

// Of a template that shows neither functions nor calls, in the format that its answers are read in.
TEST(ToolOffer, CallsAreTextInTheFormatsSpelling) {
  const Model model(kMessages + "{# functools #}");
  ChatMessage call = {.role = "assistant", .content = ""};
  call.tool_calls = R"([{"id":"c","type":"function","function":{"name":"look","arguments":"{\"a\":1}"}}])";
  const std::string prompt =
      model.prompt(kTools, {{"user", "Hi"}, call, {.role = "tool", .content = "5", .tool_call_id = "c"}});
  EXPECT_CONTAINS(prompt, R"(<|assistant|>functools[{"name": "look", "arguments": {"a":1}}])");
  EXPECT_CONTAINS(prompt, "<tool_response>\n5\n</tool_response>");
  EXPECT_CONTAINS(prompt, "and nothing else:\nfunctools[{\"name\": ");
}

}  // namespace
}  // namespace ferrum
