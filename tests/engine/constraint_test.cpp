// Answers that keep a rule: exact, the same with drafts, cache and neighbours as without, and cut only by a
// limit.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "base/json.h"
#include "engine/answers.h"

namespace ferrum {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr const char* kPerson = R"({
  "type": "object", "additionalProperties": false, "required": ["first_name", "age", "colour"],
  "properties": {"first_name": {"type": "string", "maxLength": 12},
                 "age": {"type": "integer", "minimum": 0, "maximum": 150},
                 "colour": {"enum": ["red", "green", "a quite long name of a colour"]}}})";

std::unique_ptr<Engine> load(EngineOptions options = {}) {
  options.model = test::demonstration("demo-dense");
  options.threads = 2;
  options.max_context = 512;
  return Engine::load(options);
}

Request hot(AnswerRule rule, uint64_t seed) {
  Request r;
  r.prompt = TextPrompt{"The answer is: "};
  r.rule = std::move(rule);
  r.sampling = {.temperature = 1.5f, .top_k = 0, .top_p = 1, .min_p = 0};
  r.sampling.seed = seed;
  r.max_tokens = 200;
  return r;
}

test::Answers answers_of(Engine& engine, Request request) {
  const int choices = request.choices;
  return test::read(*engine.submit(std::move(request)), choices);
}

test::ReadAnswer answer_of(Engine& engine, Request request) {
  const test::Answers answers = answers_of(engine, std::move(request));
  EXPECT_EQ(answers.error, "");
  return answers.choices.front();
}

TEST(Constraint, ARegexIsMatchedAndEndsTheAnswer) {
  const auto engine = load();
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const test::ReadAnswer answer =
        answer_of(*engine, hot({AnswerRule::Kind::kRegex, "[0-9]{3}-(ab|[x-z]{2,4}) é?!"}, seed));
    EXPECT_TRUE(std::regex_match(answer.text, std::regex("[0-9]{3}-(ab|[x-z]{2,4}) (é)?!"))) << answer.text;
    EXPECT_EQ(answer.finish->reason, FinishReason::kStop);
  }
}

TEST(Constraint, AChoiceIsOneOfThem) {
  const auto engine = load();
  const std::vector<std::string> choices = {"yes", "yes, but", "no", "\"quoted\" <|im_end|>"};
  for (uint64_t seed = 0; seed < 20; ++seed) {
    AnswerRule rule;
    rule.kind = AnswerRule::Kind::kChoices;
    rule.choices = choices;
    const test::ReadAnswer answer = answer_of(*engine, hot(rule, seed));
    EXPECT_NE(std::ranges::find(choices, answer.text), choices.end()) << answer.text;
  }
}

TEST(Constraint, AnObjectKeepsItsSchema) {
  const auto engine = load();
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const test::ReadAnswer answer = answer_of(*engine, hot({AnswerRule::Kind::kJsonSchema, kPerson}, seed));
    ASSERT_EQ(answer.finish->reason, FinishReason::kStop) << answer.text;
    const OrderedJson person = parse_ordered_json(answer.text, "answer");
    ASSERT_EQ(person.size(), 3u);
    EXPECT_LE(person["age"].get<int>(), 150);
    EXPECT_TRUE(person["first_name"].is_string());
  }
}

TEST(Constraint, AnyObjectWillDo) {
  const auto engine = load();
  Request request = hot({AnswerRule::Kind::kJsonObject}, 3);
  request.sampling.temperature = 0;
  const test::ReadAnswer answer = answer_of(*engine, request);
  if (answer.finish->reason == FinishReason::kStop) {
    EXPECT_TRUE(parse_ordered_json(answer.text, "answer").is_object());
  }
  EXPECT_EQ(answer.text.front(), '{');
}

// The demonstration models' vocabulary has <think>, but their templates do not know it.
TEST(Constraint, AModelThatWasNotTaughtToThinkBeginsWithTheAnswer) {
  const auto engine = load();
  for (uint64_t seed = 0; seed < 6; ++seed) {
    Request request = hot({AnswerRule::Kind::kJsonSchema, kPerson}, seed);
    ChatPrompt chat;
    chat.messages = {{.role = "user", .content = "Who is it?"}};
    request.prompt = chat;
    EXPECT_EQ(answer_of(*engine, request).text.front(), '{');
  }
}

TEST(Constraint, AnAnswerThatIsCutSaysSo) {
  const auto engine = load();
  Request request = hot({AnswerRule::Kind::kJsonSchema, kPerson}, 1);
  request.max_tokens = 3;
  const test::ReadAnswer answer = answer_of(*engine, request);
  EXPECT_EQ(answer.finish->reason, FinishReason::kMaxTokens);
  EXPECT_EQ(answer.finish->usage.generated_tokens, 3);
}

