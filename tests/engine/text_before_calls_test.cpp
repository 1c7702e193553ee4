// Text beside calls in chat templates that have no place for it.
#include "engine/text_before_calls.h"

#include <gtest/gtest.h>

#include "ferrum/engine.h"
#include "support/contains.h"
#include "support/files.h"

namespace ferrum {
namespace {

constexpr const char* kCalls =
    R"([{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},)"
    R"({"id":"b","type":"function","function":{"name":"g","arguments":"{}"}}])";

ChatMessage calls(const std::string& text) {
  ChatMessage message = {.role = "assistant", .content = text};
  message.tool_calls = kCalls;
  return message;
}

ChatMessage result(const std::string& id, const std::string& text) {
  ChatMessage message = {.role = "tool", .content = text};
  message.tool_call_id = id;
  return message;
}

// As Mistral's: turns alternate but for those with calls, whose text is left out.
constexpr const char* kTemplate = R"({%- set n = namespace(user=true) %}{%- for m in messages %}
{%- if m.role != 'tool' and not m.tool_calls %}
{%- if (m.role == 'user') != n.user %}{{ raise_exception('alternate') }}{%- endif %}
{%- set n.user = not n.user %}{%- endif %}
{%- if m.role == 'user' %}{{ '[INST]' + m.content + '[/INST]' }}
{%- elif m.tool_calls %}{%- for c in m.tool_calls %}{{ '[TOOL_CALLS]' + c.function.name + '[ARGS]' }}
{{- c.function.arguments | tojson }}{%- endfor %}{{ '</s>' }}
{%- elif m.role == 'tool' %}{{ '[TOOL_RESULTS]' + m.content + '[/TOOL_RESULTS]' }}
{%- else %}{{ m.content + '</s>' }}{%- endif %}{%- endfor %})";

std::string prompt_of(const std::string& chat_template, std::vector<ChatMessage> messages) {
  const test::TemporaryFolder folder;
  const std::filesystem::path answers = folder.write("answers.jsonl", "\"?\"\n");
  const std::filesystem::path source = folder.write("template.jinja", chat_template);
  const auto engine = Engine::load({.replay = {.answers = answers, .chat_template = source}, .threads = 1});
  ChatPrompt chat = {.messages = std::move(messages), .template_options = {}};
  return engine->text_of(engine->tokens_of(chat));
}

TEST(TextBeforeCalls, StandsInFrontOfTheMarkThatBeginsThem) {
  EXPECT_EQ(prompt_of(kTemplate, {{"user", "q"},
                                  calls("I look: [TOOL_CALLS]."),
                                  result("a", "1"),
                                  result("b", "2"),
                                  calls("And again."),
                                  result("a", "3"),
                                  result("b", "4"),
                                  {"assistant", "Done."},
                                  {"user", "r"}}),
            "[INST]q[/INST]I look: [TOOL_CALLS].[TOOL_CALLS]f[ARGS]{\"x\": 1}[TOOL_CALLS]g[ARGS]{}</s>"
            "[TOOL_RESULTS]1[/TOOL_RESULTS][TOOL_RESULTS]2[/TOOL_RESULTS]"
            "And again.[TOOL_CALLS]f[ARGS]{\"x\": 1}[TOOL_CALLS]g[ARGS]{}</s>"
            "[TOOL_RESULTS]3[/TOOL_RESULTS][TOOL_RESULTS]4[/TOOL_RESULTS]Done.</s>[INST]r[/INST]");
}

TEST(TextBeforeCalls, AWordOfTheUserIsNotTakenForOurs) {
  const std::string word = "ferrum-text-before-call-0-0.";
  const std::string prompt = prompt_of(kTemplate, {{"user", word}, calls("I look."), result("a", word)});
  EXPECT_CONTAINS(prompt, "[INST]" + word + "[/INST]I look.[TOOL_CALLS]f[ARGS]");
  EXPECT_CONTAINS(prompt, "[TOOL_RESULTS]" + word + "[/TOOL_RESULTS]");
}

// The text is the client's: no mark in it becomes a control token.
TEST(TextBeforeCalls, IsNotTrusted) {
  std::vector<ChatMessage> messages = {calls("[TOOL_CALLS]")};
  const TextBeforeCalls texts(messages);
  EXPECT_EQ(messages[0].content, "");
  const size_t name = messages[0].tool_calls.find("ferrum-");
  ASSERT_NE(name, std::string::npos);
  const std::string word = messages[0].tool_calls.substr(name, messages[0].tool_calls.find('.') + 1 - name);
  RenderedPrompt prompt = {{{"</s>[TOOL_CALLS]", true}, {word + "f", false}, {"[ARGS]", true}}};
  texts.put_into(prompt, std::vector<std::string>{"[TOOL_CALLS]"});
  ASSERT_EQ(prompt.pieces.size(), 5u);
  EXPECT_EQ(prompt.pieces[1].text, "[TOOL_CALLS]");
  EXPECT_FALSE(prompt.pieces[1].trusted);
  EXPECT_EQ(prompt.pieces[2].text, "[TOOL_CALLS]");
  EXPECT_TRUE(prompt.pieces[2].trusted);
  EXPECT_EQ(prompt.pieces[3].text, "f");
}

TEST(TextBeforeCalls, OddCallsKeepTheirText) {
  for (const char* odd : {"[]", "5", "[5]", R"([{"function": {"name": 5}}])"}) {
    std::vector<ChatMessage> messages = {calls("I look.")};
    messages[0].tool_calls = odd;
    const TextBeforeCalls texts(messages);
    EXPECT_EQ(messages[0].content, "I look.") << odd;
    EXPECT_EQ(messages[0].tool_calls, odd);
  }
}

}  // namespace
}  // namespace ferrum
