// Conversations that chat templates refuse without changes.
#include "engine/turn_rules.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "support/paths.h"
#include "text/chat_context.h"
#include "text/chat_template.h"

namespace ferrum {
namespace {

using Turns = std::vector<ChatMessage>;

// "role:content" of each, one after the other.
std::string text_of(const Turns& turns) {
  std::string text;
  for (const ChatMessage& turn : turns) text += (text.empty() ? "" : "|") + turn.role + ":" + turn.content;
  return text;
}

std::string rendered(const ChatTemplate& chat_template, const Turns& turns, const CallForm& form = {}) {
  ChatContext context;
  context.set_special_tokens(
      {.bos = "<s>", .eos = "</s>", .unk = {}, .sep = {}, .pad = {}, .cls = {}, .mask = {}});
  for (const ChatMessage& turn : turns) context.add_message(template_message(turn, form));
  return chat_template.render(context.json()).text();
}

TurnRules rules_of(const ChatTemplate& chat_template) {
  return turn_rules_of(
      [&](const Turns& turns, const CallForm& form) { return rendered(chat_template, turns, form); },
      chat_template.source());
}

const std::string kLoop = "{% for m in messages %}{{ m.role }}:{{ m.content }};{% endfor %}";
const std::string kFirstOnly =
    "{% for m in messages %}{% if m.role == 'system' and not loop.first %}{{ raise_exception('late') }}"
    "{% endif %}{{ m.role }}:{{ m.content }};{% endfor %}";
const std::string kNoSystemAlternating =
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('alternate') }}{% endif %}{{ m.role }}:{{ m.content }};{% endfor %}";
const std::string kLastSystemCounts =
    "{% set ns = namespace(s='') %}{% for m in messages %}{% if m.role == 'system' %}{% set ns.s = m.content "
    "%}"
    "{% endif %}{% endfor %}{{ ns.s }}{% for m in messages %}{% if m.role != 'system' %}{{ m.content }};"
    "{% endif %}{% endfor %}";

const Turns kMany = {{"system", "a"},    {"developer", "b"}, {"user", "c"}, {"system", "d"},
                     {"assistant", "e"}, {"system", "f"},    {"user", "g"}, {"user", "h"}};

std::string fitted(const std::string& source, const Turns& turns) {
  return text_of(fit_turns(turns, rules_of(ChatTemplate(source))));
}

TEST(TurnRulesFaults, N9_SeveralAndLateSystemTurnsGoWhereTheTemplateTakesThem) {
  EXPECT_EQ(fitted(kLoop, kMany), "system:a|system:b|user:c|system:d|assistant:e|system:f|user:g|user:h");
  EXPECT_EQ(fitted(kFirstOnly, kMany), "system:a\n\nb|user:c\n\nd|assistant:e|user:f\n\ng|user:h");
  EXPECT_EQ(fitted(kNoSystemAlternating, kMany), "user:a\n\nb\n\nc\n\nd|assistant:e|user:f\n\ng\n\nh");
  EXPECT_EQ(fitted(kLastSystemCounts, kMany), "system:a\n\nb|user:c\n\nd|assistant:e|user:f\n\ng|user:h")
      << "a template that leaves one out without an error takes one";
}

TEST(TurnRulesFaults, N9_EmptyTurnsAddNothing) {
  EXPECT_EQ(fitted(kFirstOnly, {{"system", ""}, {"system", "a"}, {"user", "b"}, {"system", ""}}),
            "system:a|user:b");
  EXPECT_EQ(fitted(kNoSystemAlternating, {{"system", ""}, {"user", "b"}}), "user:b");
  EXPECT_EQ(fitted(kLoop, {}), "");
}

TEST(TurnRulesFaults, N9_ALateSystemTurnBetweenAnswersIsATurnOfTheUser) {
  EXPECT_EQ(fitted(kFirstOnly, {{"user", "a"}, {"assistant", "b"}, {"system", "c"}, {"assistant", "d"}}),
            "user:a|assistant:b|user:c|assistant:d");
  EXPECT_EQ(fitted(kFirstOnly, {{"user", "a"}, {"assistant", "b"}, {"system", "c"}}),
            "user:a|assistant:b|user:c");
}

