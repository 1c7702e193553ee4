// Speculation: the tokens are those of a run without it, whatever the drafter and however bad its drafts.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/error.h"
#include "engine/loop/draft_pace.h"
#include "engine/memory_model.h"
#include "engine/speculation/model_drafter.h"
#include "engine/speculation/ngram_drafter.h"

namespace ferrum {
namespace {

using namespace test;

// Knows what every sequence will say, and says so, but for some mistakes.
class Oracle final : public Drafter {
 public:
  Oracle(int mistakes_in_10, uint64_t seed) : mistakes_(mistakes_in_10), random_(seed) {}

  void knows(const Job& job, const std::map<int, Choice>& answers) { answers_[&job] = answers; }

  std::optional<int> kind(Sequence& s) override {
    if (random_() % 5 == 0) return std::nullopt;
    return static_cast<int>(s.tokens.size() % Acceptance::kKinds);
  }
  void draft(std::span<Sequence* const> sequences) override {
    for (Sequence* const s : sequences) {
      const std::vector<TokenId>& will_say = answers_.at(s->job.get()).at(s->choice).tokens;
      s->draft.tokens.assign(1, s->tokens.back());
      const size_t said = s->text().size() - s->job->prompt.size();
      const auto count = 1 + static_cast<int>(random_() % static_cast<uint64_t>(s->draft.wanted));
      for (int i = 0; i < count; ++i) {
        const size_t at = said + static_cast<size_t>(i);
        const bool right = at < will_say.size() && static_cast<int>(random_() % 10) >= mistakes_;
        s->draft.tokens.push_back(right ? will_say[at] : static_cast<TokenId>(random_() % kVocab));
      }
    }
  }

