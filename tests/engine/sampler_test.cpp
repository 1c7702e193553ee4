#include "engine/sampling/sampler.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "base/log.h"
#include "base/random.h"
#include "engine/sampling/recommended_sampling.h"
#include "engine/sampling/sampling_options.h"
#include "engine/test_sampler.h"
#include "support/contains.h"
#include "support/errors.h"

namespace ferrum {
namespace {

using test::TestSampler;

SamplingOptions plain() {
  SamplingOptions o;
  o.temperature = 1;
  o.top_k = 0;
  o.top_p = 1;
  o.min_p = 0;
  return o;
}

// How often each token is drawn, over `draws` positions of one seed.
std::map<TokenId, int> histogram(const SamplingOptions& options, const std::vector<float>& logits,
                                 int draws) {
  TestSampler sampler(options, 7);
  std::map<TokenId, int> counts;
  std::vector<TokenId> history;
  for (int i = 0; i < draws; ++i) {
    ++counts[sampler.sample(logits, history)];
    history.push_back(0);
  }
  return counts;
}

std::set<TokenId> support(const SamplingOptions& options, const std::vector<float>& logits) {
  std::set<TokenId> ids;
  for (const auto& [id, count] : histogram(options, logits, 3000)) ids.insert(id);
  return ids;
}

const std::vector<float> kLogits = {std::log(0.1f), std::log(0.4f), std::log(0.05f), std::log(0.3f),
                                    std::log(0.15f)};

TEST(Sampler, GreedyTakesTheFirstOfTheMostLikely) {
  SamplingOptions o = plain();
  o.temperature = 0;
  TestSampler sampler(o, 1);
  EXPECT_EQ(sampler.sample(kLogits, {}), 1);
  EXPECT_EQ(sampler.sample(std::vector<float>{2, 5, 5}, {}), 1);
}

TEST(Sampler, DrawsByTheDistribution) {
  const int draws = 40000;
  for (auto& [id, count] : histogram(plain(), kLogits, draws)) {
    const double p = std::exp(kLogits[static_cast<size_t>(id)]);
    const double sigma = std::sqrt(p * (1 - p) / draws);
    EXPECT_NEAR(static_cast<double>(count) / draws, p, 4.5 * sigma) << "token " << id;
  }
}

TEST(Sampler, TemperatureSharpens) {
  SamplingOptions o = plain();
  o.temperature = 0.5f;  // squares the odds
  const auto counts = histogram(o, kLogits, 40000);
  EXPECT_NEAR(static_cast<double>(counts.at(1)) / counts.at(3), 16.0 / 9, 0.08);
}

TEST(Sampler, TopKKeepsTheKMostLikely) {
  SamplingOptions o = plain();
  o.top_k = 2;
  EXPECT_EQ(support(o, kLogits), (std::set<TokenId>{1, 3}));
  o.top_k = 100;
  EXPECT_EQ(support(o, kLogits).size(), 5u);
  o.top_k = 1;
  EXPECT_EQ(support(o, std::vector<float>{1, 3, 3}), (std::set<TokenId>{1})) << "ties go to the lower id";
}

TEST(Sampler, TopPKeepsTheFewestThatReachIt) {
  SamplingOptions o = plain();
  o.top_p = 0.69f;
  EXPECT_EQ(support(o, kLogits), (std::set<TokenId>{1, 3}));
  o.top_p = 0.71f;
  EXPECT_EQ(support(o, kLogits), (std::set<TokenId>{1, 3, 4}));
  for (const float least : {1e-6f, 0.0f}) {
    o.top_p = least;
    EXPECT_EQ(support(o, kLogits), (std::set<TokenId>{1})) << "one always stays";
  }
}

TEST(Sampler, TopPCountsWhatTopKLeft) {
  SamplingOptions o = plain();
  o.top_k = 2;
  o.top_p = 0.56f;  // of 0.7: 0.4 / 0.7 = 0.571
  EXPECT_EQ(support(o, kLogits), (std::set<TokenId>{1}));
}

TEST(Sampler, MinPComparesWithTheLikeliest) {
  SamplingOptions o = plain();
  o.min_p = 0.3f;  // 0.12
  EXPECT_EQ(support(o, kLogits), (std::set<TokenId>{1, 3, 4}));
  o.min_p = 1;
  EXPECT_EQ(support(o, kLogits), (std::set<TokenId>{1}));
}

TEST(Sampler, MinPAndTopPTogether) {
  SamplingOptions o = plain();
  o.top_p = 0.99f;
  o.min_p = 0.2f;  // 0.08
  EXPECT_EQ(support(o, kLogits), (std::set<TokenId>{0, 1, 3, 4}));
}

TEST(Sampler, RepetitionPenaltyLooksAtTheWindow) {
  SamplingOptions o = plain();
  o.temperature = 0;
  o.repetition_penalty = 2;
  o.repetition_window = 2;
  const std::vector<float> logits = {3, 4, -1};
  EXPECT_EQ(TestSampler(o, 1).sample(logits, std::vector<TokenId>{1, 2, 2}), 1) << "1 is outside the window";
  EXPECT_EQ(TestSampler(o, 1).sample(logits, std::vector<TokenId>{2, 1, 2}), 0) << "4 / 2 < 3";
  o.repetition_window = -1;
  EXPECT_EQ(TestSampler(o, 1).sample(logits, std::vector<TokenId>{1, 2, 2, 2}), 0);
  // A negative logit gets smaller, not larger; a token seen twice is penalised once.
  EXPECT_EQ(TestSampler(o, 1).sample(std::vector<float>{-1, -1.5f}, std::vector<TokenId>{0, 0}), 1);
}

TEST(Sampler, SameSeedSameDraws) {
  std::vector<float> logits(1000);
  for (size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>(random_uniform(3, i));
  SamplingOptions o = plain();
  o.seed = 42;
  TestSampler a(o, 1), b(o, 2);
  std::vector<TokenId> history;
  std::vector<TokenId> drawn;
  for (int i = 0; i < 50; ++i) {
    drawn.push_back(a.sample(logits, history));
    EXPECT_EQ(drawn.back(), b.sample(logits, history));
    history.push_back(0);
  }
  // What was drawn before has no influence: position 17 gives the same again.
  EXPECT_EQ(a.sample(logits, std::span(history).first(17)), drawn[17]);
}

TEST(Sampler, B42_ParametersOutOfRange) {
  const auto refused = [](auto change, std::string_view name) {
    SamplingOptions o = plain();
    change(o);
    test::expect_error(ErrorCode::kBadArgument, {name}, [&] { validate(o); });
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  refused([&](SamplingOptions& o) { o.temperature = -1; }, "temperature must be from 0 to 100, not -1");
  refused([&](SamplingOptions& o) { o.temperature = nan; }, "temperature must be from 0 to 100, not nan");
  refused([&](SamplingOptions& o) { o.temperature = inf; }, "temperature");
  refused([&](SamplingOptions& o) { o.top_k = -1; }, "top_k must be 0 (off) or more, not -1");
  refused([&](SamplingOptions& o) { o.top_p = -0.1f; }, "top_p must be from 0 to 1 (1: off), not -0.1");
  refused([&](SamplingOptions& o) { o.top_p = 1.5f; }, "top_p");
  refused([&](SamplingOptions& o) { o.typical_p = nan; }, "typical_p must be above 0 and at most 1");
  refused([&](SamplingOptions& o) { o.min_p = -0.1f; }, "min_p must be from 0 to 1, not -0.1");
  refused([&](SamplingOptions& o) { o.xtc_probability = 1.1f; }, "xtc_probability must be from 0 to 1");
  refused([&](SamplingOptions& o) { o.xtc_threshold = nan; }, "xtc_threshold must be from 0 to 1");
  refused([&](SamplingOptions& o) { o.repetition_penalty = 0; },
          "repetition_penalty must be from 0.01 to 100");
  refused([&](SamplingOptions& o) { o.repetition_window = -2; },
          "repetition_window must be -1 (all) or more");
  refused([&](SamplingOptions& o) { o.presence_penalty = 2.5f; }, "presence_penalty must be from -2 to 2");
  refused([&](SamplingOptions& o) { o.frequency_penalty = -inf; }, "frequency_penalty must be from -2 to 2");
  refused([&](SamplingOptions& o) { o.dry_multiplier = -1; }, "dry_multiplier must be from 0 to 100");
  refused([&](SamplingOptions& o) { o.dry_base = 0.5f; }, "dry_base must be from 1 to 10");
  refused([&](SamplingOptions& o) { o.dry_allowed_length = 0; }, "dry_allowed_length must be from 1");
  refused([&](SamplingOptions& o) { o.dry_window = -2; }, "dry_window must be -1 (all) or more");
  refused([&](SamplingOptions& o) { o.dry_breakers = {""}; }, "dry_breakers: a string of 0 bytes");
  refused([&](SamplingOptions& o) { o.dry_breakers.resize(129, "x"); }, "dry_breakers: 129 strings");
  refused([&](SamplingOptions& o) { o.mirostat = 3; }, "mirostat must be from 0 to 2, not 3");
  refused([&](SamplingOptions& o) { o.mirostat_tau = nan; }, "mirostat_tau must be from 0 to 100");
  refused([&](SamplingOptions& o) { o.mirostat_eta = 2; }, "mirostat_eta must be from 0 to 1");
  EXPECT_NO_THROW(validate(plain()));
}

// No recommendation can make every request fail.
TEST(Sampler, RecommendationsGoThroughTheCheckOfRequests) {
  const SamplingOptions ours;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float bad : {nan, infinity, -infinity, -5.0f, 1e6f}) {
    const log::Recorder recorder;
    const SamplingOptions o = recommended_sampling({.source = "generation_config.json",
                                                    .temperature = bad,
                                                    .top_p = bad,
                                                    .min_p = bad,
                                                    .repetition_penalty = bad,
                                                    .top_k = bad,
                                                    .stop_tokens = {}});
    EXPECT_NO_THROW(validate(o)) << bad;
    EXPECT_EQ(o.temperature, ours.temperature);
    EXPECT_EQ(o.top_p, ours.top_p);
    EXPECT_EQ(o.min_p, ours.min_p);
    EXPECT_EQ(o.repetition_penalty, ours.repetition_penalty);
    EXPECT_EQ(o.top_k, bad > 0 ? bad == 1e6f ? 1'000'000 : 0 : ours.top_k);
    ASSERT_GE(recorder.warnings().size(), 4u);
    EXPECT_CONTAINS(recorder.warnings()[0],
                    "generation_config.json: the recommended temperature must be from 0");
  }
  EXPECT_EQ(recommended_sampling({.top_k = -1.0f}).top_k, 0);
  EXPECT_EQ(recommended_sampling({.top_k = 50.0f}).top_k, 50);
  EXPECT_EQ(recommended_sampling({.top_k = 2.5f}).top_k, ours.top_k);
  EXPECT_EQ(recommended_sampling({.top_p = 0.0f}).top_p, 0);
}

TEST(Sampler, B41_NumbersOfARequestOutOfRange) {
  const auto refused = [](auto change, std::string_view words) {
    Request r;
    change(r);
    test::expect_error(ErrorCode::kBadArgument, {words}, [&] { validate(r, 10); });
  };
  refused([](Request& r) { r.max_tokens = -2; }, "max_tokens must be from -1 to");
  refused([](Request& r) { r.min_tokens = -1; }, "min_tokens must be from 0 to");
  refused([](Request& r) { r.min_tokens = 5, r.max_tokens = 4; }, "min_tokens is 5, more than max_tokens");
  refused([](Request& r) { r.logprobs = 21; }, "logprobs must be from 0 to 20, not 21");
  refused([](Request& r) { r.stop_tokens = {3, 10}; }, "stop_tokens: no token has the id 10");
  refused([](Request& r) { r.sampling.top_p = 2; }, "top_p");
  EXPECT_NO_THROW(validate(Request{}, 10));
}

TEST(Sampler, B43_LogitBias) {
  const float inf = std::numeric_limits<float>::infinity();
  const auto refused = [](std::map<int32_t, float> bias, std::string_view words) {
    Request r;
    r.sampling.logit_bias = std::move(bias);
    test::expect_error(ErrorCode::kBadArgument, {words}, [&] { validate(r, 10); });
  };
  refused({{10, 1.0f}}, "logit_bias: no token has the id 10, the vocabulary of 10 has 0 to 9");
  refused({{-1, 1.0f}}, "no token has the id -1");
  refused({{3, 101.0f}}, "logit_bias of token 3 must be from -100 to 100");
  refused({{3, inf}}, "logit_bias of token 3");
  refused({{3, std::numeric_limits<float>::quiet_NaN()}}, "not nan");

  SamplingOptions o = plain();
  o.logit_bias = {{0, -inf}, {1, -inf}};
  test::expect_error(ErrorCode::kBadArgument, {"no token to draw"}, [&] {
    TestSampler(o, 1).sample(std::vector<float>{1, 2}, {});
  });
  EXPECT_EQ(TestSampler(o, 1).sample(std::vector<float>{1, 2, -50}, {}), 2);
}

TEST(Sampler, EndsAreNotDrawnBeforeTheAnswerHasItsLeastTokens) {
  SamplingOptions o = plain();
  o.temperature = 0;
  TestSampler sampler(o, 1, {.prompt_tokens = 2, .forbidden = {3}, .min_tokens = 2, .ends = {1}});
  const std::vector<float> logits = {0, 5, 1, 9};
  const std::vector<TokenId> history(4, 0);
  for (const size_t length : {2, 3})
    EXPECT_EQ(sampler.sample(logits, std::span(history).first(length)), 2) << length;
  EXPECT_EQ(sampler.sample(logits, history), 1);
}

TEST(Sampler, GreedyTakesTheFirstOfTheLikeliestThatMayBeDrawn) {
  SamplingOptions o = plain();
  o.temperature = 0;
  for (uint64_t key = 0; key < 300; ++key) {
    uint64_t draws = 0;
    const auto below = [&](uint64_t n) { return random_bits(key, draws++) % n; };
    std::vector<float> logits(2 + below(300));
    for (float& x : logits) x = static_cast<float>(below(4));
    SequenceFacts facts = {.forbidden = {}, .min_tokens = below(3), .ends = {}};
    std::vector<bool> allowed(logits.size(), true);
    for (std::vector<TokenId>* ids : {&facts.forbidden, &facts.ends})
      for (uint64_t i = below(logits.size() - 1); i > 0 && ids->size() < 20; --i) {
        ids->push_back(static_cast<TokenId>(1 + below(logits.size() - 1)));  // never token 0
        if (ids == &facts.forbidden || facts.min_tokens > 1)
          allowed[static_cast<size_t>(ids->back())] = false;
      }
    size_t expected = 0;
    for (size_t i = 1; i < logits.size(); ++i)
      if (allowed[i] && logits[i] > logits[expected]) expected = i;
    TestSampler sampler(o, 1, facts);
    EXPECT_EQ(sampler.sample(logits, std::vector<TokenId>(1)), static_cast<TokenId>(expected)) << key;
  }
}

TEST(Sampler, XtcRemovesWithItsProbability) {
  SamplingOptions o = plain();
  o.xtc_probability = 0.25f;
  o.xtc_threshold = 0.2f;  // tokens 1 and 3, of which 3 stays
  const int draws = 40000;
  const auto counts = histogram(o, kLogits, draws);
  EXPECT_NEAR(static_cast<double>(counts.at(1)) / draws, 0.75 * 0.4, 0.01);
  EXPECT_NEAR(static_cast<double>(counts.at(3)) / draws, 0.75 * 0.3 + 0.25 * 0.5, 0.01);
}

// For any options and any logits, the draw is a token of the vocabulary, and reproducible.
// Nothing is drawn that the vocabulary lacks or the request excludes, whatever the options.
TEST(Sampler, N6_AnythingGoes) {
  const float inf = std::numeric_limits<float>::infinity();
  for (uint64_t key = 0; key < 4000; ++key) {
    uint64_t drawn = 0;
    const auto share = [&] { return static_cast<float>(random_uniform(key, drawn++)); };
    const auto below = [&](uint64_t n) { return random_bits(key, drawn++) % n; };
    const auto sometimes = [&](auto value, decltype(value) otherwise) {
      return below(2) ? value : otherwise;
    };
    const size_t vocab = 1 + below(400);
    SamplingOptions o;
    o.temperature = std::array{0.0f, 1e-30f, 0.01f, 1.0f, 1.7f, 100.0f}[below(6)];
    o.top_k = static_cast<int>(sometimes(below(500), 0));
    o.typical_p = sometimes(share() + 1e-9f, 1.0f);
    o.top_p = sometimes(share() + 1e-9f, 1.0f);
    o.min_p = sometimes(share(), 0.0f);
    o.xtc_probability = sometimes(share(), 0.0f);
    o.xtc_threshold = share();
    o.repetition_penalty = sometimes(0.01f + 2 * share(), 1.0f);
    o.presence_penalty = sometimes(4 * share() - 2, 0.0f);
    o.frequency_penalty = sometimes(4 * share() - 2, 0.0f);
    o.dry_multiplier = sometimes(100 * share(), 0.0f);
    o.dry_base = 1 + 9 * share();
    o.mirostat = below(4) == 0 ? static_cast<int>(1 + below(2)) : 0;
    o.mirostat_tau = 10 * share();
    o.mirostat_eta = share();
    for (uint64_t i = below(4); i > 0; --i) {
      const auto id = static_cast<int32_t>(below(vocab));
      o.logit_bias[id] = below(8) == 0 ? -inf : 200 * share() - 100;
    }
    Request request;
    request.sampling = o;
    ASSERT_NO_THROW(validate(request, static_cast<int>(vocab))) << key;

    std::vector<float> logits(vocab);
    const float scale = std::array{0.0f, 1.0f, 10.0f, 1e4f, 3e38f}[below(5)];
    for (float& x : logits) x = below(9) == 0 ? -inf : scale * (2 * share() - 1);
    std::vector<TokenId> history(below(60));
    for (TokenId& id : history) id = static_cast<TokenId>(below(std::min<uint64_t>(vocab, 1 + below(9))));
    const size_t prompt_tokens = below(70);
    const size_t min_tokens = below(70);
    TestSampler sampler(o, key, {.prompt_tokens = prompt_tokens, .min_tokens = min_tokens, .ends = {0}});
    TestSampler again = sampler;
    try {
      for (int i = 0; i < 3; ++i) {
        const TokenId id = sampler.sample(logits, history);
        ASSERT_TRUE(id >= 0 && static_cast<size_t>(id) < vocab) << key;
        ASSERT_GT(logits[static_cast<size_t>(id)], -inf) << key;
        ASSERT_FALSE(o.logit_bias.contains(id) && o.logit_bias.at(id) == -inf) << key;
        ASSERT_FALSE(id == 0 && history.size() >= prompt_tokens &&
                     history.size() < prompt_tokens + min_tokens)
            << key << ": an end, too early";
        ASSERT_EQ(again.sample(logits, history), id) << key;
        history.push_back(id);
      }
    } catch (const Error& e) {
      // Nothing is left, or huge logits went over with a penalty below 1.
      const bool nothing_left = e.code() == ErrorCode::kBadArgument;
      ASSERT_TRUE(nothing_left || e.code() == ErrorCode::kNotFinite) << key << ": " << e.what();
    }
  }
}

TEST(Sampler, B58_LogitsThatAreNoNumbers) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  TestSampler sampler(plain(), 1);
  test::expect_error(ErrorCode::kNotFinite, {"NaN"}, [&] {
    sampler.sample(std::vector<float>{1, nan, 2}, {});
  });
  test::expect_error(ErrorCode::kNotFinite, {"finite"}, [&] {
    sampler.sample(std::vector<float>{1, inf}, {});
  });
  test::expect_error(ErrorCode::kNotFinite, {"finite"}, [&] {
    sampler.sample(std::vector<float>{-inf, -inf}, {});
  });
  EXPECT_EQ(sampler.sample(std::vector<float>{-inf, 0, -inf}, {}), 1) << "forbidden tokens are no fault";
  // Not hidden by what forbids a token.
  TestSampler forbids(plain(), 1, {.forbidden = {1}});
  for (const float bad : {nan, inf})
    test::expect_error(ErrorCode::kNotFinite, {"NaN"}, [&] {
      forbids.sample(std::vector<float>{1, bad, 2}, {});
    });
}

}  // namespace
}  // namespace ferrum
