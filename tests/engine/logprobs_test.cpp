#include "engine/sampling/drawn_tokens.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/random.h"
#include "engine/held_tokens.h"
#include "engine/test_sampler.h"

namespace ferrum {
namespace {

Logprobs logprobs_of(const std::vector<float>& logits, TokenId token, int top) {
  DrawList list(static_cast<int>(logits.size()));
  list.begin_group();
  Draw& draw = list.add(0);
  draw.given = token;
  draw.top = top;
  test::HostDraws draws(list.vocab(), 1);
  draws.issue(logits, list);
  Logprobs got;
  read_logprobs(draws.collect(), 0, got);
  return got;
}

TEST(Logprobs, AreThoseOfTheSoftmax) {
  for (const size_t vocab : {1, 5, 128, 1000, 20000}) {
    std::vector<float> logits(vocab);
    for (size_t i = 0; i < vocab; ++i) logits[i] = static_cast<float>(20 * random_uniform(vocab, i));
    double total = 0;
    for (const float x : logits) total += std::exp(static_cast<double>(x));
    const auto drawn = static_cast<TokenId>(vocab / 2);
    const Logprobs got = logprobs_of(logits, drawn, 20);
    EXPECT_EQ(got.drawn.id, drawn);
    EXPECT_NEAR(got.drawn.logprob, logits[static_cast<size_t>(drawn)] - std::log(total), 1e-5);
    ASSERT_EQ(got.top.size(), std::min<size_t>(20, vocab));
    std::vector<float> sorted = logits;
    std::sort(sorted.rbegin(), sorted.rend());
    for (size_t i = 0; i < got.top.size(); ++i) {
      EXPECT_EQ(logits[static_cast<size_t>(got.top[i].id)], sorted[i]);
      EXPECT_NEAR(got.top[i].logprob, sorted[i] - std::log(total), 1e-5);
    }
    EXPECT_TRUE(logprobs_of(logits, drawn, 0).top.empty());
  }
}

TEST(Logprobs, ImpossibleTokensAreNoAlternatives) {
  const float inf = std::numeric_limits<float>::infinity();
  const Logprobs got = logprobs_of({-inf, 2, -inf, 2}, 3, 5);
  EXPECT_NEAR(got.drawn.logprob, -std::log(2.0), 1e-6);
  ASSERT_EQ(got.top.size(), 2u);
  EXPECT_EQ(got.top[0].id, 1);
  EXPECT_EQ(got.top[1].id, 3);
}

class HeldTokensTest : public ::testing::Test {
 protected:
  void push(int32_t id, size_t bytes, HeldTokens::Text text = HeldTokens::Text::kWhole) {
    held_.push({.token = {.id = id}}, bytes, text);
  }
  std::vector<int32_t> show(size_t bytes) {
    told_.clear();
    held_.show(bytes, tell_);
    return told_;
  }

  HeldTokens held_;
  std::vector<int32_t> told_;
  std::function<void(const Event&)> tell_ = [this](const Event& e) {
    told_.push_back(std::get<TokenEvent>(e).token.id);
  };
};

using Told = std::vector<int32_t>;

TEST_F(HeldTokensTest, WaitUntilTheirTextIsShown) {
  push(1, 3);
  EXPECT_EQ(show(2), (Told{}));
  push(2, 2);
  EXPECT_EQ(show(1), (Told{1}));
  push(3, 0);  // a control token
  EXPECT_EQ(show(2), (Told{2, 3}));
  push(4, 0);
  EXPECT_EQ(show(0), (Told{4}));
}

TEST_F(HeldTokensTest, WaitForTheWholeCharacter) {
  push(1, 1, HeldTokens::Text::kUnfinished);  // "a" and the first byte of another
  EXPECT_EQ(show(1), (Told{}));
  push(2, 0, HeldTokens::Text::kUnfinished);
  EXPECT_EQ(show(0), (Told{}));
  push(3, 4);
  EXPECT_EQ(show(3), (Told{}));
  EXPECT_EQ(show(1), (Told{1, 2, 3}));
  push(4, 0, HeldTokens::Text::kUnfinished);
  EXPECT_EQ(show(3), (Told{})) << "the end made it U+FFFD";
  held_.show_rest(tell_);
  EXPECT_EQ(told_, (Told{4}));
}

}  // namespace
}  // namespace ferrum
