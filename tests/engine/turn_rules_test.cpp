// Conversations that chat templates refuse as they stand.
#include "engine/turn_rules.h"

#include <gtest/gtest.h>

#include <fstream>
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

std::string rendered(const ChatTemplate& chat_template, const Turns& turns) {
  ChatContext context;
  context.set_special_tokens(
      {.bos = "<s>", .eos = "</s>", .unk = {}, .sep = {}, .pad = {}, .cls = {}, .mask = {}});
  for (const ChatMessage& turn : turns) context.add_message(turn.role, turn.content);
  return chat_template.render(context.json()).text();
}

TurnRules rules_of(const ChatTemplate& chat_template) {
  return turn_rules_of([&](const Turns& turns) { return rendered(chat_template, turns); },
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
