// Faults N1 to N4 of models that keep states or windows, through the public interface: whatever happened
// before or beside it, an answer is bit for bit that of an engine that has seen nothing else.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "engine/answers.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/paths.h"

namespace ferrum {
namespace {

using test::Answers;
using test::ReadAnswer;
using Tokens = std::vector<int32_t>;

Tokens some_tokens(int seed, int count) {
  Tokens tokens;
  for (int i = 0; i < count; ++i) tokens.push_back(5 + (i * 31 + seed * 97 + i * i % 7 * (seed + 1)) % 370);
  return tokens;
}

Tokens joined(Tokens first, size_t count, const Tokens& second) {
  first.resize(count);
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

Request asking(Tokens prompt, int tokens = 30, uint64_t seed = 7) {
  Request r;
  r.prompt = TokenPrompt{std::move(prompt)};
  r.max_tokens = tokens;
  r.sampling.seed = seed;
  r.logprobs = 2;
  r.end_of_text = Request::EndOfText::kIgnored;
  return r;
}

// So predictable that drafts are accepted.
Request repeating(uint64_t seed) {
  Request r = asking(joined(some_tokens(3, 12), 12, joined(some_tokens(3, 12), 12, some_tokens(3, 6))), 60);
  r.sampling.seed = seed;
  r.sampling.temperature = 0.05f;
  return r;
}

void expect_same(const Answers& got, const Answers& expected) {
  EXPECT_EQ(got.error, expected.error);
  ASSERT_EQ(got.choices.size(), expected.choices.size());
  for (size_t i = 0; i < expected.choices.size(); ++i) {
    EXPECT_EQ(got.choices[i].tokens, expected.choices[i].tokens);
    EXPECT_EQ(got.choices[i].logprobs, expected.choices[i].logprobs);
    EXPECT_EQ(got.choices[i].text, expected.choices[i].text);
  }
}

int cached(const Answers& answers) { return answers.choices[0].finish->usage.cached_tokens; }

class StateFaults : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { FERRUM_NEEDS_SHARED(file(GetParam())); }

  static std::filesystem::path file(const std::string& name) { return test::shared("goldens2") / name; }
  static EngineOptions options() {
    return {.model = file(GetParam()), .threads = 1, .max_context = 512, .kv_tokens = 2048};
  }
  static Answers ask(Engine& engine, const Request& request) {
    return test::read(*engine.submit(request), request.choices);
  }
  static Answers cold(const Request& request) {
    EngineOptions o = options();
    o.prefix_cache = false;
    return ask(*Engine::load(o), request);
  }

  test::TemporaryFolder folder_;
  std::filesystem::path session_ = folder_.path() / "s.session";
};

// A, then B, then A: alone and beside fifteen others, with every kind of draft; B is cut by a stop string or
// by its client in the middle of a draft.
TEST_P(StateFaults, N1_ARequestBeforeAndAfterAnother) {
  const std::vector<Request> as = {asking(some_tokens(1, 150)), repeating(1)};
  std::vector<Answers> expected;
  for (const Request& a : as) expected.push_back(cold(a));
  Request stopped = repeating(2);
  const std::string text = cold(stopped).choices[0].text;  // empty where there is no tokenizer
  if (text.size() > 22) stopped.stop = {text.substr(20, 2)};

  std::vector<std::string> drafters = {"", "ngram", "draft"};
  if (GetParam().find("mtp_") != std::string::npos) drafters.emplace_back("mtp");
  for (const std::string& speculate : drafters)
    for (const int sequences : {1, 16}) {
      SCOPED_TRACE(testing::Message() << speculate << " " << sequences);
      EngineOptions o = options();
      o.max_sequences = sequences;
      o.speculate = speculate;
      const bool is_folder = GetParam().find(".gguf") == std::string::npos;
      if (o.speculate == "draft") o.draft = file(is_folder ? "olmo2" : "gguf/olmo2.gguf");
      const auto engine = Engine::load(o);
      for (int round = 0; round < 2; ++round) {
        std::vector<std::unique_ptr<EventStream>> beside;
        for (int i = 1; i < sequences; ++i)
          beside.push_back(engine->submit(asking(some_tokens(10 + i, 40 + 20 * i), 25)));
        for (size_t i = 0; i < as.size(); ++i) expect_same(ask(*engine, as[i]), expected[i]);
        ask(*engine, stopped);
        test::read(*engine->submit(repeating(3)), 1, 5);
      }
    }
}

// Another batch size, another number of sequences, another type of cache than it was saved with.
TEST_P(StateFaults, N2_APromptThatAgreesWithMostOfASession) {
  const Tokens prompt = some_tokens(1, 400);
  int saved = 0;
  {
    const auto engine = Engine::load(options());
    ask(*engine, asking(prompt));
    saved = engine->save_session({.prompt = TokenPrompt{prompt}}, session_).saved_tokens;
    EXPECT_GE(saved, 384);
  }
  EngineOptions o = options();
  o.batch_tokens = 37;
  o.max_sequences = 3;
  const auto engine = Engine::load(o);
  EXPECT_EQ(engine->load_session(session_).cached_tokens, saved);
  for (const size_t agreeing : {400, 396, 385, 383, 200, 17, 1}) {
    SCOPED_TRACE(agreeing);
    const Request request = asking(joined(prompt, agreeing, some_tokens(2, 20)));
    const Answers got = ask(*engine, request);
    EXPECT_LE(cached(got), static_cast<int>(agreeing));
    expect_same(got, cold(request));
  }
  o.kv_dtype = "f32";
  const auto other = Engine::load(o);
  EXPECT_THROW(other->load_session(session_), std::runtime_error);
  EXPECT_EQ(cached(ask(*other, asking(prompt))), 0);
}

// Three answers to one prompt and others, in too little memory for all: some are preempted and resumed.
TEST_P(StateFaults, N3_ForksAndNeighboursInLittleMemory) {
  std::vector<Request> requests;
  for (int i = 0; i < 8; ++i) {
    requests.push_back(
        asking(joined(some_tokens(1, 90), static_cast<size_t>(i * 11), some_tokens(i, 60)), 50));
    requests.back().choices = i % 2 == 0 ? 3 : 1;
  }
  EngineOptions o = options();
  o.max_sequences = 12;
  o.kv_tokens = 512;
  o.state_cache = 1;
  o.batch_tokens = 19;
  const auto engine = Engine::load(o);
  std::vector<Answers> expected;
  for (const Request& request : requests) expected.push_back(cold(request));
  // On a busy machine the first answers may end before the last requests come, and then all have room.
  for (int round = 0; round < 20 && engine->stats().preemptions == 0; ++round) {
    std::vector<std::unique_ptr<EventStream>> streams;
    for (const Request& request : requests) streams.push_back(engine->submit(request));
    for (size_t i = 0; i < requests.size(); ++i)
      expect_same(test::read(*streams[i], requests[i].choices), expected[i]);
  }
  EXPECT_GT(engine->stats().preemptions, 0);
}

TEST_P(StateFaults, N3_AShiftedContextIsComputedAnew) {
  constexpr size_t kContext = 128, kKeep = 10;
  EngineOptions o = options();
  o.max_context = kContext;
  const auto engine = Engine::load(o);
  Request shifting = asking(some_tokens(4, 100), 90);
  shifting.context_end = Request::ContextEnd::kShifts;
  shifting.keep_tokens = kKeep;
  shifting.sampling.temperature = 0;
  const Answers got = ask(*engine, shifting);

  Tokens text = some_tokens(4, 100);
  Tokens expected;
  int dropped = 0;
  while (expected.size() < 90) {
    Request part = asking(text, static_cast<int>(kContext - text.size()));
    part.sampling.temperature = 0;
    const Tokens told = cold(part).choices[0].tokens;
    expected.insert(expected.end(), told.begin(), told.end());
    text.insert(text.end(), told.begin(), told.end());
    const auto half = static_cast<std::ptrdiff_t>((text.size() - kKeep + 1) / 2);
    text.erase(text.begin() + kKeep, text.begin() + kKeep + half);
    if (expected.size() < 90) dropped += static_cast<int>(half);
  }
  expected.resize(90);
  EXPECT_EQ(got.choices[0].tokens, expected);
  EXPECT_EQ(got.choices[0].finish->usage.shifted_tokens, dropped);
  EXPECT_GT(dropped, 0);
}

// The prompt turns away where no state is kept, or where all that were are gone.
TEST_P(StateFaults, N4_ARewindBeforeTheOldestState) {
  const Tokens prompt = some_tokens(1, 300);
  for (const uint64_t bytes : {uint64_t{1}, uint64_t{1} << 30}) {
    SCOPED_TRACE(bytes);
    EngineOptions o = options();
    o.state_cache = bytes;
    const auto engine = Engine::load(o);
    ask(*engine, asking(prompt));
    for (const size_t agreeing : {20, 100, 287, 300}) {
      SCOPED_TRACE(agreeing);
      const Request request = asking(joined(prompt, agreeing, some_tokens(2, 25)));
      const Answers got = ask(*engine, request);
      EXPECT_LE(cached(got), static_cast<int>(agreeing));
      expect_same(got, cold(request));
    }
    for (int other = 0; other < 6; ++other) ask(*engine, asking(some_tokens(20 + other, 200), 5));
    expect_same(ask(*engine, asking(prompt)), cold(asking(prompt)));
  }
}

// A model that was idle, unloaded and loaded again knows what a session kept and nothing else.
TEST_P(StateFaults, UnloadedAndLoadedAgain) {
  const Tokens prompt = some_tokens(1, 250);
  const Answers expected = cold(asking(prompt));
  auto engine = Engine::load(options());
  expect_same(ask(*engine, asking(prompt)), expected);
  engine->save_session({.prompt = TokenPrompt{prompt}}, session_);
  engine.reset();
  engine = Engine::load(options());
  const Answers again = ask(*engine, asking(prompt));
  EXPECT_EQ(cached(again), 0);
  expect_same(again, expected);
  engine = Engine::load(options());
  engine->load_session(session_);
  const Answers restored = ask(*engine, asking(prompt));
  EXPECT_EQ(cached(restored), 240);
  expect_same(restored, expected);
}

INSTANTIATE_TEST_SUITE_P(Goldens, StateFaults,
                         ::testing::Values("gguf/qwen3_next.gguf", "gguf/qwen3_5_text.gguf",
                                           "gguf/qwen3_5_moe_text.gguf", "gguf/gemma4_e2b.gguf",
                                           "gguf/lfm2.gguf", "gguf/lfm2_moe.gguf", "lfm3", "kimi_linear",
                                           "gguf/nemotron_h_moe.gguf", "gguf/granitemoehybrid.gguf", "bamba",
                                           "gguf/falcon_h1.gguf", "mtp_qwen3_5"),
                         [](const auto& info) { return std::filesystem::path(info.param).stem().string(); });

}  // namespace
}  // namespace ferrum