 private:
  int mistakes_;
  std::mt19937_64 random_;
  std::map<const Job*, std::map<int, Choice>> answers_;
};

LoopOptions drafting(LoopOptions o, int draft_tokens) {
  o.limits.spare_rows = 2 * draft_tokens;
  o.draft_tokens = draft_tokens;
  o.drafts = DraftPace::Policy::kAlways;
  o.stretch = 1e6;  // steps that take no time say nothing of how much of a prompt fits into one
  return o;
}

TEST(Speculation, EveryRequestGetsWhatItGetsWithout) {
  int64_t accepted = 0;
  int64_t drafted = 0;
  int64_t preemptions = 0;
  for (uint64_t mix = 0; mix < 100; ++mix) {
    std::mt19937_64 random(mix);
    const auto below = [&](int n) { return static_cast<int>(random() % static_cast<uint64_t>(n)); };
    const int blocks = mix % 2 == 0 ? 45 : 400;
    const int sequences = 1 + below(8);
    const int batch_tokens = sequences + 1 + below(40);
    const auto windows = windows_for(some_windows(mix), sequences, batch_tokens);
    MemoryModel model(blocks, windows);
    Oracle oracle(static_cast<int>(mix % 11), mix);
    Loop loop(model, nullptr,
              drafting(options(blocks, sequences, batch_tokens,
                               mix % 4 == 0 ? PrefixCache::Reuse::kOff : PrefixCache::Reuse::kOn, windows),
                       1 + below(12)),
              &oracle);
    std::vector<Asked> all;
    std::vector<std::map<int, Choice>> expected;
    for (int i = 0; i < 24; ++i) {
      Asked asked = ask(random_prompt(random, 60), 1 + below(40), random());
      asked.job->request.choices = below(4) == 0 ? 2 + below(3) : 1;
      if (below(3) == 0) asked.job->request.sampling.temperature = 0;
      if (below(3) == 0) asked.job->request.sampling.frequency_penalty = 1;
      if (below(3) == 0) asked.job->request.sampling.mirostat = 1 + below(2);
      if (below(3) == 0) asked.job->request.sampling.logit_bias = {{7, 2.0f}, {8, -INFINITY}};
      if (below(3) == 0) asked.job->facts.min_tokens = static_cast<size_t>(below(10));
      expected.push_back(alone(*asked.job));
      oracle.knows(*asked.job, expected.back());
      all.push_back(asked);
    }
    for (const Asked& asked : all) {
      loop.add(asked.job);
      for (int i = below(4); i > 0; --i) loop.step();
    }
    run(loop);
    accepted += loop.stats().accepted_tokens;
    drafted += loop.stats().drafted_tokens;
    preemptions += loop.stats().preemptions;
    for (size_t i = 0; i < all.size(); ++i) {
      ASSERT_EQ(all[i].reader->error.message, "");
      ASSERT_EQ(all[i].reader->choices.size(), expected[i].size());
      for (const auto& [number, choice] : all[i].reader->choices) {
        ASSERT_EQ(choice.tokens, expected[i].at(number).tokens) << "mix " << mix;
        ASSERT_EQ(choice.logprobs, expected[i].at(number).logprobs) << "mix " << mix;
        ASSERT_EQ(choice.finish->reason, expected[i].at(number).finish->reason);
      }
    }
  }
  EXPECT_GT(accepted, 10'000);
  EXPECT_GT(drafted - accepted, 10'000);
  EXPECT_GT(preemptions, 20);
}

TEST(Speculation, ADraftThatIsRightSavesSteps) {
  const Asked asked = ask({5, 6, 7}, 40, 3);
  asked.job->facts.ends.clear();
  Oracle oracle(0, 1);
  oracle.knows(*asked.job, alone(*asked.job));
  MemoryModel model(100);
  Loop loop(model, nullptr, drafting(options(100, 1, 64), 8), &oracle);
  loop.add(asked.job);
  run(loop);
  EXPECT_LT(model.steps(), 20);
  const Usage& usage = asked.reader->choices[0].finish->usage;
  EXPECT_EQ(usage.generated_tokens, 40);
  EXPECT_EQ(usage.accepted_tokens, usage.drafted_tokens);
  EXPECT_EQ(usage.generated_tokens, model.steps() + usage.accepted_tokens);
}

// The same model drafts what it will say itself, for it draws with the same random numbers.
TEST(Speculation, ADraftModelKeepsUpWithItsTarget) {
  MemoryModel model(400);
  const auto windows = windows_for({9}, 4, 32);
  MemoryModel draft_model(400, windows);
  ModelDrafter drafter(draft_model,
                       {.batch_tokens = 32,
                        .max_context = 400,
                        .vocab = kVocab,
                        .cache = {.blocks = 400, .block_tokens = kBlockTokens, .windows = windows}});
  Loop loop(model, nullptr, drafting(options(400, 4, 64), 5), &drafter);
  std::mt19937_64 random(1);
  std::vector<Asked> all;
  for (int i = 0; i < 12; ++i) {
    const uint64_t seed = random();
    all.push_back(ask(random_prompt(random, 100), 30, seed));
    all.back().job->facts.ends.clear();
    all.back().job->request.choices = 1 + i % 3;
    if (i % 2 == 0) all.back().job->request.sampling.mirostat = 2;
    if (i % 3 == 0) all.back().job->request.sampling.presence_penalty = 1;
    loop.add(all.back().job);
  }
  run(loop);
  for (const Asked& asked : all) {
    const std::map<int, Choice> expected = alone(*asked.job);
    for (const auto& [number, choice] : asked.reader->choices) {
      EXPECT_EQ(choice.tokens, expected.at(number).tokens);
      EXPECT_EQ(choice.logprobs, expected.at(number).logprobs);
      // Mirostat learns from each token, so of several drafted ones only the first is drawn as it will be.
      if (asked.job->request.sampling.mirostat == 0) {
        EXPECT_EQ(choice.finish->usage.accepted_tokens, choice.finish->usage.drafted_tokens);
      }
    }
  }
  EXPECT_GT(loop.stats().accepted_tokens, loop.stats().generated_tokens / 2);
}

TEST(Speculation, ADraftModelWithTooFewBlocksDraftsLess) {
  MemoryModel model(400);
  MemoryModel draft_model(30);
  ModelDrafter drafter(draft_model, {.batch_tokens = 16,
                                     .max_context = 60,  // some prompts are longer
                                     .vocab = kVocab,
                                     .cache = {.blocks = 30, .block_tokens = kBlockTokens}});
  Loop loop(model, nullptr, drafting(options(400, 6, 64), 5), &drafter);
  std::mt19937_64 random(2);
  std::vector<Asked> all;
  for (int i = 0; i < 20; ++i) {
    all.push_back(ask(random_prompt(random, 60), 30, random()));
    loop.add(all.back().job);
  }
  run(loop);
  for (const Asked& asked : all) EXPECT_EQ(asked.reader->choices[0].tokens, alone(*asked.job)[0].tokens);
  EXPECT_GT(loop.stats().accepted_tokens, 0);
}

// Pearson's test of tokens drawn with drafts against the distribution itself, with temperature, a mask, a
// bias and a penalty. The drafts are what the sequence said with another seed: right for the likely tokens.
TEST(Speculation, TokensHaveTheModelsDistribution) {
  constexpr int kDraws = 20'000;
  const std::vector<TokenId> prompt = {5, 9, 14};
  const auto asked = [&](uint64_t seed) {
    Asked a = ask(prompt, 3, seed);
    a.job->facts.ends.clear();
    a.job->request.sampling = {.logit_bias = {{11, 3.0f}, {12, -INFINITY}},
                               .presence_penalty = 2,
                               .temperature = 0.7f,
                               .top_k = 0,
                               .top_p = 1,
                               .min_p = 0};
    return a;
  };
  // The distribution after any text, straight from the definition.
  MemoryModel model(40);
  const std::vector<BlockId> blocks = first_blocks(4);
  const auto chances = [&](std::vector<TokenId> text) {
    const Chunk chunk = {.tokens = text, .position = 0, .blocks = blocks};
    const std::span<const float> logits = model.step(std::span(&chunk, 1));
    std::vector<double> p(kVocab);
    double total = 0;
    for (TokenId id = 0; id < kVocab; ++id) {
      double logit = logits[static_cast<size_t>(id)] + (id == 11 ? 3 : 0);
      if (std::find(text.begin() + 3, text.end(), id) != text.end()) logit -= 2;
      p[static_cast<size_t>(id)] = id == 12 ? 0 : std::exp(logit / 0.7);
      total += p[static_cast<size_t>(id)];
    }
    for (double& x : p) x /= total;
    return p;
  };
  std::vector<double> expected(kVocab, 0);  // of the second token
  const std::vector<double> first = chances(prompt);
  for (TokenId id = 0; id < kVocab; ++id) {
    if (first[static_cast<size_t>(id)] == 0) continue;
    std::vector<TokenId> text = prompt;
    text.push_back(id);
    const std::vector<double> second = chances(text);
    for (size_t v = 0; v < kVocab; ++v) expected[v] += first[static_cast<size_t>(id)] * second[v];
  }

  std::vector<int> drawn(kVocab, 0);
  int64_t accepted = 0;
  Oracle oracle(0, 7);
  Loop loop(model, nullptr, drafting(options(40, 1, 64), 2), &oracle);
  std::map<int, Choice> said = {{0, {.tokens = {11, 11, 11}, .logprobs = {}, .finish = {}}}};
  for (uint64_t seed = 0; seed < kDraws; ++seed) {
    const Asked a = asked(seed);
    oracle.knows(*a.job, said);
    loop.add(a.job);
    run(loop);
    said = a.reader->choices;
    ++drawn[static_cast<size_t>(said[0].tokens[1])];
    accepted += said[0].finish->usage.accepted_tokens;
  }
  EXPECT_GT(accepted, kDraws / 50);
  double chi_squared = 0;
  int degrees = -1;
  for (size_t v = 0; v < kVocab; ++v) {
    const double wanted = expected[v] * kDraws;
    if (wanted == 0) {
      EXPECT_EQ(drawn[v], 0);
    }
    if (wanted < 5) continue;
    chi_squared += (drawn[v] - wanted) * (drawn[v] - wanted) / wanted;
    ++degrees;
  }
  ASSERT_GT(degrees, 30);
  EXPECT_LT(chi_squared, degrees + 4 * std::sqrt(2.0 * degrees));
}

TEST(Speculation, ADrafterThatFailsIsLeftAlone) {
  class Failing final : public Drafter {
   public:
    std::optional<int> kind(Sequence&) override { return 0; }
    void draft(std::span<Sequence* const>) override {
      ++calls;
      fail(ErrorCode::kBadFile, "cut");
    }
    int calls = 0;
  };
  MemoryModel model(100);
  Failing drafter;
  Loop loop(model, nullptr, drafting(options(100, 2, 64), 4), &drafter);
  const Asked asked = ask({5, 6}, 20, 1);
  loop.add(asked.job);
  run(loop);
  EXPECT_EQ(asked.reader->choices[0].tokens, alone(*asked.job)[0].tokens);
  EXPECT_EQ(drafter.calls, 1);
}

TEST(NgramIndex, FindsTheLongestMatchAndOfEqualOnesTheLatest) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 50; ++round) {
    NgramIndex index;
    std::vector<TokenId> text;
    const auto vocab = 2 + random() % 6;
    for (int i = 0; i < 300; ++i) {
      for (auto more = random() % 3; more > 0; --more) text.push_back(static_cast<TokenId>(random() % vocab));
      const NgramIndex::Match found = index.find(text);
      // Compares every place, latest first, up to the index's limit.
      NgramIndex::Match wanted;
      int looked = 0;
      for (size_t place = text.size() - 1; text.size() > 2 && place >= 2; --place) {
        int length = 0;
        while (length < NgramIndex::kMost && static_cast<size_t>(length) < place &&
               text[place - 1 - static_cast<size_t>(length)] ==
                   text[text.size() - 1 - static_cast<size_t>(length)])
          ++length;
        if (length < NgramIndex::kLeast) continue;
        if (length > wanted.length) wanted = {place, length};
        if (++looked == NgramIndex::kLooked) break;
      }
      ASSERT_EQ(found.length, wanted.length) << text.size();
      ASSERT_EQ(found.next, wanted.next);
    }
  }
}

TEST(DraftPace, DraftsWhileATokenWonIsWorthItsPrice) {
  using Seconds = DraftPace::Seconds;
  DraftPace pace(8, DraftPace::Policy::kWhereItPays);
  EXPECT_FALSE(pace.knows(1));
  pace.observe({.model = Seconds(0.1), .sequences = 1});
  EXPECT_TRUE(pace.knows(1));
  EXPECT_FALSE(pace.knows(2));
  EXPECT_EQ(pace.tokens(0.9f, 1, 8), 2) << "nothing is known of the price";
  for (int i = 0; i < 50; ++i)
    pace.observe({.model = Seconds(0.14), .drafting = Seconds(0.04), .sequences = 1, .drafted = 4});
  // A drafted token costs 0.02 s, with the margin 0.026; each is worth 0.1 s times its chance.
  EXPECT_EQ(pace.tokens(0.9f, 1, 32), 12);  // 0.9^12 = 0.282, 0.9^13 = 0.254
  EXPECT_EQ(pace.tokens(0.5f, 1, 32), 1);
  EXPECT_EQ(pace.tokens(0.2f, 1, 32), 0);
  EXPECT_EQ(pace.tokens(0.9f, 1, 3), 3);
  pace.observe({.model = Seconds(0.12), .sequences = 4});
  EXPECT_EQ(pace.tokens(0.9f, 4, 32), 1) << "with four at a time a token costs only 0.03 s";
  for (int i = 0; i < 100; ++i) pace.observe({.model = Seconds(0.12), .sequences = 4});
  EXPECT_FALSE(pace.knows(1)) << "it is long ago";
}

TEST(Acceptance, WhatFailsIsTriedEverMoreRarely) {
  Acceptance a;
  int tries = 0;
  for (int step = 0; step < 20'000; ++step) {
    if (a.chance(0) < 0.4f && !a.refuse()) continue;
    ++tries;
    a.observe(0, 1, 0);
  }
  EXPECT_LT(tries, 40);
  EXPECT_GT(tries, 15);
  for (int i = 0; i < 40; ++i) a.observe(0, 4, 4);
  EXPECT_GT(a.chance(0), 0.95f);
  EXPECT_EQ(a.chance(3), 0.8f) << "other kinds have chances of their own";
  EXPECT_EQ(a.expected_of_another().chance(0), a.chance(0));
}

// What the model reads after a shift is the shorter text from its beginning.
TEST(ContextShift, ContinuesFromTheShorterText) {
  constexpr size_t kContext = 40, kKeep = 6;
  const Asked asked = ask({5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, 100, 1);
  asked.job->facts.ends.clear();
  asked.job->request.sampling.temperature = 0;
  asked.job->shift = {.context = kContext, .keep = kKeep};
  MemoryModel model(60);
  Loop loop(model, nullptr, options(60, 2, 8));
  loop.add(asked.job);
  run(loop);

  std::vector<TokenId> text = asked.job->prompt;
  std::vector<TokenId> wanted;
  int dropped = 0;
  while (wanted.size() < 100) {
    const Asked part = ask(text, static_cast<int>(kContext - text.size()), 1);
    part.job->facts.ends.clear();
    part.job->request.sampling.temperature = 0;
    const std::vector<TokenId> tokens = alone(*part.job)[0].tokens;
    wanted.insert(wanted.end(), tokens.begin(), tokens.end());
    text.insert(text.end(), tokens.begin(), tokens.end());
    text.erase(text.begin() + kKeep, text.begin() + kKeep + 17);
    if (wanted.size() < 100) dropped += 17;
  }
  wanted.resize(100);
  EXPECT_EQ(asked.reader->choices[0].tokens, wanted);
  EXPECT_EQ(asked.reader->choices[0].finish->usage.shifted_tokens, dropped);
  EXPECT_EQ(asked.reader->choices[0].finish->reason, FinishReason::kMaxTokens);
}

TEST(ContextShift, IsTheSameInCompanyAndWithDrafts) {
  std::mt19937_64 random(4);
  const auto shifting = [](const Job& like) {
    const Asked a = ask(like.prompt, like.request.max_tokens, like.seed);
    a.job->facts = like.facts;
    a.job->request = like.request;
    a.job->shift = like.shift;
    return a;
  };
  std::vector<Asked> all;
  Oracle oracle(3, 5);
  const auto windows = windows_for({13}, 5, 24);
  MemoryModel model(50, windows);
  Loop loop(model, nullptr, drafting(options(50, 5, 24, PrefixCache::Reuse::kOn, windows), 4), &oracle);
  for (int i = 0; i < 20; ++i) {
    Asked asked = ask(random_prompt(random, 20), 150, random());
    asked.job->request.sampling.frequency_penalty = 0.5f;
    asked.job->facts.ends.clear();
    asked.job->shift = {.context = 90, .keep = random() % 8};
    all.push_back(asked);
  }
  std::vector<std::map<int, Choice>> expected;
  for (const Asked& asked : all) {
    MemoryModel own(200);
    Loop by_itself(own, nullptr, options(200, 1, 512, PrefixCache::Reuse::kOff));
    const Asked again = shifting(*asked.job);
    by_itself.add(again.job);
    run(by_itself);
    oracle.knows(*asked.job, again.reader->choices);
    expected.push_back(again.reader->choices);
  }
  for (const Asked& asked : all) loop.add(asked.job);
  run(loop);
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].reader->choices[0].tokens, expected[i][0].tokens);
    EXPECT_EQ(all[i].reader->choices[0].logprobs, expected[i][0].logprobs);
    EXPECT_EQ(all[i].reader->choices[0].tokens.size(), 150u);
  }
  EXPECT_GT(loop.stats().accepted_tokens, 500);
  EXPECT_GT(loop.stats().preemptions, 0);
}

}  // namespace
}  // namespace ferrum