// Where draws are not reported, certain tokens cost no draw.
TEST(Constraint, CertainTokensAreTheSameDrawnOrNot) {
  const auto engine = load();
  for (uint64_t seed = 0; seed < 10; ++seed) {
    Request request = hot({AnswerRule::Kind::kJsonSchema, kPerson, {}, true}, seed);
    const test::ReadAnswer taken = answer_of(*engine, request);
    request.logprobs = 0;
    const test::ReadAnswer drawn = answer_of(*engine, request);
    EXPECT_EQ(taken.text, drawn.text);
    EXPECT_EQ(taken.finish->usage.generated_tokens, static_cast<int>(drawn.tokens.size()));
  }
  const EngineStats stats = engine->stats();
  EXPECT_LT(stats.steps, stats.generated_tokens);
}

// Rules that are the same and different ones, and none, with and without logprobs, side by side.
TEST(Constraint, NeighboursAndDraftsChangeNothing) {
  const auto alone = load();
  const auto requests = [] {
    std::vector<Request> all;
    for (uint64_t seed = 0; seed < 12; ++seed) {
      Request r = hot({AnswerRule::Kind::kJsonSchema, kPerson}, seed);
      if (seed % 3 == 1) r.rule = AnswerRule{AnswerRule::Kind::kRegex, "([a-z]{1,8} ){3,20}stop"};
      if (seed % 3 == 2) r.rule.reset();
      if (seed % 2 == 1) r.logprobs = 1;
      if (seed % 4 == 3) r.choices = 3;
      r.max_tokens = 60;
      all.push_back(r);
    }
    return all;
  };
  std::vector<test::Answers> expected;
  for (const Request& request : requests()) expected.push_back(answers_of(*alone, request));
  for (const char* speculate : {"", "ngram"}) {
    EngineOptions options;
    options.max_sequences = 6;
    options.batch_tokens = 24;
    options.kv_tokens = 700;  // little enough that some are preempted
    options.speculate = speculate;
    const auto engine = load(options);
    std::vector<Request> all = requests();
    std::vector<int> choices;
    for (const Request& request : all) choices.push_back(request.choices);
    auto streams = engine->submit_batch(std::move(all));
    for (size_t i = 0; i < streams.size(); ++i) {
      const test::Answers got = test::read(*streams[i], choices[i]);
      ASSERT_EQ(got.error, "");
      for (size_t c = 0; c < got.choices.size(); ++c) {
        EXPECT_EQ(got.choices[c].text, expected[i].choices[c].text) << i;
        EXPECT_EQ(got.choices[c].logprobs, expected[i].choices[c].logprobs) << i;
      }
    }
  }
}

TEST(Constraint, WhatCannotBeFollowedIsRefusedByName) {
  const auto engine = load();
  const auto error_of = [&](AnswerRule rule) { return answers_of(*engine, hot(std::move(rule), 0)).error; };
  EXPECT_NE(error_of({AnswerRule::Kind::kJsonSchema, R"({"properties": {"a": {"format": "regex"}}})"})
                .find("format"),
            std::string::npos);
  EXPECT_NE(error_of({AnswerRule::Kind::kRegex, "(a)\\1"}), "");
  EXPECT_NE(error_of({AnswerRule::Kind::kRegex, "(a"}), "");
  EXPECT_NE(error_of({AnswerRule::Kind::kGrammar, "root ::= missing"}).find("missing"), std::string::npos);
  EXPECT_NE(error_of({AnswerRule::Kind::kJsonSchema, "{"}), "");
  EXPECT_NE(error_of({AnswerRule::Kind::kChoices}), "");
}

// Its settings and its rule leave no token: one request ends with an error, others go on.
TEST(Constraint, ADeadEndIsAnError) {
  const auto engine = load();
  Request request = hot({AnswerRule::Kind::kRegex, "[ab]+"}, 0);
  for (const char* text : {"a", "b", "aa", "bb", "ab", "ba"})
    for (const int32_t id : engine->tokens_of(TextPrompt{text})) request.sampling.logit_bias[id] = -kInfinity;
  for (int32_t id = 0; id < 1536; ++id) {
    const std::string bytes = engine->token(id).bytes;
    if (!bytes.empty() && bytes.find_first_not_of("ab") == std::string::npos)
      request.sampling.logit_bias[id] = -kInfinity;
  }
  EXPECT_NE(answers_of(*engine, request).error.find("no token"), std::string::npos);
  EXPECT_EQ(answer_of(*engine, hot({AnswerRule::Kind::kRegex, "ab"}, 0)).text, "ab");
}

constexpr const char* kTools = R"([
  {"type": "function", "function": {"name": "get_weather", "description": "\"}]</tool_call>", "parameters": {
    "type": "object", "additionalProperties": false, "required": ["city"],
    "properties": {"city": {"type": "string", "maxLength": 8}, "days": {"type": "integer", "maximum": 9}}}}},
  {"type": "function", "function": {"name": "end_it"}}])";

struct Parts {
  std::string content, thought;
  std::vector<std::pair<std::string, std::string>> calls;  // name, arguments
  std::optional<FinishEvent> finish;
  std::string error;
};

