// Models that keep a state of fixed size of each sequence: whatever goes on beside it, an answer is bit for
// bit the one that its request gets alone, cold.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "engine/looped_model.h"
#include "engine/speculation/ngram_drafter.h"
#include "support/files.h"
#include "support/paths.h"

namespace ferrum {
namespace {

std::shared_ptr<const Checkpoint> golden(const std::string& name) {
  return Checkpoint::open(test::shared("goldens2") / name);
}

// A model with its loop.
class Place : public test::LoopedModel {
 public:
  struct Options {
    int batch_tokens = 24;
    int sequences = 3;
    int kv_tokens = 800;
    int state_slots = 0;
    bool drafts = false;
    bool keeps_draft_states = true;
    PrefixCache::Reuse reuse = PrefixCache::Reuse::kOn;
  };
  Place(const std::shared_ptr<const Checkpoint>& checkpoint, const Options& o)
      : LoopedModel(checkpoint,
                    {.max_tokens = o.batch_tokens + 8,
                     .max_sequences = o.sequences,
                     .max_outputs = o.sequences + 8,
                     .max_context = 480,
                     .kv_tokens = o.kv_tokens,
                     .state_slots = o.state_slots},
                    {.limits = {.batch_tokens = o.batch_tokens, .spare_rows = 8},
                     .draft_tokens = 4,
                     .drafts = DraftPace::Policy::kAlways,
                     .keeps_draft_states = o.keeps_draft_states},
                    o.reuse, o.drafts ? MakeDrafter(make_drafter) : MakeDrafter()) {}

 private:
  static std::unique_ptr<Drafter> make_drafter(Runner&) { return std::make_unique<NgramDrafter>(); }
};

test::Asked request(const std::vector<TokenId>& prompt, int tokens, uint64_t seed) {
  test::Asked asked = test::ask(prompt, tokens, seed);
  asked.job->facts.ends.clear();
  // As the engine does for prompts.
  const int last = (static_cast<int>(prompt.size()) - 1) / 16 * 16;
  if (last > 0) asked.job->kept_states = {last};
  return asked;
}

// Conversations that go on, ones that turn away from where they were, and new ones.
std::vector<test::Asked> requests(uint64_t key) {
  std::mt19937_64 random(key);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<uint64_t>(n)); };
  std::vector<test::Asked> all;
  for (int i = 0; i < 12; ++i) {
    std::vector<TokenId> prompt;
    if (i >= 3 && i % 2 == 0) {
      prompt = all[static_cast<size_t>(below(i))].job->prompt;
      if (i % 4 == 0)
        prompt.resize(prompt.size() - static_cast<size_t>(below(static_cast<int>(prompt.size()))));
      if (prompt.size() > 250) prompt.resize(250);
    }
    for (int more = 1 + below(90); more > 0; --more) prompt.push_back(3 + below(20));
    test::Asked asked = request(prompt, 1 + below(30), random());
    asked.job->request.choices = i % 5 == 0 ? 2 : 1;
    if (i % 3 == 0) asked.job->request.sampling.temperature = 0;
    all.push_back(asked);
  }
  return all;
}

using Choices = std::vector<std::map<int, test::Choice>>;

Choices alone(const std::shared_ptr<const Checkpoint>& checkpoint, uint64_t key) {
  Choices told;
  for (const test::Asked& asked : requests(key)) {
    Place place(checkpoint, {.batch_tokens = 512, .reuse = PrefixCache::Reuse::kOff});
    place.answer(asked);
    told.push_back(asked.reader->choices);
  }
  return told;
}

Choices together(const std::shared_ptr<const Checkpoint>& checkpoint, uint64_t key, const Place::Options& o) {
  Place place(checkpoint, o);
  std::vector<test::Asked> all = requests(key);
  std::mt19937_64 random(key);
  for (const test::Asked& asked : all) {
    place.loop().add(asked.job);
    // Some go away in the middle.
    const test::Asked leaver = request(asked.job->prompt, 20, 5);
    if (random() % 3 == 0) place.loop().add(leaver.job);
    for (int i = 0; i < 6; ++i) place.loop().step();
    leaver.reader->is_cancelled = true;
  }
  test::run(place.loop());
  Choices told;
  for (const test::Asked& asked : all) {
    EXPECT_EQ(asked.reader->error.message, "");
    told.push_back(asked.reader->choices);
  }
  return told;
}