TEST(TurnRulesFaults, N9_ResultsBeforeCallsAreTurnsOfTheUserWhereToolsHaveNoPlace) {
  EXPECT_EQ(fitted(kNoSystemAlternating, {{"tool", "a"}, {"user", "b"}}), "user:a\n\nb");
  EXPECT_EQ(fitted(kLoop, {{"tool", "a"}, {"user", "b"}}), "tool:a|user:b");
}

TEST(TurnRules, ADeveloperIsTheSystemUnlessTheTemplateKnowsOne) {
  const std::string knows = "{# developer #}" + kLoop;
  EXPECT_EQ(fitted(knows, {{"developer", "a"}, {"user", "b"}}), "developer:a|user:b");
  EXPECT_EQ(fitted(kLoop, {{"developer", "a"}, {"user", "b"}}), "system:a|user:b");
}

TEST(TurnRules, ATemplateThatRendersNothingGetsNoRules) {
  const TurnRules rules = rules_of(ChatTemplate("{{ raise_exception('no') }}"));
  EXPECT_EQ(text_of(fit_turns(kMany, rules)),
            "system:a|system:b|user:c|system:d|assistant:e|system:f|user:g|user:h");
}

TEST(TurnRules, TheBeginningOfAGrowingConversationStays) {
  Turns turns = {{"system", "a"}, {"user", "b"}, {"system", "c"}, {"assistant", "d"}};
  const TurnRules rules = rules_of(ChatTemplate(kFirstOnly));
  const std::string before = text_of(fit_turns(turns, rules));
  turns.push_back({"system", "e"});
  turns.push_back({"user", "f"});
  EXPECT_EQ(text_of(fit_turns(turns, rules)).substr(0, before.size()), before);
}

ChatMessage call(const std::string& arguments, const std::string& text = "") {
  ChatMessage message;
  message.role = "assistant";
  message.content = text;
  message.tool_calls = R"([{"id":"call_of_the_weather","type":"function","function":{"name":"weather",)"
                       R"("arguments":)" +
                       OrderedJson(arguments).dump() + "}}]";
  return message;
}

ChatMessage result(const std::string& text) {
  ChatMessage message;
  message.role = "tool";
  message.content = text;
  message.name = "weather";
  message.tool_call_id = "call_of_the_weather";
  return message;
}

// Templates that demand what others do not, each with what it makes of a call and its result.
TEST(TurnRules, CallsHaveTheFormThatTheTemplateDemands) {
  const std::string head = "{% for m in messages %}";
  const std::string tail =
      "{% if m.role != 'assistant' or not m.tool_calls %}{{ m.content }}{% endif %};{% endfor %}";
  const std::string calls = "{% for c in m.tool_calls or [] %}{{ c.function.name }} ";
  const Turns turns = {{"user", "q"}, call(R"({"b": 1, "a": "x"})"), result("r"), {"user", "e"}};
  const auto text_of_calls = [&](const std::string& source) {
    const ChatTemplate chat_template(source);
    const TurnRules rules = rules_of(chat_template);
    if (!rules.calls) return std::string("none");
    return rendered(chat_template, fit_turns(turns, rules), *rules.calls);
  };
  EXPECT_EQ(text_of_calls(head + calls + "{{ c.function.arguments | tojson }}{% endfor %}" + tail),
            R"(q;weather {"b": 1, "a": "x"};r;e;)");
  EXPECT_EQ(text_of_calls(head + calls + "{{ 'a: ' + c.function.arguments }}{% endfor %}" + tail),
            R"(q;weather a: {"b": 1, "a": "x"};r;e;)")
      << "text, where objects cannot be joined to text";
  EXPECT_EQ(text_of_calls(head + calls + "{{ c.function.arguments }}{% endfor %}" + tail),
            R"(q;weather {"b": 1, "a": "x"};r;e;)")
      << "text, where an object would be printed as in Python";
  EXPECT_EQ(text_of_calls(head + "{% if m.content is none %}" + calls +
                          "{{ c.function.arguments | tojson }}{% endfor %}{% endif %}" + tail),
            R"(q;weather {"b": 1, "a": "x"};r;e;)");
  const std::string nine =
      text_of_calls(head + calls +
                    "{% if c.id | length != 9 %}{{ raise_exception('nine') }}{% endif %}{{ c.id }} {{ "
                    "c.function.arguments | "
                    "tojson }}{% endfor %}{% if m.tool_call_id %}{{ m.tool_call_id }} {% endif %}" +
                    tail);
  ASSERT_EQ(nine.size(), std::string(R"(q;weather 123456789 {"b": 1, "a": "x"};123456789 r;e;)").size())
      << nine;
  EXPECT_EQ(nine.substr(10, 9), nine.substr(nine.size() - 14, 9)) << "call and result keep one id";
  EXPECT_EQ(text_of_calls(kLoop), "none") << "a template that leaves calls out has no place for them";
  EXPECT_EQ(text_of_calls(kNoSystemAlternating), "none");
}

