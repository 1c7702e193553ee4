// Recorded answers through the engine.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/answers.h"
#include "engine/replay/recorded_answers.h"
#include "engine/replay/replay_vocabulary.h"
#include "ferrum/engine.h"
#include "support/contains.h"
#include "support/files.h"

namespace ferrum {
namespace {

using test::Answers;

// What the last test with marks and characters of several bytes is about.
constexpr const char* kMarked = "<think>\nHm, 你好.\n</think>\n\nIt is ☀️ and 21 °C.";

// Of the error that `body` ends with.
template <class Body>
std::string message_of(Body&& body) {
  try {
    body();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

class Replays : public testing::Test {
 protected:
  std::unique_ptr<Engine> engine(const std::string& lines, EngineOptions options = {}) {
    options.replay.answers = folder_.write("answers.jsonl", lines);
    options.threads = 1;
    return Engine::load(options);
  }
  static Request about(const std::string& text) {
    Request request;
    request.prompt = ChatPrompt{.messages = {{.role = "user", .content = text}}, .template_options = {}};
    return request;
  }
  static Answers ask(Engine& engine, const Request& request) {
    const std::unique_ptr<EventStream> stream = engine.submit(request);
    return test::read(*stream, request.choices);
  }
  static std::string text(Engine& engine, const Request& request) {
    const Answers answers = ask(engine, request);
    return answers.error.empty() ? answers.choices[0].text : "error: " + answers.error;
  }

  test::TemporaryFolder folder_;
};

TEST_F(Replays, GivesAnswersInOrderAndAgain) {
  const auto e = engine("\"one\"\n\n{\"answer\": \"two\"}\n{\"text\": \"three\"}\n");
  for (const char* expected : {"one", "two", "three", "one"}) {
    const Answers answers = ask(*e, about("?"));
    EXPECT_EQ(answers.choices[0].text, expected);
    EXPECT_EQ(answers.choices[0].finish->reason, FinishReason::kStop);
  }
}

TEST_F(Replays, ConditionsSelect) {
  const auto e = engine(R"({"when": "sun", "answer": "one"}
{"when": "sun", "answer": "two"}
{"when_regex": "^[0-9]+$", "answer": "number"}
{"when_prompt": "system\nBe brief", "when": "x", "answer": "brief"}
"other")");
  EXPECT_EQ(text(*e, about("the sun")), "one");
  EXPECT_EQ(text(*e, about("123")), "number");
  EXPECT_EQ(text(*e, about("sun again")), "two");
  EXPECT_EQ(text(*e, about("sun again")), "one");
  EXPECT_EQ(text(*e, about("12x")), "other");
  Request request = about("x");
  std::get<ChatPrompt>(request.prompt)
      .messages.insert(std::get<ChatPrompt>(request.prompt).messages.begin(),
                       {.role = "system", .content = "Be brief."});
  EXPECT_EQ(text(*e, request), "brief");
}

// Clients put remarks of their own behind the question.
TEST_F(Replays, ConditionsSeeWhatWasSaidSinceTheLastAnswer) {
  const auto e = engine("{\"when\": \"file\", \"answer\": \"call\"}\n\"done\"");
  Request request = about("Make a file.");
  std::vector<ChatMessage>& messages = std::get<ChatPrompt>(request.prompt).messages;
  messages.push_back({.role = "user", .content = "A remark."});
  EXPECT_EQ(text(*e, request), "call");
  messages.push_back({.role = "assistant", .content = "I made a file."});
  messages.push_back({.role = "user", .content = "Result."});
  EXPECT_EQ(text(*e, request), "done");
}

TEST_F(Replays, ARequestThatNothingIsRecordedForIsRefused) {
  const auto e = engine(R"({"when": "sun", "answer": "one"})");
  EXPECT_CONTAINS(text(*e, about("rain")), "no answer is recorded for this request");
}

TEST_F(Replays, ARefusedRequestTakesNoAnswer) {
  const auto e = engine("\"one\"\n\"two\"");
  Request bad = about("?");
  bad.sampling.temperature = -1;
  EXPECT_CONTAINS(text(*e, bad), "temperature");
  Request nothing = about("?");
  nothing.max_tokens = 0;
  EXPECT_EQ(text(*e, nothing), "");
  EXPECT_EQ(text(*e, about("?")), "one");
}

// Whatever stands beside it in a batch, and whatever the sampling.
TEST_F(Replays, EachRequestOfABatchGetsItsOwn) {
  std::string lines;
  for (int i = 0; i < 20; ++i) lines += "\"answer " + std::string(static_cast<size_t>(i), 'x') + "\"\n";
  for (const char* speculate : {"", "ngram"}) {
    const auto e =
        engine(lines, {.max_context = 256, .max_sequences = 4, .kv_tokens = 1024, .speculate = speculate});
    std::vector<Request> requests;
    for (int i = 0; i < 20; ++i) {
      requests.push_back(about("the same"));
      requests.back().choices = 1 + i % 3;
      requests.back().sampling.temperature = 5;
      requests.back().sampling.frequency_penalty = 2;
    }
    const std::vector<std::unique_ptr<EventStream>> streams = e->submit_batch(requests);
    for (size_t i = 0; i < streams.size(); ++i)
      for (const test::ReadAnswer& answer : test::read(*streams[i], requests[i].choices).choices)
        EXPECT_EQ(answer.text, "answer " + std::string(i, 'x'));
  }
}

TEST_F(Replays, TokensAreMarksAndPiecesOfBytes) {
  const TokenizerSpec spec =
      replay_vocabulary("<|im_start|>user<|im_end|><tool_call>", std::vector<std::string>{kMarked}, 3);
  const std::unique_ptr<const Tokenizer> tokenizer = Tokenizer::make(spec);
  std::vector<std::string> pieces;
  for (const TokenId id : tokenizer->encode({kMarked, true})) pieces.push_back(tokenizer->bytes(id));
  EXPECT_EQ(pieces[0], "<think>");
  EXPECT_EQ(pieces[1], "\nHm");
  EXPECT_EQ(pieces[2], ", \xE4") << "characters are cut";
  const auto kind_of = [&](std::string_view mark) { return tokenizer->kind(tokenizer->find(mark).value()); };
  EXPECT_EQ(kind_of("<|im_end|>"), TokenKind::kControl);
  EXPECT_EQ(kind_of("</tool_call>"), TokenKind::kUserDefined);
  EXPECT_EQ(tokenizer->encode({"Hm", true}).size(), 2u) << "other text is bytes";
  EXPECT_GT(tokenizer->encode({"<|im_end|>", false}).size(), 1u) << "of a user";
}

TEST_F(Replays, TextArrivesAsItWasRecorded) {
  for (const int size : {1, 2, 3, 4, 5, 64}) {
    EngineOptions options;
    options.replay.piece_bytes = size;
    const auto e = engine(nlohmann::json(kMarked).dump(), options);
    EXPECT_EQ(text(*e, about("?")), kMarked) << size;
  }
}

TEST_F(Replays, StopsLimitsAndEndsHold) {
  const auto e = engine("\"one two<|im_end|> three\"");
  EXPECT_EQ(text(*e, about("?")), "one two") << "an end token ends it";
  Request request = about("?");
  request.stop = {"e t"};
  EXPECT_EQ(text(*e, request), "on");
  request = about("?");
  request.max_tokens = 1;
  EXPECT_EQ(text(*e, request), "one ");
  request.max_tokens = 7;
  request.end_of_text = Request::EndOfText::kIgnored;
  EXPECT_EQ(text(*e, request), "one two threeone two thr") << "it goes on from its begin";
  request = about("?");
  request.min_tokens = 7;
  EXPECT_EQ(text(*e, request), "one two threeone two thr");
}

TEST_F(Replays, AThoughtEndsWhenItsBudgetIsSpent) {
  const auto e = engine("\"<think>abcdefgh</think>Yes.\"");
  Request request = about("?");
  request.max_thought_tokens = 1;
  EXPECT_EQ(text(*e, request), "<think>abcd</think>Yes.");
  request.max_thought_tokens = 0;
  EXPECT_EQ(text(*e, request), "<think></think>Yes.");
}

TEST_F(Replays, PromptsAreCached) {
  const auto e = engine("\"one\"");
  const std::string prompt(1000, 'x');
  ask(*e, about(prompt));
  const Answers again = ask(*e, about(prompt));
  EXPECT_GT(again.choices[0].finish->usage.cached_tokens, 990);
}

TEST_F(Replays, BadFilesAreNamedWithTheLine) {
  const auto message = [&](const std::string& lines) {
    return message_of([&] { RecordedAnswers(folder_.write("bad.jsonl", lines)); });
  };
  EXPECT_CONTAINS(message("\"a\"\n\n{\"answer\""), "bad.jsonl': line 3");
  EXPECT_CONTAINS(message("\"a\"\n7"), "line 2: an answer is a string or an object, not number");
  EXPECT_CONTAINS(message("{\"wen\": \"a\", \"answer\": \"b\"}"), "'wen'");
  EXPECT_CONTAINS(message("{\"when\": 1, \"answer\": \"b\"}"), "'when' must be a string");
  EXPECT_CONTAINS(message("{\"when\": \"a\"}"), "line 1: an object has one of");
  EXPECT_CONTAINS(message("{\"text\": \"a\", \"answer\": \"b\"}"), "line 1: an object has one of");
  EXPECT_CONTAINS(message("{\"when_regex\": \"(\", \"answer\": \"b\"}"), "line 1: when_regex");
  EXPECT_CONTAINS(message("\n \n"), "has no recorded answer");
}

TEST_F(Replays, WhatCannotBeLoadedTogetherIsRefused) {
  const std::string lines = "\"a\"";
  EXPECT_CONTAINS(message_of([&] { engine(lines, {.model = "a.gguf"}); }), "a model cannot be loaded");
  EXPECT_CONTAINS(message_of([&] { engine(lines, {.speculate = "draft", .draft = "a.gguf"}); }), "draft");
  EXPECT_CONTAINS(message_of([&] { engine(lines, {.speculate = "mtp"}); }), "predicts further tokens");
  EngineOptions options;
  options.replay.chat_template = folder_.write("t.jinja", "{{");
  EXPECT_CONTAINS(message_of([&] { engine(lines, options); }), "t.jinja");
}

}  // namespace
}  // namespace ferrum