class StateCache : public ::testing::TestWithParam<std::string> {};

TEST_P(StateCache, NeighboursCacheDraftsAndPreemptionChangeNothing) {
  FERRUM_NEEDS_SHARED(test::shared("goldens2") / GetParam());
  const auto checkpoint = golden(GetParam());
  for (const uint64_t key : {1, 2}) {
    const Choices expected = alone(checkpoint, key);
    for (const Place::Options& o :
         {Place::Options{}, Place::Options{.batch_tokens = 1}, Place::Options{.drafts = true},
          Place::Options{.batch_tokens = 7, .kv_tokens = 500, .drafts = true},
          Place::Options{.drafts = true, .keeps_draft_states = false},
          Place::Options{.kv_tokens = 500, .state_slots = 6, .drafts = true}}) {
      const Choices got = together(checkpoint, key, o);
      ASSERT_EQ(got.size(), expected.size());
      for (size_t i = 0; i < expected.size(); ++i) {
        ASSERT_EQ(got[i].size(), expected[i].size());
        for (const auto& [number, choice] : expected[i]) {
          EXPECT_EQ(got[i].at(number).tokens, choice.tokens) << "request " << i << ", key " << key;
          EXPECT_EQ(got[i].at(number).logprobs, choice.logprobs) << "request " << i << ", key " << key;
        }
      }
    }
  }
}

// Each turn drops what the last answer had of thoughts, so that it rewinds to where that answer began.
TEST_P(StateCache, ATurnComputesWhatIsNew) {
  FERRUM_NEEDS_SHARED(test::shared("goldens2") / GetParam());
  const auto checkpoint = golden(GetParam());
  Place warm(checkpoint, {.sequences = 1, .kv_tokens = 480});
  std::mt19937_64 random(9);
  std::vector<TokenId> conversation;
  for (int turn = 0; turn < 8; ++turn) {
    const size_t before = conversation.size();
    for (int i = 0; i < 20; ++i) conversation.push_back(3 + static_cast<TokenId>(random() % 300));
    const test::Asked asked = request(conversation, 25, static_cast<uint64_t>(turn));
    const test::Choice got = warm.answer(asked);
    Place cold(checkpoint, {.sequences = 1, .kv_tokens = 480});
    EXPECT_EQ(got.tokens, cold.answer(request(conversation, 25, static_cast<uint64_t>(turn))).tokens);
    const int fresh = static_cast<int>(conversation.size() - before);
    EXPECT_LE(static_cast<int>(conversation.size()) - got.finish->usage.cached_tokens, fresh + 64) << turn;
    // Of the answer, the second half stays.
    conversation.insert(conversation.end(), got.tokens.begin() + 12, got.tokens.end());
  }
}

TEST_P(StateCache, ASessionGoesOnWhereItWas) {
  FERRUM_NEEDS_SHARED(test::shared("goldens2") / GetParam());
  const auto checkpoint = golden(GetParam());
  const test::TemporaryFolder here;
  std::vector<TokenId> prompt;
  for (int i = 0; i < 100; ++i) prompt.push_back(3 + i * 7 % 90);
  const auto path = here.path() / "s.session";
  std::vector<TokenId> expected;
  {
    Place place(checkpoint, {});
    test::Asked asked = request(prompt, 20, 1);
    asked.job->root = cache_root("");
    expected = place.answer(asked).tokens;
    EXPECT_EQ(save_session(place.store(), prompt, place.header(), path).saved_tokens, 96);
  }
  Place other(checkpoint, {});
  const SessionFile file = SessionFile::open(path);
  EXPECT_EQ(load_session(other.store(), file, path).cached_tokens, 96);
  test::Asked asked = request(prompt, 20, 1);
  asked.job->root = cache_root("");
  const test::Choice got = other.answer(asked);
  EXPECT_EQ(got.tokens, expected);
  EXPECT_EQ(got.finish->usage.cached_tokens, 96);
}

INSTANTIATE_TEST_SUITE_P(Goldens, StateCache,
                         ::testing::Values("qwen3_next", "qwen3_5_text", "qwen3_5_moe_text", "deepseek_v3",
                                           "lfm2", "lfm2_moe", "lfm3", "kimi_linear", "nemotron_h",
                                           "nemotron_h_moe", "granitemoehybrid", "bamba", "falcon_h1"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace ferrum