// What the template makes of a call, in the form that its rules say.
std::string with_arguments(const ChatTemplate& chat_template, const std::string& arguments) {
  const TurnRules rules = rules_of(chat_template);
  return rules.calls ? rendered(chat_template, {call(arguments)}, *rules.calls) : "takes no calls";
}

TEST(TurnRulesFaults, B39_ArgumentsThatAreNoObjectStayText) {
  const ChatTemplate chat_template(
      "{% for m in messages %}{% for c in m.tool_calls or [] %}{{ c.function.name }}"
      "{{ c.function.arguments if c.function.arguments is string else c.function.arguments | tojson }}"
      "{% endfor %}{{ m.content }};{% endfor %}");
  const auto text = [&](const std::string& arguments) { return with_arguments(chat_template, arguments); };
  EXPECT_EQ(text(R"({"city": "Par)"), R"(weather{"city": "Par;)");
  EXPECT_EQ(text("[1]"), "weather[1];");
  EXPECT_EQ(text(""), "weather{};");
  EXPECT_EQ(text(std::string(1000, '[')), "weather" + std::string(1000, '[') + ";");
}

// As GLM's, which goes over the members of an object.
TEST(TurnRulesFaults, B39_ArgumentsThatAreNoObjectAreOneWhereTheTemplateTakesNothingElse) {
  const ChatTemplate chat_template(
      "{% for m in messages %}{% for c in m.tool_calls or [] %}<tool_call>{{ c.function.name }}"
      "{% for k, v in c.function.arguments.items() %}<arg_key>{{ k }}</arg_key><arg_value>"
      "{{ v if v is string else v | tojson }}</arg_value>{% endfor %}</tool_call>{% endfor %}{{ m.content }};"
      "{% endfor %}");
  const auto text = [&](const std::string& arguments) { return with_arguments(chat_template, arguments); };
  const auto expected = [](const std::string& key, const std::string& value) {
    return "<tool_call>weather<arg_key>" + key + "</arg_key><arg_value>" + value +
           "</arg_value></tool_call>;";
  };
  EXPECT_EQ(text(R"({"city": "Paris"})"), expected("city", "Paris"));
  EXPECT_EQ(text("{'city': 'Paris'}"), expected("city", "Paris")) << "as Python writes objects";
  EXPECT_EQ(text(R"({"city": "Par)"), expected("arguments", R"({"city": "Par)"));
  EXPECT_EQ(text("[1]"), expected("arguments", "[1]"));
  EXPECT_EQ(text("Paris"), expected("arguments", "Paris"));
  EXPECT_EQ(text(" "), "<tool_call>weather</tool_call>;");
}

// As Command R7B's, whose plan stands with the calls, and whose text beside them is left out.
TEST(TurnRules, AThoughtStaysWithItsCallsWhereTheTemplateWritesItThere) {
  const ChatTemplate chat_template(
      "{% for m in messages %}{{ m.role }}:{% if m.tool_calls %}<{{ m.tool_plan }}>"
      "{% for c in m.tool_calls %}{{ c.function | tojson }}{% endfor %}{% else %}{{ m.content }}{% endif %};"
      "{% endfor %}");
  const TurnRules rules = rules_of(chat_template);
  ASSERT_TRUE(rules.calls);
  EXPECT_EQ(rules.text_beside_calls, TurnRules::TextBeside::kApart);
  ChatMessage message = call("{}", "I look.");
  message.reasoning = "Hm.";
  EXPECT_EQ(
      rendered(chat_template, fit_turns(Turns{{"user", "q"}, message, result("r")}, rules), *rules.calls),
      R"(user:q;assistant:I look.;assistant:<Hm.>{"name": "weather", "arguments": {}};tool:r;)");
}

TEST(TurnRules, TurnsWithCallsAreNotJoined) {
  const std::string source =
      "{% for m in messages %}{% if m.role in ['user', 'assistant'] and not m.tool_calls and not loop.first "
      "and "
      "messages[loop.index0 - 1].role == m.role %}{{ raise_exception('alternate') }}{% endif %}"
      "{% for c in m.tool_calls or [] %}{{ c | tojson }}{% endfor %}{{ m.content }};{% endfor %}";
  const TurnRules rules = rules_of(ChatTemplate(source));
  ASSERT_TRUE(rules.calls);
  EXPECT_FALSE(rules.repeats_speakers);
  const Turns turns = fit_turns(
      Turns{{"user", "a"}, {"user", "b"}, call("{}"), call("{}"), result("r"), result("s"), {"user", "c"}},
      rules);
  EXPECT_EQ(text_of(turns), "user:a\n\nb|assistant:|assistant:|tool:r|tool:s|user:c");
}

// As Mistral's templates, which count turns of the user and answers without calls.
const std::string kAlternatingWithCalls =
    "{% set ns = namespace(turns=0) %}{% for m in messages %}"
    "{% if m.role == 'user' or (m.role == 'assistant' and not m.tool_calls) %}"
    "{% if (m.role == 'user') != (ns.turns % 2 == 0) %}{{ raise_exception('alternate') }}{% endif %}"
    "{% set ns.turns = ns.turns + 1 %}{% endif %}"
    "{% for c in m.tool_calls or [] %}{{ c | tojson }}{% endfor %}{{ m.content }};{% endfor %}";

// Llama 3's templates raise an error for a second call, GigaChat's writes the first one alone.
TEST(TurnRules, SeveralCallsAreAMessageEachWhereTheTemplateWritesOne) {
  const std::string rest =
      "{{ m.tool_calls[0].function.arguments | tojson }}{% endif %}{{ m.content }};{% endfor %}";
  const std::string demands =
      "{% for m in messages %}{{ m.role }}:{% if m.tool_calls %}{% if m.tool_calls | length != 1 %}"
      "{{ raise_exception('one call') }}{% endif %}{{ m.tool_calls[0].function.name }}" +
      rest;
  const std::string drops =
      "{% for m in messages %}{{ m.role }}:{% if m.tool_calls %}{{ m.tool_calls[0].function.name }}" + rest;
  ChatMessage calls = {"assistant", "I look."};
  calls.tool_calls = R"([{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},)"
                     R"({"id":"b","type":"function","function":{"name":"f","arguments":"{\"x\":2}"}}])";
  ChatMessage first = {"tool", "one"}, second = {"tool", "two"}, stray = {"tool", "stray"};
  first.tool_call_id = "a";
  second.tool_call_id = "b";
  stray.tool_call_id = "c";
  for (const std::string& source : {demands, drops}) {
    const ChatTemplate chat_template(source);
    const TurnRules rules = rules_of(chat_template);
    ASSERT_TRUE(rules.calls);
    EXPECT_FALSE(rules.several_calls);
    EXPECT_EQ(
        rendered(chat_template,
                 fit_turns(Turns{{"user", "q"}, calls, second, first, stray, {"user", "r"}}, rules),
                 *rules.calls),
        "user:q;assistant:f{\"x\": 1}I look.;tool:one;assistant:f{\"x\": 2};tool:two;tool:stray;user:r;");
  }
  const ChatTemplate loops(
      "{% for m in messages %}{% for c in m.tool_calls or [] %}{{ c.function | tojson }}"
      "{% endfor %}{{ m.content }};{% endfor %}");
  EXPECT_TRUE(rules_of(loops).several_calls);
}

