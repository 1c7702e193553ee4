// Layers with a window give back what no token sees any more: less memory, and the same answers bit for bit.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "engine/backend_factory.h"
#include "engine/kv_store.h"
#include "engine/looped_model.h"
#include "engine/memory_model.h"
#include "engine/runner.h"
#include "engine/speculation/ngram_drafter.h"
#include "support/files.h"
#include "support/paths.h"

namespace ferrum {
namespace {

using BehindWindows = RunnerOptions::BehindWindows;

// What everyone got, in order of the requests.
struct Told {
  std::vector<std::map<int, test::Choice>> choices;
  int cached = 0;  // tokens of the last prompt
  uint64_t kv_bytes = 0;
};

std::vector<test::Asked> requests() {
  std::mt19937_64 random(3);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<uint64_t>(n)); };
  std::vector<test::Asked> all;
  for (int i = 0; i < 10; ++i) {
    // Conversations that go on, and new ones.
    std::vector<TokenId> prompt;
    if (i >= 4 && i % 2 == 0) prompt = all[static_cast<size_t>(i) - 4].job->prompt;
    for (int more = 20 + below(90); more > 0; --more) prompt.push_back(3 + below(40));
    test::Asked asked = test::ask(prompt, 1 + below(30), random());
    asked.job->request.choices = i % 5 == 0 ? 2 : 1;
    asked.job->facts.ends.clear();
    if (i % 3 == 0) asked.job->request.sampling.temperature = 0;
    all.push_back(asked);
  }
  return all;
}

Told told_by(const std::shared_ptr<const Checkpoint>& checkpoint, BehindWindows behind) {
  const RunnerOptions options = {.max_tokens = 24,
                                 .max_sequences = 3,
                                 .max_outputs = 8,
                                 .max_context = 320,
                                 .kv_tokens = 800,
                                 .behind_windows = behind};
  Runner runner(make_backend({.name = "cpu", .threads = 1}), checkpoint, options);
  NgramDrafter drafter;
  Loop loop(runner, nullptr,
            {.limits = {.batch_tokens = options.max_tokens,
                        .max_sequences = options.max_sequences,
                        .block_tokens = options.block_tokens,
                        .spare_rows = options.max_outputs - options.max_sequences},
             .cache = runner.cache_options(PrefixCache::Reuse::kOn),
             .draft_tokens = 4,
             .drafts = DraftPace::Policy::kAlways},
            &drafter);
  std::vector<test::Asked> all = requests();
  for (const test::Asked& asked : all) {
    loop.add(asked.job);
    for (int i = 0; i < 6; ++i) loop.step();
  }
  test::run(loop);
  // The last conversation goes on.
  std::vector<TokenId> longer = all.back().job->prompt;
  longer.insert(longer.end(), 5, 9);
  all.push_back(test::ask(longer, 4, 1));
  loop.add(all.back().job);
  test::run(loop);
  Told told = {.cached = all.back().reader->choices.at(0).finish->usage.cached_tokens,
               .kv_bytes = runner_memory(kv_in_lanes, checkpoint->model(), options).kv};
  for (const test::Asked& asked : all) {
    EXPECT_EQ(asked.reader->error.message, "");
    told.choices.push_back(asked.reader->choices);
  }
  return told;
}

class WindowCache : public ::testing::TestWithParam<std::string> {};

void expect_same_answers(const std::filesystem::path& folder) {
  const std::shared_ptr<const Checkpoint> checkpoint = Checkpoint::open(folder);
  const Told kept = told_by(checkpoint, BehindWindows::kKept);
  const Told given_back = told_by(checkpoint, BehindWindows::kGivenBack);
  ASSERT_EQ(given_back.choices.size(), kept.choices.size());
  for (size_t i = 0; i < kept.choices.size(); ++i) {
    ASSERT_EQ(given_back.choices[i].size(), kept.choices[i].size());
    for (const auto& [number, choice] : kept.choices[i]) {
      EXPECT_EQ(given_back.choices[i].at(number).tokens, choice.tokens) << "request " << i;
      EXPECT_EQ(given_back.choices[i].at(number).logprobs, choice.logprobs) << "request " << i;
    }
  }
  EXPECT_GT(given_back.cached, 0);
  EXPECT_EQ(given_back.cached, kept.cached);
  EXPECT_LT(given_back.kv_bytes, kept.kv_bytes);
}

