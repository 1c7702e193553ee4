// A seed's tokens stay what they were: users keep seeds, and expect their texts again from a newer version.
#include <gtest/gtest.h>

#include <bit>
#include <vector>

#include "base/random.h"
#include "engine/memory_model.h"
#include "engine/speculation/ngram_drafter.h"
#include "engine/test_sampler.h"
#include "engine/thought_tokens.h"

namespace ferrum {
namespace {

using test::TestSampler;

// FNV-1a over 32-bit words.
class Digest {
 public:
  void add(uint32_t word) {
    for (int i = 0; i < 4; ++i) value_ = (value_ ^ (word >> 8 * i & 0xff)) * 0x100000001b3;
  }
  void add(TokenId id) { add(static_cast<uint32_t>(id)); }
  void add(float x) { add(std::bit_cast<uint32_t>(x)); }
  uint64_t value() const { return value_; }

 private:
  uint64_t value_ = 0xcbf29ce484222325;
};

SamplingOptions plain() { return {.temperature = 0.8f, .top_k = 0, .top_p = 1, .min_p = 0}; }

struct Pinned {
  const char* name;
  SamplingOptions options;
  uint64_t digest;
};

std::vector<Pinned> pinned() {
  std::vector<Pinned> all;
  const auto add = [&](const char* name, uint64_t digest, const auto& set) {
    all.push_back({name, plain(), digest});
    set(all.back().options);
  };
  add("greedy", 0xd4311cf8414670b8, [](SamplingOptions& o) { o.temperature = 0; });
  add("the defaults", 0x9f8730fd6074d3ce, [](SamplingOptions& o) { o = {}; });
  add("temperature", 0xec0bd3f0f7a6a20, [](SamplingOptions&) {});
  add("top-k", 0xf59d1211adf7562, [](SamplingOptions& o) { o.top_k = 40; });
  add("top-p", 0x3d8ef9652ae5f957, [](SamplingOptions& o) { o.top_p = 0.9f; });
  add("min-p", 0xd3f62a07a25a92a5, [](SamplingOptions& o) { o.min_p = 0.05f; });
  add("typical", 0xa1534e1bc2ebcae1, [](SamplingOptions& o) { o.typical_p = 0.8f; });
  add("xtc", 0xa81e7eeaf4258e2b, [](SamplingOptions& o) {
    o.xtc_probability = 0.5f;
    o.xtc_threshold = 0.05f;
  });
  add("all filters", 0x8dc8c688ccd5d058, [](SamplingOptions& o) {
    o.top_k = 100;
    o.typical_p = 0.9f;
    o.top_p = 0.95f;
    o.min_p = 0.01f;
    o.xtc_probability = 0.3f;
  });
  add("mirostat 1", 0x4b42d76f1598fb0, [](SamplingOptions& o) { o.mirostat = 1; });
  add("mirostat 2", 0xc238cadf3334a2cb, [](SamplingOptions& o) { o.mirostat = 2; });
  add("penalties", 0x6f8177986f75bc5, [](SamplingOptions& o) {
    o.repetition_penalty = 1.3f;
    o.repetition_window = 64;
    o.presence_penalty = 0.3f;
    o.frequency_penalty = 0.2f;
    o.logit_bias = {{3, 2.5f}, {7, -4.0f}, {11, 1.0f}};
  });
  add("dry", 0x2a366b435088e0ec, [](SamplingOptions& o) {
    o.dry_multiplier = 1;
    o.dry_allowed_length = 1;
    o.top_k = 5;
  });
  add("greedy with penalties", 0xadfd92a06b6890d4, [](SamplingOptions& o) {
    o.temperature = 0;
    o.repetition_penalty = 1.2f;
    o.dry_multiplier = 0.5f;
  });
  return all;
}

// 200 draws of each of several vocabularies and of sequences with bans, least lengths and budgets of
// thoughts.
uint64_t digest_of(const SamplingOptions& options) {
  Digest digest;
  for (const size_t vocab : {50u, 1000u, 5001u}) {
    for (int facts = 0; facts < 2; ++facts) {
      SequenceFacts of = {.prompt_tokens = 3};
      if (facts == 1) {
        of.forbidden = {4, 9};
        of.ends = {5, 6};
        of.min_tokens = 20;
        of.thoughts = ThoughtBudget{.marks = test::thought_tokens(12, 13, static_cast<int>(vocab)),
                                    .tokens = 30,
                                    .prompt_is_open = true};
      }
      TestSampler sampler(options, 99, of);
      std::vector<TokenId> history = {1, 2, 3};
      std::vector<float> logits(vocab);
      for (uint64_t i = 0; i < 200; ++i) {
        for (size_t v = 0; v < vocab; ++v)
          logits[v] = static_cast<float>(12 * random_uniform(i % 7, v) * random_uniform(vocab, v + i));
        const TokenId id = sampler.sample(logits, history);
        digest.add(id);
        history.push_back(id);
      }
    }
  }
  return digest.value();
}

TEST(PinnedDraws, OfEveryKindOfSampling) {
  for (const Pinned& p : pinned()) EXPECT_EQ(digest_of(p.options), p.digest) << p.name;
}

// Through the loop, with several choices and log probabilities, with and without drafts.
uint64_t digest_of_loop(const SamplingOptions& options, Drafter* drafter) {
  test::MemoryModel model(400);
  LoopOptions loop_options = test::options(400, 8, 64);
  loop_options.limits.spare_rows = 64;
  loop_options.drafts = DraftPace::Policy::kAlways;
  Loop loop(model, nullptr, loop_options, drafter);
  std::vector<test::Asked> all;
  for (int i = 0; i < 6; ++i) {
    std::vector<TokenId> prompt(static_cast<size_t>(5 + 3 * i), 5);
    for (size_t k = 0; k < prompt.size(); ++k) prompt[k] = static_cast<TokenId>(3 + k % 4);
    all.push_back(test::ask(prompt, 40, 7));
    all.back().job->request.sampling = options;
    all.back().job->request.choices = 1 + i % 3;
    if (i % 2 == 1) all.back().job->request.prompt_logprobs = 3;
    loop.add(all.back().job);
  }
  test::run(loop);
  Digest digest;
  for (const test::Asked& asked : all) {
    for (const auto& [choice, told] : asked.reader->choices) {
      for (const TokenId id : told.tokens) digest.add(id);
      for (const float logprob : told.logprobs) digest.add(logprob);
    }
    if (!asked.reader->prompt) continue;
    for (const PromptToken& token : asked.reader->prompt->tokens) {
      if (&token != &asked.reader->prompt->tokens.front()) digest.add(token.token.logprob);
      for (const TokenChance& top : token.top) digest.add(top.logprob);
    }
  }
  return digest.value();
}

TEST(PinnedDraws, ThroughTheLoop) {
  std::vector<Pinned> all = {{"temperature", plain(), 0xddbe219d41aa6440},
                             {"mirostat 2", plain(), 0x8834c029a2b9cf55},
                             {"dry", plain(), 0xa710ab64a63324ff}};
  all[1].options.mirostat = 2;
  all[2].options.dry_multiplier = 1;
  all[2].options.repetition_penalty = 1.1f;
  for (const Pinned& p : all) {
    EXPECT_EQ(digest_of_loop(p.options, nullptr), p.digest) << p.name;
    NgramDrafter drafter;
    EXPECT_EQ(digest_of_loop(p.options, &drafter), p.digest) << p.name << ", with drafts";
  }
}

}  // namespace
}  // namespace ferrum
