// Speculation and context shift through the public interface, with the demonstration models.
#include <gtest/gtest.h>

#include "base/error.h"
#include "ferrum/engine.h"
#include "support/paths.h"

namespace ferrum {
namespace {

std::filesystem::path demo(const char* name) {
  return std::filesystem::path(FERRUM_SOURCE_DIR) / "models" / (std::string(name) + ".gguf");
}

struct Told {
  std::string text;
  std::vector<float> logprobs;
  Usage usage;
  std::string error;
};

Told read(EventStream& stream) {
  Told told;
  while (const std::optional<Event> event = stream.next()) {
    if (const auto* text = std::get_if<TextEvent>(&*event)) told.text += text->text;
    if (const auto* token = std::get_if<TokenEvent>(&*event)) told.logprobs.push_back(token->token.logprob);
    if (const auto* finish = std::get_if<FinishEvent>(&*event)) told.usage = finish->usage;
    if (const auto* error = std::get_if<ErrorEvent>(&*event)) told.error = error->message;
  }
  return told;
}

std::vector<Request> requests() {
  std::vector<Request> all;
  const char* questions[] = {"Write a short story about a fox and a drum.",
                             "Say it again: the cat sat on the mat, the cat sat on the mat, the cat sat on",
                             "What is the capital of France?", "What is 12 + 30?"};
  for (size_t i = 0; i < 8; ++i) {
    Request r;
    r.prompt = ChatPrompt{.messages = {{"user", questions[i % 4]}}};
    r.sampling.seed = i;
    r.sampling.temperature = i % 3 == 0 ? 0 : 0.8f;
    r.sampling.repetition_penalty = i % 2 == 0 ? 1.1f : 1.0f;
    r.logprobs = 0;
    r.max_tokens = 40;
    all.push_back(r);
  }
  return all;
}

struct Setup {
  const char* model;
  const char* draft;  // "": n-grams
  const char* kv_dtype;
};

class SpeculatingEngine : public testing::TestWithParam<Setup> {};

TEST_P(SpeculatingEngine, SaysBitForBitWhatItSaysWithout) {
  const EngineOptions plain = {.model = demo(GetParam().model),
                               .threads = 2,
                               .max_context = 256,
                               .max_sequences = 3,
                               .kv_tokens = 400,
                               .kv_dtype = GetParam().kv_dtype};
  EngineOptions speculating = plain;
  speculating.speculate = *GetParam().draft ? "draft" : "ngram";
  if (*GetParam().draft) speculating.draft = demo(GetParam().draft);
  const auto without = Engine::load(plain);
  const auto with = Engine::load(speculating);
  EXPECT_EQ(with->memory().kv > without->memory().kv, *GetParam().draft != '\0');

  const std::vector<Request> all = requests();
  std::vector<std::unique_ptr<EventStream>> streams;
  for (const Request& r : all) streams.push_back(with->submit(r));
  for (size_t i = 0; i < all.size(); ++i) {
    const Told told = read(*streams[i]);
    const Told wanted = read(*without->submit(all[i]));
    EXPECT_EQ(told.error, "");
    EXPECT_EQ(told.text, wanted.text);
    EXPECT_EQ(told.logprobs, wanted.logprobs);
    EXPECT_LE(told.usage.accepted_tokens, told.usage.drafted_tokens);
  }
  EXPECT_GT(with->stats().drafted_tokens, 0);
}

INSTANTIATE_TEST_SUITE_P(Models, SpeculatingEngine,
                         testing::Values(Setup{"demo-moe", "demo-dense", "f16"},
                                         Setup{"demo-moe", "demo-dense", "int8"},
                                         Setup{"demo-dense", "", "f16"}, Setup{"demo-moe", "", "f32"}),
                         [](const auto& info) {
                           std::string name = std::string(info.param.model) + "_" +
                                              (*info.param.draft ? "draft" : "ngram") + "_" +
                                              info.param.kv_dtype;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

std::string error_of(const EngineOptions& options) {
  try {
    Engine::load(options);
    return "";
  } catch (const Error& e) {
    return e.what();
  }
}

TEST(SpeculatingEngineFaults, WhatCannotDraftIsRefused) {
  EngineOptions o = {.model = demo("demo-moe"), .max_context = 64, .speculate = "draft"};
  EXPECT_EQ(error_of(o), "speculate \"draft\" needs a draft model");
  o.draft = test::data("goldens/llama");
  EXPECT_NE(error_of(o).find("cannot draft for"), std::string::npos) << error_of(o);
  o.speculate = "ngram";
  EXPECT_EQ(error_of(o), "a draft model needs speculate \"draft\"");
  o.speculate = "magic";
  EXPECT_EQ(error_of(o), "speculate 'magic': there are ngram, mtp and draft");
  o = {.model = demo("demo-moe"), .max_context = 64, .speculate = "ngram", .draft_tokens = 65};
  EXPECT_EQ(error_of(o), "draft_tokens must be from 1 to 64, not 65");
}

TEST(ContextShiftOfAnEngine, AnAnswerContinuesAndReportsTheShift) {
  const auto engine = Engine::load({.model = demo("demo-dense"), .max_context = 64});
  Request r;
  r.prompt = TextPrompt{"Once upon a time"};
  r.end_of_text = Request::EndOfText::kIgnored;
  r.max_tokens = 200;
  const Told full = read(*engine->submit(r));
  EXPECT_EQ(full.error, "");
  EXPECT_EQ(full.usage.prompt_tokens + full.usage.generated_tokens, 64);
  r.context_end = Request::ContextEnd::kShifts;
  const Told told = read(*engine->submit(r));
  EXPECT_EQ(told.error, "");
  EXPECT_EQ(told.usage.generated_tokens, 200);
  EXPECT_GE(told.usage.prompt_tokens + 200 - told.usage.shifted_tokens, 32);
  EXPECT_LE(told.usage.prompt_tokens + 200 - told.usage.shifted_tokens, 65);
  r.keep_tokens = -1;
  EXPECT_NE(read(*engine->submit(r)).error.find("keep_tokens must be"), std::string::npos);
  r.keep_tokens = 1000;
  EXPECT_EQ(read(*engine->submit(r)).usage.generated_tokens, 200);
  r.prompt = TokenPrompt{std::vector<int32_t>(64, 5)};
  EXPECT_NE(read(*engine->submit(r)).error.find("the context holds 64"), std::string::npos);
}

}  // namespace
}  // namespace ferrum
