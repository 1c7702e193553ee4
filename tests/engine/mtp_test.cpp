// Heads that predict further tokens: their logits, and as drafters, where every answer is bit for bit the one
// that its request gets without them.
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf/gguf.h"
#include "checkpoint/writers/convert.h"
#include "engine/answers.h"
#include "engine/backend_factory.h"
#include "engine/golden.h"
#include "engine/looped_model.h"
#include "engine/runner.h"
#include "engine/speculation/mtp_drafter.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/paths.h"

namespace ferrum {
namespace {

std::filesystem::path golden_folder(const std::string& name) { return test::shared("goldens2") / name; }

// The file of a name that says so, or the folder.
std::filesystem::path model_of(const std::string& name) {
  return name.ends_with(".gguf") ? test::shared("goldens2/gguf") / name : golden_folder(name);
}

std::shared_ptr<const Checkpoint> open_with_head(const std::filesystem::path& model) {
  return Checkpoint::open(model, {.mtp = CheckpointParts::Wish::kDemand});
}

// [sequences, length - 1, vocab]: the model computes `chunk` tokens of all sequences at once, then the head.
std::vector<float> head_logits(const std::filesystem::path& model, const test::Golden& g,
                               const test::Setup& setup) {
  const int chunk = setup.chunk > 0 ? setup.chunk : g.length;
  const int rows = chunk * g.sequences;
  Runner runner(make_backend({.name = setup.backend, .threads = 2, .activations = setup.activations}),
                open_with_head(model),
                {.max_tokens = rows,
                 .max_sequences = g.sequences,
                 .max_outputs = rows,
                 .max_context = g.length,
                 .kv_tokens = g.length * g.sequences,
                 .mtp_rows = 16,
                 .kv_dtype = DType::kF32});
  const int each = runner.blocks() / g.sequences;
  std::vector<BlockId> blocks = first_blocks(runner.blocks());
  std::reverse(blocks.begin(), blocks.end());
  const auto chunks_at = [&](int begin, int count) {
    std::vector<Chunk> chunks;
    for (int s = 0; s < g.sequences; ++s)
      chunks.push_back(
          {std::span(g.ids).subspan(static_cast<size_t>(s * g.length + begin), static_cast<size_t>(count)),
           begin, std::span(blocks).subspan(static_cast<size_t>(s * each), static_cast<size_t>(each)),
           Outputs::kAll});
    return chunks;
  };
  std::vector<float> all(static_cast<size_t>(g.sequences * (g.length - 1) * g.vocab));
  for (int begin = 0; begin < g.length - 1; begin += chunk) {
    runner.step(chunks_at(begin, std::min(chunk, g.length - begin)));
    const int count = std::min(chunk, g.length - 1 - begin);
    const std::span<const float> logits = runner.step_mtp(chunks_at(begin + 1, count));
    for (int s = 0; s < g.sequences; ++s)
      std::copy_n(logits.begin() + s * count * g.vocab, count * g.vocab,
                  all.begin() + (s * (g.length - 1) + begin) * g.vocab);
  }
  return all;
}

class MtpGoldens : public ::testing::TestWithParam<std::string> {};

TEST_P(MtpGoldens, Agree) {
  const std::string& name = GetParam();
  FERRUM_NEEDS_SHARED(model_of(name));
  const auto folder = golden_folder(name.substr(0, name.find('.')));
  const test::Golden golden = test::read_golden(folder);
  const std::vector<float> expected = test::read_golden(folder, "mtp_logits").logits;
  EXPECT_LE(test::relative_error(head_logits(model_of(name), golden, {}), expected), 2e-4);
  const test::Setup cpu = {.backend = "cpu", .activations = "f32"};
  const std::vector<float> whole = head_logits(model_of(name), golden, cpu);
  EXPECT_LE(test::relative_error(whole, expected), 1e-3);
  for (const int chunk : {1, 7, 16}) {
    test::Setup in_pieces = cpu;
    in_pieces.chunk = chunk;
    EXPECT_EQ(head_logits(model_of(name), golden, in_pieces), whole) << "bit for bit, in pieces of " << chunk;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, MtpGoldens,
                         ::testing::Values("mtp_qwen3_5", "mtp_glm4_moe", "mtp_glm4_moe.gguf",
                                           "mtp_deepseek_v3"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

class ConvertedMtp : public ::testing::TestWithParam<std::string> {};

// A folder's head is in the GGUF file that is made of it, in the layout of llama.cpp's converter.
TEST_P(ConvertedMtp, PredictsAsTheFolder) {
  const auto folder = golden_folder(GetParam());
  FERRUM_NEEDS_SHARED(folder);
  const test::TemporaryFolder here;
  const auto file = here.path() / "model.gguf";
  convert(folder, file, {});
  const auto gguf = GgufFile::open(file);
  const GgufMetadata& metadata = gguf->metadata();
  const std::string prefix = std::string(*metadata.string("general.architecture")) + ".";
  EXPECT_EQ(metadata.integer(prefix + "block_count"), 5);
  EXPECT_EQ(metadata.integer(prefix + "nextn_predict_layers"), 1);
  const auto recurrent = metadata.integers(prefix + "attention.recurrent_layers");
  if (recurrent) {
    EXPECT_EQ(*recurrent, (std::vector<int64_t>{1, 1, 1, 0, 0}));
  }
  std::set<std::string> names;
  for (const HostTensor& tensor : gguf->tensors()) names.insert(tensor.name);
  for (const char* name : {"eh_proj", "enorm", "hnorm", "shared_head_norm"})
    EXPECT_TRUE(names.contains(fmt::format("blk.4.nextn.{}.weight", name))) << name;
  // As llama.cpp's own file, but for copies of the model's table and head.
  if (GetParam() == "mtp_glm4_moe") {
    const auto other = GgufFile::open(model_of(GetParam() + ".gguf"));
    for (const HostTensor& tensor : other->tensors())
      EXPECT_TRUE(names.contains(tensor.name) || tensor.name.find("nextn") != std::string::npos)
          << tensor.name;
  }

  const test::Golden golden = test::read_golden(folder);
  const std::vector<float> expected = head_logits(folder, golden, {});
  EXPECT_LE(test::relative_error(head_logits(file, golden, {}), expected), 1e-5);
  EXPECT_LE(test::relative_error(test::compute(file, golden, {}), golden.logits), 2e-4) << "without the head";
}

INSTANTIATE_TEST_SUITE_P(Models, ConvertedMtp,
                         ::testing::Values("mtp_qwen3_5", "mtp_glm4_moe", "mtp_deepseek_v3"),
                         [](const auto& info) { return info.param; });

// A model with its loop, and if wanted its head.
class Place : public test::LoopedModel {
 public:
  struct Options {
    int batch_tokens = 24;
    int sequences = 3;
    int kv_tokens = 800;
    int draft_tokens = 4;  // 0: nothing is drafted, and there is no head
    bool keeps_draft_states = true;
    PrefixCache::Reuse reuse = PrefixCache::Reuse::kOn;
  };
  Place(const std::string& model, const Options& o)
      : LoopedModel(o.draft_tokens > 0 ? open_with_head(model_of(model)) : Checkpoint::open(model_of(model)),
                    {.max_tokens = std::max(o.batch_tokens, o.sequences) + 16,
                     .max_sequences = o.sequences,
                     .max_outputs = o.sequences + 16,
                     .max_context = 480,
                     .kv_tokens = o.kv_tokens,
                     .mtp_rows = o.draft_tokens > 0 ? o.draft_tokens + 2 : 0},
                    {.limits = {.batch_tokens = o.batch_tokens, .spare_rows = 16},
                     .draft_tokens = o.draft_tokens,
                     .drafts = DraftPace::Policy::kAlways,
                     .keeps_draft_states = o.keeps_draft_states},
                    o.reuse, o.draft_tokens > 0 ? MakeDrafter(make_drafter) : MakeDrafter()) {}

 private:
  static std::unique_ptr<Drafter> make_drafter(Runner& runner) {
    return std::make_unique<MtpDrafter>(runner);
  }
};

constexpr Place::Options kPlain = {.batch_tokens = 512, .draft_tokens = 0, .reuse = PrefixCache::Reuse::kOff};

test::Asked request(const std::vector<TokenId>& prompt, int tokens, uint64_t seed) {
  test::Asked asked = test::ask(prompt, tokens, seed);
  asked.job->facts.ends.clear();
  asked.job->root = cache_root("");
  const int last = (static_cast<int>(prompt.size()) - 1) / 16 * 16;
  if (last > 0) asked.job->kept_states = {last};
  SamplingOptions& sampling = asked.job->request.sampling;
  sampling.temperature = seed % 3 == 0 ? 0 : seed % 3 == 1 ? 0.7f : 1.5f;
  // A few tokens, so that a head without any training is often right.
  sampling.logit_bias = {{5, 40.0f}, {6, 40.0f}, {7, 40.0f}};
  return asked;
}

std::vector<TokenId> some_tokens(int count, uint64_t key) {
  std::mt19937_64 random(key);
  std::vector<TokenId> tokens;
  for (int i = 0; i < count; ++i) tokens.push_back(3 + static_cast<TokenId>(random() % 300));
  return tokens;
}

class MtpDrafts : public ::testing::TestWithParam<std::string> {};

void expect_same(const std::map<int, test::Choice>& got, const std::map<int, test::Choice>& wanted,
                 size_t request) {
  ASSERT_EQ(got.size(), wanted.size());
  for (const auto& [number, choice] : wanted) {
    EXPECT_EQ(got.at(number).tokens, choice.tokens) << "request " << request;
    EXPECT_EQ(got.at(number).logprobs, choice.logprobs) << "request " << request;
  }
}

TEST_P(MtpDrafts, InABatchOfSixteenChangeNothing) {
  FERRUM_NEEDS_SHARED(model_of(GetParam()));
  const auto all = [] {
    std::vector<test::Asked> requests;
    for (uint64_t i = 0; i < 16; ++i)
      requests.push_back(request(some_tokens(1 + static_cast<int>(i * 5 % 40), i), 24, i));
    return requests;
  };
  const std::vector<test::Asked> told = all();
  Place place(GetParam(), {.batch_tokens = 64, .sequences = 16, .kv_tokens = 2000});
  for (const test::Asked& asked : told) place.loop().add(asked.job);
  test::run(place.loop());
  const std::vector<test::Asked> expected = all();
  for (size_t i = 0; i < told.size(); ++i) {
    Place(GetParam(), kPlain).answer(expected[i]);
    expect_same(told[i].reader->choices, expected[i].reader->choices, i);
  }
  EXPECT_GT(place.loop().stats().accepted_tokens, 0);
  EXPECT_LT(place.loop().stats().accepted_tokens, place.loop().stats().drafted_tokens);
}

TEST_P(MtpDrafts, PreemptedSequencesGoOn) {
  FERRUM_NEEDS_SHARED(model_of(GetParam()));
  for (const bool keeps : {false, true}) {
    Place place(GetParam(), {.batch_tokens = 512, .kv_tokens = 480, .keeps_draft_states = keeps});
    std::vector<test::Asked> told;
    for (uint64_t i = 0; i < 3; ++i) told.push_back(request(some_tokens(100, i), 150, i));
    for (const test::Asked& asked : told) place.loop().add(asked.job);
    test::run(place.loop());
    EXPECT_GT(place.loop().stats().preemptions, 0);
    EXPECT_GT(place.loop().stats().accepted_tokens, 0);
    for (uint64_t i = 0; i < 3; ++i) {
      const test::Asked alone = request(some_tokens(100, i), 150, i);
      Place(GetParam(), kPlain).answer(alone);
      expect_same(told[i].reader->choices, alone.reader->choices, i);
    }
  }
}

// Conversations that go on, ones that turn away from where they were, and new ones; some fork, some leave in
// the middle of a draft.
std::vector<test::Asked> mix(uint64_t key) {
  std::mt19937_64 random(key);
  const auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
  std::vector<test::Asked> all;
  for (int i = 0; i < 12; ++i) {
    std::vector<TokenId> prompt;
    if (i >= 3 && i % 2 == 0) {
      prompt = all[below(static_cast<size_t>(i))].job->prompt;
      if (i % 4 == 0) prompt.resize(prompt.size() - below(prompt.size()));
      if (prompt.size() > 250) prompt.resize(250);
    }
    for (size_t more = 1 + below(90); more > 0; --more) prompt.push_back(3 + static_cast<TokenId>(below(20)));
    const auto tokens = static_cast<int>(1 + below(30));
    test::Asked asked = request(prompt, tokens, random());
    asked.job->request.choices = i % 5 == 0 ? 2 : 1;
    all.push_back(asked);
  }
  return all;
}

TEST_P(MtpDrafts, NeighboursCacheForksAndCancellationsChangeNothing) {
  FERRUM_NEEDS_SHARED(model_of(GetParam()));
  for (const uint64_t key : {1, 2}) {
    const std::vector<test::Asked> expected = mix(key);
    for (const test::Asked& asked : expected) Place(GetParam(), kPlain).answer(asked);
    int64_t cancelled = 0;
    for (const Place::Options& o :
         {Place::Options{}, Place::Options{.batch_tokens = 5, .draft_tokens = 1},
          Place::Options{.keeps_draft_states = false},
          Place::Options{.batch_tokens = 7, .kv_tokens = 500, .draft_tokens = 14}}) {
      Place place(GetParam(), o);
      const std::vector<test::Asked> told = mix(key);
      std::mt19937_64 random(key);
      for (const test::Asked& asked : told) {
        place.loop().add(asked.job);
        const test::Asked leaver = request(asked.job->prompt, 20, random());
        leaver.reader->cancel_after = static_cast<int>(1 + random() % 6);
        place.loop().add(leaver.job);
        for (int i = 0; i < 6; ++i) place.loop().step();
      }
      test::run(place.loop());
      for (size_t i = 0; i < told.size(); ++i) {
        EXPECT_EQ(told[i].reader->error.message, "");
        expect_same(told[i].reader->choices, expected[i].reader->choices, i);
      }
      EXPECT_GT(place.loop().stats().accepted_tokens, 0);
      cancelled += place.loop().stats().cancelled;
    }
    EXPECT_GT(cancelled, 0);
  }
}

// What the head keeps of a prefix is the same whether it was computed in large steps or small ones, found in
// the cache or read from a file: it drafts the same tokens.
TEST_P(MtpDrafts, AreTheSameBehindAPrefixThatWasThere) {
  FERRUM_NEEDS_SHARED(model_of(GetParam()));
  const std::vector<TokenId> prompt = some_tokens(100, 7);
  const auto asked = [&](uint64_t seed) { return request(prompt, 40, seed); };
  const auto drafts = [](const test::Choice& choice) {
    const Usage& usage = choice.finish->usage;
    return std::pair(usage.drafted_tokens, usage.accepted_tokens);
  };
  const test::TemporaryFolder here;
  const auto path = here.path() / "s.session";
  Place cold(GetParam(), {.batch_tokens = 512});
  const test::Choice expected = cold.answer(asked(1));
  EXPECT_GT(drafts(expected).second, 0);
  EXPECT_EQ(save_session(cold.store(), prompt, cold.header(), path).saved_tokens, 96);

  Place in_small_steps(GetParam(), {.batch_tokens = 5});
  EXPECT_EQ(drafts(in_small_steps.answer(asked(1))), drafts(expected));

  const test::Choice again = cold.answer(asked(1));
  EXPECT_EQ(again.finish->usage.cached_tokens, 96);
  EXPECT_EQ(drafts(again), drafts(expected));
  EXPECT_EQ(again.tokens, expected.tokens);

  Place other(GetParam(), {});
  const SessionFile file = SessionFile::open(path);
  EXPECT_EQ(load_session(other.store(), file, path).cached_tokens, 96);
  const test::Choice restored = other.answer(asked(1));
  EXPECT_EQ(restored.finish->usage.cached_tokens, 96);
  EXPECT_EQ(drafts(restored), drafts(expected));
  EXPECT_EQ(restored.tokens, expected.tokens);

  // Without the head its part of a block has no place.
  Place without(GetParam(), {.draft_tokens = 0});
  test::expect_error(ErrorCode::kBadArgument, {"saved with a head that predicts further tokens"},
                     [&] { require_same(file.header().origin, without.header().origin, "s.session"); });
}

// A recurrent layer's state is kept behind each token of a draft, so that none is computed twice.
TEST(MtpStates, WhatWasAcceptedOfADraftIsNotComputedAgain) {
  FERRUM_NEEDS_SHARED(golden_folder("mtp_qwen3_5"));
  const auto steps = [](bool keeps, uint64_t seed, test::Choice& choice) {
    Place place("mtp_qwen3_5", {.batch_tokens = 512, .keeps_draft_states = keeps});
    choice = place.answer(request(some_tokens(10, seed), 60, seed));
    return place.loop().stats().steps;
  };
  int64_t saved = 0;
  for (uint64_t seed = 1; seed < 6; ++seed) {
    test::Choice kept, computed;
    const auto with = steps(true, seed, kept);
    saved += steps(false, seed, computed) - with;
    EXPECT_EQ(kept.tokens, computed.tokens);
    EXPECT_EQ(kept.logprobs, computed.logprobs);
    const Usage& usage = kept.finish->usage;
    // The prompt's step gives the first token; then each gives one, and what was accepted.
    EXPECT_EQ(with, usage.generated_tokens - usage.accepted_tokens);
  }
  EXPECT_GT(saved, 0);
}

INSTANTIATE_TEST_SUITE_P(Models, MtpDrafts,
                         ::testing::Values("mtp_qwen3_5", "mtp_glm4_moe", "mtp_deepseek_v3"),
                         [](const auto& info) { return info.param; });

TEST(MtpEngine, SaysBitForBitWhatItSaysWithout) {
  const auto folder = golden_folder("mtp_glm4_moe");
  FERRUM_NEEDS_SHARED(folder);
  const EngineOptions plain = {
      .model = folder, .threads = 2, .max_context = 128, .max_sequences = 16, .kv_tokens = 600};
  EngineOptions speculating = plain;
  speculating.speculate = "mtp";
  const auto without = Engine::load(plain);
  const auto with = Engine::load(speculating);
  EXPECT_GT(with->memory().kv, without->memory().kv);
  std::vector<Request> requests(16);
  for (size_t i = 0; i < requests.size(); ++i) {
    Request& r = requests[i];
    const std::vector<TokenId> tokens = some_tokens(static_cast<int>(3 + i), i);
    r.prompt = TokenPrompt{{tokens.begin(), tokens.end()}};
    r.sampling.temperature = i % 2 == 0 ? 0 : 1.0f;
    r.sampling.seed = i;
    r.logprobs = 0;
    r.max_tokens = 40;
    r.end_of_text = Request::EndOfText::kIgnored;
  }
  std::vector<std::unique_ptr<EventStream>> streams = with->submit_batch(requests);
  for (size_t i = 0; i < requests.size(); ++i) {
    const test::Answers told = test::read(*streams[i], 1);
    const test::Answers wanted = test::read(*without->submit(requests[i]), 1);
    EXPECT_EQ(told.error, "");
    EXPECT_EQ(told.choices[0].tokens, wanted.choices[0].tokens);
    EXPECT_EQ(told.choices[0].logprobs, wanted.choices[0].logprobs);
  }
  EXPECT_GT(with->stats().drafted_tokens, 0);
}

TEST(MtpFaults, AModelWithoutAHeadIsRefused) {
  const auto file = model_of("mtp_qwen3_5.gguf");  // the converter leaves it out
  FERRUM_NEEDS_SHARED(file);
  test::expect_error(ErrorCode::kBadArgument, {"mtp_qwen3_5.gguf", "no head that predicts further tokens"},
                     [&] { Engine::load({.model = file, .speculate = "mtp"}); });
}

TEST(MtpFaults, DraftsBeyondWhatIsKeptAreRefused) {
  const auto folder = golden_folder("mtp_glm4_moe");
  FERRUM_NEEDS_SHARED(folder);
  test::expect_error(ErrorCode::kBadArgument, {"draft_tokens must be at most 14", "15"},
                     [&] { Engine::load({.model = folder, .speculate = "mtp", .draft_tokens = 15}); });
}

}  // namespace
}  // namespace ferrum