// As Hermes' and Llama's templates do; Mistral's demand turns that alternate as well.
TEST(TurnRules, TextBesideCallsIsKeptWhereTheTemplateLeavesItOut) {
  ChatMessage call = {"assistant", "I look."};
  call.tool_calls = R"([{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}])";
  const Turns turns = {{"user", "q"}, call, {"tool", "one"}, {"assistant", "a"}, {"user", "r"}};
  const ChatTemplate leaves_out(
      "{% for m in messages %}{{ m.role }}:{% if m.tool_calls %}{% for c in m.tool_calls %}{{ c.function | "
      "tojson }}"
      "{% endfor %}{% else %}{{ m.content }}{% endif %};{% endfor %}");
  const TurnRules rules = rules_of(leaves_out);
  EXPECT_EQ(rules.text_beside_calls, TurnRules::TextBeside::kApart);
  EXPECT_EQ(text_of(fit_turns(turns, rules)),
            "user:q|assistant:I look.|assistant:|tool:one|assistant:a|user:r");
  // Where there is no place for another turn either, the conversation stays.
  const ChatTemplate alternates(
      "{% set n = namespace(user=true) %}{% for m in messages %}{% if m.role != 'tool' and not m.tool_calls "
      "%}"
      "{% if (m.role == 'user') != n.user %}{{ raise_exception('alternate') }}{% endif %}{% set n.user = not "
      "n.user %}"
      "{{ m.content }}{% elif m.tool_calls %}{% for c in m.tool_calls %}{{ c.function | tojson }}{% endfor %}"
      "{% else %}{{ m.content }}{% endif %};{% endfor %}");
  const TurnRules strict = rules_of(alternates);
  ASSERT_TRUE(strict.calls);
  EXPECT_EQ(strict.text_beside_calls, TurnRules::TextBeside::kLost);
  EXPECT_EQ(text_of(fit_turns(turns, strict)), text_of(turns));
}