Parts parts_of(Engine& engine, Request request) {
  request.answer_as = Request::AnswerAs::kParts;
  Parts parts;
  engine.generate(std::move(request), [&](const Event& event) {
    EXPECT_FALSE(std::holds_alternative<TextEvent>(event));
    if (const auto* error = std::get_if<ErrorEvent>(&event)) parts.error = error->message;
    if (const auto* finish = std::get_if<FinishEvent>(&event)) parts.finish = *finish;
    const auto* part = std::get_if<PartEvent>(&event);
    if (part == nullptr) return;
    switch (part->kind) {
      case PartEvent::Kind::kContent:
        parts.content += part->text;
        break;
      case PartEvent::Kind::kReasoning:
        parts.thought += part->text;
        break;
      case PartEvent::Kind::kCallBegin:
        EXPECT_EQ(static_cast<size_t>(part->index), parts.calls.size());
        parts.calls.emplace_back(part->name, "");
        break;
      case PartEvent::Kind::kArguments:
        parts.calls.at(static_cast<size_t>(part->index)).second += part->text;
        break;
      case PartEvent::Kind::kCallEnd:
        break;
    }
  });
  return parts;
}

Request chat_with_tools(uint64_t seed, ToolUse::Choice choice) {
  Request r = hot({}, seed);
  r.rule.reset();
  ChatPrompt chat;
  chat.messages = {{.role = "user", .content = "What is the weather like?"}};
  chat.tools.functions = kTools;
  chat.tools.choice = choice;
  r.prompt = chat;
  return r;
}

std::unique_ptr<Engine> load_chat_model() {
  EngineOptions options;
  options.model = test::demonstration("demo-moe");
  options.threads = 2;
  options.max_context = 1024;
  return Engine::load(options);
}

void expect_calls(const Parts& parts) {
  for (size_t i = 0; i < parts.calls.size(); ++i) {
    const auto& [name, arguments] = parts.calls[i];
    EXPECT_TRUE(name == "get_weather" || name == "end_it") << name;
    // The last one may be cut.
    if (parts.finish->reason != FinishReason::kStop && i + 1 == parts.calls.size()) return;
    const OrderedJson json = parse_ordered_json(arguments, "arguments");
    ASSERT_TRUE(json.is_object()) << arguments;
    if (name == "get_weather") {
      EXPECT_TRUE(json.at("city").is_string()) << arguments;
    }
  }
}

TEST(ToolCalls, RequiredOnesComeAndKeepTheirSchema) {
  const auto engine = load_chat_model();
  int whole = 0;
  for (uint64_t seed = 0; seed < 12; ++seed) {
    Request request = chat_with_tools(seed, ToolUse::Choice::kRequired);
    std::get<ChatPrompt>(request.prompt).tools.parallel = seed % 2 == 0;
    const Parts parts = parts_of(*engine, request);
    ASSERT_EQ(parts.error, "");
    EXPECT_EQ(parts.content, "") << "no prose";
    expect_calls(parts);
    if (seed % 2 == 1) {
      EXPECT_LE(parts.calls.size(), 1u);
    }
    if (parts.finish->reason == FinishReason::kStop) {
      ++whole;
      EXPECT_GE(parts.calls.size(), 1u);
    }
  }
  EXPECT_GT(whole, 6);
}

TEST(ToolCalls, ANamedOneIsCalled) {
  const auto engine = load_chat_model();
  for (uint64_t seed = 0; seed < 6; ++seed) {
    Request request = chat_with_tools(seed, ToolUse::Choice::kRequired);
    std::get<ChatPrompt>(request.prompt).tools.only = "end_it";
    const Parts parts = parts_of(*engine, request);
    ASSERT_EQ(parts.error, "");
    for (const auto& call : parts.calls) EXPECT_EQ(call.first, "end_it");
  }
  Request request = chat_with_tools(0, ToolUse::Choice::kRequired);
  std::get<ChatPrompt>(request.prompt).tools.only = "missing";
  EXPECT_NE(parts_of(*engine, request).error.find("missing"), std::string::npos);
}

TEST(ToolCalls, OffersLeaveTheModelFree) {
  const auto engine = load_chat_model();
  for (uint64_t seed = 0; seed < 8; ++seed) {
    const Parts parts = parts_of(*engine, chat_with_tools(seed, ToolUse::Choice::kAuto));
    ASSERT_EQ(parts.error, "");
    expect_calls(parts);
  }
}

// Beside tools, an answer keeps the rule or is calls.
TEST(ToolCalls, ARuleBindsWhatIsNoCall) {
  const auto engine = load_chat_model();
  for (uint64_t seed = 0; seed < 8; ++seed) {
    Request request = chat_with_tools(seed, ToolUse::Choice::kAuto);
    request.rule = AnswerRule{AnswerRule::Kind::kJsonSchema, kPerson};
    const Parts parts = parts_of(*engine, request);
    ASSERT_EQ(parts.error, "");
    expect_calls(parts);
    if (parts.calls.empty() && parts.finish->reason == FinishReason::kStop) {
      EXPECT_EQ(parse_ordered_json(parts.content, "answer").size(), 3u) << parts.content;
    }
  }
}

}  // namespace
}  // namespace ferrum
