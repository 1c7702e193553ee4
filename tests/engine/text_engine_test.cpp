// The engine of a model that reads texts as a whole, through the public interface: a small decoder that pools
// the state of the last token.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <random>

#include "engine/text_results.h"
#include "ferrum/engine.h"
#include "support/contains.h"

namespace ferrum {
namespace {

using Result = TextRequest::Result;

struct Answer {
  std::vector<std::vector<float>> values;
  std::vector<int> rows;
  Usage usage;
  std::string error;  // its code
  std::string message;
};

Answer read(EventStream& stream, size_t texts) {
  Answer answer;
  answer.values.resize(texts);
  answer.rows.resize(texts);
  while (const std::optional<Event> event = stream.next()) {
    if (const auto* result = std::get_if<TextResultEvent>(&*event)) {
      EXPECT_TRUE(answer.values.at(result->text).empty()) << "one result for each text";
      answer.values[result->text] = result->values;
      answer.rows[result->text] = result->rows;
    }
    if (const auto* finish = std::get_if<FinishEvent>(&*event)) answer.usage = finish->usage;
    if (const auto* error = std::get_if<ErrorEvent>(&*event))
      answer.error = error->code, answer.message = error->message;
  }
  return answer;
}

Answer ask(Engine& engine, const TextRequest& request) {
  return read(*engine.submit_texts(request), request.texts.size());
}

TextRequest of(std::vector<TextRequest::Text> texts, Result result = Result::kEmbeddings) {
  TextRequest request;
  request.result = result;
  request.texts = std::move(texts);
  return request;
}

TokenPrompt tokens(int count, int from = 0) {
  TokenPrompt prompt;
  for (int i = 0; i < count; ++i) prompt.ids.push_back((from + 7 * i) % 97 + 3);
  return prompt;
}

EngineOptions options() {
  EngineOptions o;
  o.model = std::filesystem::path(FERRUM_SOURCE_DIR) / "models" / "demo-dense.gguf";
  o.threads = 2;
  o.batch_tokens = 64;
  o.pooling = "last";
  o.queue = 100;
  return o;
}

class TextEngineTest : public ::testing::Test {
 protected:
  std::unique_ptr<Engine> engine_ = Engine::load(options());
};

double length(const std::vector<float>& v) {
  double squares = 0;
  for (const float x : v) squares += double{x} * x;
  return std::sqrt(squares);
}

TEST_F(TextEngineTest, SaysWhatItMakes) {
  const ModelInfo& info = engine_->info();
  ASSERT_TRUE(info.texts);
  EXPECT_EQ(info.texts->kind, TextUse::Kind::kEmbeddings);
  EXPECT_EQ(info.texts->dimensions, info.hidden);
  EXPECT_EQ(info.texts->most_tokens, info.context);
}

TEST_F(TextEngineTest, EmbeddingsAreUnitVectorsAndMatryoshkaIsNormalisedAgain) {
  TextRequest request = of({tokens(9), tokens(30, 1)});
  const Answer whole = ask(*engine_, request);
  EXPECT_EQ(whole.error, "");
  EXPECT_EQ(whole.usage.prompt_tokens, 39);
  request.dimensions = 8;
  const Answer cut = ask(*engine_, request);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_NEAR(length(whole.values[i]), 1, 1e-6);
    EXPECT_NEAR(length(cut.values[i]), 1, 1e-6);
    ASSERT_EQ(cut.values[i].size(), 8U);
    const std::vector<float> expected = finished_embedding(whole.values[i], 8, true);
    for (size_t k = 0; k < 8; ++k) EXPECT_NEAR(cut.values[i][k], expected[k], 1e-6);
  }
  request.dimensions = 0;
  request.normalize = TextRequest::Normalize::kNever;
  EXPECT_GT(std::abs(length(ask(*engine_, request).values[0]) - 1), 1e-3);
}

TEST_F(TextEngineTest, StatesAreThoseThatPoolingTakesTheLastOf) {
  TextRequest request = of({tokens(9), tokens(5, 3)}, Result::kStates);
  const Answer states = ask(*engine_, request);
  request.result = Result::kEmbeddings;
  request.normalize = TextRequest::Normalize::kNever;
  const Answer pooled = ask(*engine_, request);
  const auto hidden = static_cast<size_t>(engine_->info().hidden);
  EXPECT_EQ(states.rows, (std::vector<int>{9, 5}));
  for (size_t i = 0; i < 2; ++i) {
    ASSERT_EQ(states.values[i].size(), hidden * static_cast<size_t>(states.rows[i]));
    EXPECT_EQ(std::vector<float>(states.values[i].end() - static_cast<std::ptrdiff_t>(hidden),
                                 states.values[i].end()),
              pooled.values[i]);
  }
}

TEST_F(TextEngineTest, ManyRequestsAtOnceGetWhatEachGetsAlone) {
  std::mt19937 random(5);
  std::vector<TextRequest> requests;
  std::vector<Answer> alone;
  for (int i = 0; i < 24; ++i) {
    TextRequest request = of({}, i % 5 == 0 ? Result::kStates : Result::kEmbeddings);
    const int texts = 1 + static_cast<int>(random() % 6);
    for (int k = 0; k < texts; ++k)
      request.texts.emplace_back(
          tokens(1 + static_cast<int>(random() % 40), static_cast<int>(random() % 90)));
    requests.push_back(request);
    alone.push_back(ask(*engine_, request));
  }
  std::vector<std::unique_ptr<EventStream>> streams;
  std::vector<std::unique_ptr<EventStream>> cancelled;
  for (const TextRequest& request : requests) {
    streams.push_back(engine_->submit_texts(request));
    cancelled.push_back(engine_->submit_texts(request));
    cancelled.back()->cancel();
  }
  cancelled.clear();
  for (size_t i = 0; i < requests.size(); ++i)
    EXPECT_EQ(read(*streams[i], requests[i].texts.size()).values, alone[i].values) << i;
  ask(*engine_, of({tokens(3)}));  // what was cancelled before it is gone when it is done
  const EngineStats stats = engine_->stats();
  EXPECT_EQ(stats.finished + stats.cancelled, 73);
  EXPECT_EQ(stats.running, 0);
  EXPECT_GE(stats.texts, 2);
}

TEST_F(TextEngineTest, B41_WhatIsOutOfRangeIsRefusedByName) {
  const auto refused = [&](TextRequest request, const std::string& words) {
    const Answer answer = ask(*engine_, request);
    EXPECT_NE(answer.error, "");
    EXPECT_CONTAINS(answer.message, words);
  };
  TextRequest request = of({tokens(4)});
  request.dimensions = engine_->info().hidden + 1;
  refused(request, "dimensions must be from 1 to");
  refused(of({}), "no texts");
  refused(of({TokenPrompt{}}), "no tokens");
  refused(of({tokens(3), TokenPrompt{{5, 1 << 20}}}), "text 1: token 1048576 is not in the vocabulary");
  refused(of({tokens(3)}, Result::kScores), "scores no texts");
  refused(of({TextPair{"a", "b"}}), "pair");
  request = of({"a"});
  request.prompt_name = "query";
  refused(request, "no prompt named");
}

TEST_F(TextEngineTest, B40_LongTextsAreCutOnRequestOnly) {
  TextRequest request = of({tokens(20)});
  request.most_tokens = 8;
  Answer answer = ask(*engine_, request);
  EXPECT_EQ(answer.error, "context_full");
  EXPECT_CONTAINS(answer.message, "20 tokens");
  EXPECT_CONTAINS(answer.message, "8");
  request.too_long = TextRequest::TooLong::kCut;
  answer = ask(*engine_, request);
  EXPECT_EQ(answer.values, ask(*engine_, of({tokens(8)})).values);
}

TEST_F(TextEngineTest, GeneratesNoText) {
  Request request;
  request.prompt = tokens(4);
  const auto stream = engine_->submit(request);
  const std::optional<Event> event = stream->next();
  ASSERT_TRUE(event && std::holds_alternative<ErrorEvent>(*event));
  EXPECT_CONTAINS(std::get<ErrorEvent>(*event).message, "generates no text");
}

TEST(TextEngine, AModelThatGeneratesTextMakesNoEmbeddings) {
  EngineOptions o = options();
  o.pooling = "";
  const auto engine = Engine::load(o);
  EXPECT_FALSE(engine->info().texts);
  EXPECT_CONTAINS(ask(*engine, of({tokens(3)})).message, "name no pooling");
}

TEST(TextEngine, B54_AFullQueueRefuses) {
  EngineOptions o = options();
  o.queue = 0;
  const auto engine = Engine::load(o);
  EXPECT_EQ(ask(*engine, of({tokens(3)})).error, "queue_full");
  EXPECT_EQ(engine->stats().refused, 1);
}

TEST(TextEngine, B53_ADeadlineEndsTheRequest) {
  const auto engine = Engine::load(options());
  TextRequest late = of(std::vector<TextRequest::Text>(500, tokens(60)));
  late.deadline_seconds = 1e-6;
  EXPECT_EQ(ask(*engine, late).error, "deadline");
  EXPECT_EQ(ask(*engine, of({tokens(3)})).error, "");
}

TEST(TextEngine, RequestsThatAreLeftEndWithAnError) {
  auto engine = Engine::load(options());
  const auto stream = engine->submit_texts(of(std::vector<TextRequest::Text>(2000, tokens(60))));
  engine.reset();
  EXPECT_EQ(read(*stream, 2000).error, "unavailable");
}

TEST(TextResults, ScoresFollowTheFunctionThatFilesName) {
  using Scores = TextHeadDescription::Scores;
  const auto near = [](const std::vector<float>& a, const std::vector<float>& b) {
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-6);
  };
  near(scores_of(std::vector<float>{0}, Scores::kUsual), {0.5f});
  near(scores_of(std::vector<float>{1000, 1000}, Scores::kUsual), {0.5f, 0.5f});
  near(scores_of(std::vector<float>{std::log(3.0f), 0}, Scores::kUsual), {0.75f, 0.25f});
  near(scores_of(std::vector<float>{-2}, Scores::kLogits), {-2});
  near(scores_of(std::vector<float>{0, 1000}, Scores::kLogistic), {0.5f, 1});
}

}  // namespace
}  // namespace ferrum