TEST(TurnRules, AGreetingFollowsAnEmptyTurnOfTheUserWhereOneMustBeFirst) {
  EXPECT_EQ(fitted(kNoSystemAlternating, {{"assistant", "Hello."}, {"user", "a"}}),
            "user:|assistant:Hello.|user:a");
  EXPECT_EQ(fitted(kLoop, {{"assistant", "Hello."}, {"user", "a"}}), "assistant:Hello.|user:a");
}

TEST(TurnRulesFaults, N9_TextOfTheUserAfterAResultJoinsItWhereAnAnswerMustComeFirst) {
  const Turns turns = {{"user", "a"}, call("{}"),         result("r"),  {"user", "b"},
                       {"user", "c"}, {"assistant", "d"}, {"user", "e"}};
  EXPECT_EQ(fitted(kAlternatingWithCalls, turns), "user:a|assistant:|tool:r\n\nb\n\nc|assistant:d|user:e");
  const std::string lenient =
      "{% for m in messages %}{% for c in m.tool_calls or [] %}{{ c | tojson }}{% endfor %}{{ m.content }};"
      "{% endfor %}";
  EXPECT_EQ(fitted(lenient, turns), "user:a|assistant:|tool:r|user:b|user:c|assistant:d|user:e");
}

TEST(TurnRulesFaults, N9_AResultWithoutACallIsTheUsersWhereTheTemplateDemandsOne) {
  const std::string source =
      "{% for m in messages %}{% if m.role == 'tool' and not m.tool_call_id %}{{ raise_exception('no id') }}"
      "{% endif %}{% for c in m.tool_calls or [] %}{{ c | tojson }}{% endfor %}{{ m.content }};{% endfor %}";
  const TurnRules rules = rules_of(ChatTemplate(source));
  ASSERT_TRUE(rules.calls);
  EXPECT_FALSE(rules.tool);
  EXPECT_EQ(
      text_of(fit_turns(Turns{{"tool", "a"}, {"user", "b"}, call("{}"), result("r"), result("s")}, rules)),
      "user:a|user:b|assistant:|tool:r|tool:s");
}