TEST_P(WindowCache, AnswersAreThoseOfACacheThatKeepsAll) {
  const auto folder = test::shared("goldens2") / GetParam();
  FERRUM_NEEDS_SHARED(folder);
  expect_same_answers(folder);
}

// What a chunk shows is always part of what a window of its size does.
TEST(WindowCacheOfChunks, AnswersAreThoseOfACacheThatKeepsAll) {
  for (const char* name : {"llama4_text", "llama4"})
    expect_same_answers(test::data("goldens/relatives") / name);
}

INSTANTIATE_TEST_SUITE_P(Goldens, WindowCache,
                         ::testing::Values("gemma2", "gemma3", "gpt_oss", "olmo3", "phi3_window", "mimo_v2",
                                           "gemma4_moe", "gemma4_e2b"),
                         [](const auto& info) { return info.param; });

// A model with its loop, all by itself.
class Place : public test::LoopedModel {
 public:
  explicit Place(const std::shared_ptr<const Checkpoint>& checkpoint)
      : LoopedModel(checkpoint,
                    {.max_tokens = 16,
                     .max_context = 320,
                     .kv_tokens = 320,
                     .behind_windows = BehindWindows::kGivenBack},
                    {.limits = {.batch_tokens = 16}}, PrefixCache::Reuse::kOn) {}

  // The tokens of an answer, and how many of the prompt were found in the cache.
  std::pair<std::vector<TokenId>, int> answer(const std::vector<TokenId>& prompt) {
    const test::Asked asked = test::ask(prompt, 20, 1);
    asked.job->facts.ends.clear();
    asked.job->root = cache_root("");
    const test::Choice choice = LoopedModel::answer(asked);
    return {choice.tokens, choice.finish->usage.cached_tokens};
  }
};

TEST(WindowCacheSession, APromptIsSavedWithThePagesThatItsContinuationSees) {
  const auto folder = test::shared("goldens2") / "gemma3";
  FERRUM_NEEDS_SHARED(folder);
  const std::shared_ptr<const Checkpoint> checkpoint = Checkpoint::open(folder);
  const std::vector<TokenId> prompt = requests()[0].job->prompt;
  const int whole = static_cast<int>(prompt.size()) / 16 * 16;
  test::TemporaryFolder here;
  const auto path = here.path() / "s";

  Place from(checkpoint);
  from.answer(prompt);
  const SavedSession saved = save_session(from.store(), prompt, from.header(), path);
  EXPECT_EQ(saved.saved_tokens, whole);

  std::vector<TokenId> longer = prompt;
  for (int i = 0; i < 40; ++i) longer.push_back(5 + i);
  Place to(checkpoint);
  EXPECT_EQ(load_session(to.store(), SessionFile::open(path), path).cached_tokens, whole);
  const auto [tokens, cached] = to.answer(longer);
  EXPECT_EQ(cached, whole);
  EXPECT_EQ(tokens, Place(checkpoint).answer(longer).first);

  // Blocks whose pages were evicted get them back.
  Place emptied(checkpoint);
  load_session(emptied.store(), SessionFile::open(path), path);
  for (WindowPages& window : emptied.store().cache.windows()) {
    std::vector<BlockId> taken;
    while (const auto page = window.take()) taken.push_back(*page);
    for (const BlockId page : taken) window.release(page);
  }
  EXPECT_LT(emptied.store().cache.probe(cache_root(""), longer).tokens, whole);
  EXPECT_EQ(load_session(emptied.store(), SessionFile::open(path), path).cached_tokens, whole);
}

TEST(WindowCacheMemory, AGemmaAt32kTakesAQuarter) {
  const auto folder = test::shared("goldens2") / "gemma3";
  FERRUM_NEEDS_SHARED(folder);
  ModelDescription model = Checkpoint::open(folder)->model();
  for (LayerDescription& layer : model.layers)
    if (layer.attention.window > 0) layer.attention.window = 1024;
  RunnerOptions options = {.max_context = 32768, .kv_tokens = 32768};
  const uint64_t kept = runner_memory(kv_in_lanes, model, options).kv;
  options.behind_windows = BehindWindows::kGivenBack;
  EXPECT_LE(runner_memory(kv_in_lanes, model, options).kv * 4, kept);
}

}  // namespace
}  // namespace ferrum