TEST(TurnRules, PublishedTemplatesForToolsTakeCalls) {
  const auto folder = test::shared("templates");
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is missing";
  int taken = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".jinja") continue;
    SCOPED_TRACE(entry.path().filename().string());
    std::ifstream file(entry.path());
    std::stringstream source;
    source << file.rdbuf();
    const ChatTemplate chat_template(source.str());
    const TurnRules rules = rules_of(chat_template);
    if (!rules.calls) continue;
    ++taken;
    const Turns begun = {{"user", "q"}, call(R"({"city": "Paris"})"), result("21 degrees")};
    for (const Turns& more : std::vector<Turns>{
             {{"assistant", "a"}, {"user", "e"}},
             {{"user", "and now"}},
             {call(R"({"city": "Rome"})"), result("25 degrees"), {"user", "and now"}, {"user", "to Oslo"}},
             {{"system", "be brief"}, {"assistant", "a"}, {"user", "e"}}}) {
      Turns turns = begun;
      turns.insert(turns.end(), more.begin(), more.end());
      std::string text;
      ASSERT_NO_THROW(text = rendered(chat_template, fit_turns(turns, rules), *rules.calls))
          << text_of(turns);
      for (const char* part : {"weather", "city", "Paris", "21 degrees"})
        EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
      for (const ChatMessage& turn : more)
        EXPECT_NE(text.find(turn.content), std::string::npos) << turn.content << " in\n" << text;
    }
  }
  EXPECT_GE(taken, 12);
}

// All published templates take a conversation of every shape once it is fitted.
TEST(TurnRules, PublishedTemplatesRenderFittedConversations) {
  const auto folder = test::shared("templates");
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is missing";
  const std::vector<Turns> all = {
      {{"system", "s1 text"}, {"system", "s2 text"}, {"user", "u1 text"}},
      {{"user", "u1 text"}, {"system", "s1 text"}, {"assistant", "a1 text"}, {"user", "u2 text"}},
      {{"system", "s1 text"}, {"user", "u1 text"}, {"user", "u2 text"}, {"system", "s2 text"}},
      {{"developer", "s1 text"}, {"user", "u1 text"}},
      {{"system", "s1 text"}}};
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".jinja") continue;
    SCOPED_TRACE(entry.path().filename().string());
    std::ifstream file(entry.path());
    std::stringstream source;
    source << file.rdbuf();
    const ChatTemplate chat_template(source.str());
    try {
      rendered(chat_template, {{"user", "hi"}});
    } catch (const Error&) {
      continue;  // it demands variables of its own
    }
    const TurnRules rules = rules_of(chat_template);
    for (const Turns& turns : all) {
      std::string text;
      ASSERT_NO_THROW(text = rendered(chat_template, fit_turns(turns, rules))) << text_of(turns);
      for (const ChatMessage& turn : turns)
        EXPECT_NE(text.find(turn.content), std::string::npos) << turn.content << " in\n" << text;
    }
  }
}

}  // namespace
}  // namespace ferrum
