#include "engine/loop/pace.h"

#include <gtest/gtest.h>

namespace ferrum {
namespace {

constexpr double kStretch = 2;
constexpr Crowd kCrowd = {.decoding = 4, .waiting = 1};

// Sequences that decode beside a prompt, on a machine whose every cost is known.
struct World {
  double decode = 0.02;  // seconds of a step without prompts
  double fixed = 0;      // seconds that a prompt adds whatever its share of the step
  double token = 0.002;  // seconds that each of its tokens adds
  double growth = 0;     // seconds that each step makes the next one longer by
  int steps = 0;
  int prompt_steps = 0;
  int prompt_tokens = 0;
  int most = 0;  // tokens of prompts in a step
  double seconds = 0;
  double without = 0;  // seconds that the same steps take without prompts

  void run(Pace& pace, int count) {
    for (int i = 0; i < count; ++i, ++steps, decode += growth) {
      const int tokens = pace.prompt_tokens(kCrowd);
      const double time = decode + (tokens > 0 ? fixed + token * tokens : 0);
      pace.observe(Pace::Seconds(time), kCrowd, tokens);
      prompt_steps += tokens > 0;
      prompt_tokens += tokens;
      most = std::max(most, tokens);
      seconds += time;
      without += decode;
    }
  }
  double stretch() const { return seconds / without; }
};

TEST(Pace, FirstLearnsWhatDecodingTakes) {
  Pace pace(kStretch);
  EXPECT_EQ(pace.prompt_tokens(kCrowd), 0);
  pace.observe(Pace::Seconds(0.02), kCrowd, 0);
  EXPECT_EQ(pace.prompt_tokens(kCrowd), Pace::kLeast);
}

TEST(Pace, PromptsTakeTheirShareAndNoMore) {
  Pace pace(kStretch);
  World world = {.token = 0.0005};
  world.run(pace, 1000);
  EXPECT_LE(world.stretch(), kStretch);
  EXPECT_GE(world.stretch(), 0.85 * kStretch) << "prompts have to come on as well";
  EXPECT_LE(world.most, 80) << "no more than one step left of its time";
}

TEST(Pace, WhereTheLeastIsTooMuchStepsGoWithout) {
  Pace pace(kStretch);
  World world = {.fixed = 0.05};
  world.run(pace, 1000);
  EXPECT_LE(world.stretch(), 1.03 * kStretch);
  EXPECT_GE(world.stretch(), 0.85 * kStretch);
  EXPECT_GE(world.prompt_tokens, world.prompt_steps * Pace::kLeast);
}

TEST(Pace, FollowsContextsThatGrow) {
  Pace pace(kStretch);
  World world = {.growth = 0.0001};
  world.run(pace, 500);
  const int early = world.prompt_tokens;
  world.run(pace, 500);
  EXPECT_LE(world.stretch(), 1.03 * kStretch);
  EXPECT_GT(world.prompt_tokens - early, early * 3 / 2) << "longer steps have room for more";
}

TEST(Pace, OneStepThatTheMachineHeldUpIsSoonForgotten) {
  Pace pace(kStretch);
  World world = {.token = 0.0005};
  world.run(pace, 200);
  const int usual = pace.prompt_tokens(kCrowd);
  pace.observe(Pace::Seconds(10), kCrowd, usual);
  World after = {.token = 0.0005};
  after.run(pace, 64);
  EXPECT_GE(after.prompt_tokens, 64 * usual / 2);
}

TEST(Pace, PromptsThatCostNothingAreNotHeldBack) {
  Pace pace(kStretch);
  World world = {.token = 0};
  world.run(pace, 20);
  EXPECT_GE(pace.prompt_tokens(kCrowd), 1000);
}

TEST(Pace, OneStepThatSeemedToCostNothingIsNoReasonForALeap) {
  Pace pace(kStretch);
  pace.observe(Pace::Seconds(0.04), kCrowd, 0);  // held up
  pace.observe(Pace::Seconds(0.03), kCrowd, Pace::kLeast);
  EXPECT_LE(pace.prompt_tokens(kCrowd), 2 * Pace::kLeast);
}

// Steps of a machine where d sequences take (10 + 2 d) ms and a prompt token 1 ms.
double share_of_prompts(const Crowd& crowd) {
  Pace pace(kStretch);
  const auto plain = [](int decoding) { return 0.010 + 0.002 * decoding; };
  for (int i = 0; i < 200; ++i)
    for (const int decoding : {1, 2, crowd.decoding})
      pace.observe(Pace::Seconds(plain(decoding)), {.decoding = decoding}, 0);
  double prompts = 0;
  double all = 0;
  for (int i = 0; i < 2000; ++i) {
    const int tokens = pace.prompt_tokens(crowd);
    const double time = plain(crowd.decoding) + 0.001 * tokens;
    pace.observe(Pace::Seconds(time), crowd, tokens);
    prompts += 0.001 * tokens;
    all += time;
  }
  return prompts / all;
}

TEST(Pace, TheTimeIsSharedByNumbers) {
  EXPECT_NEAR(share_of_prompts({.decoding = 1, .waiting = 1}), 0.5, 0.02);
  EXPECT_NEAR(share_of_prompts({.decoding = 16, .waiting = 1}), 0.5, 0.02);
  EXPECT_NEAR(share_of_prompts({.decoding = 5, .waiting = 2}), 48.0 / (48 + 20), 0.02);
  EXPECT_NEAR(share_of_prompts({.decoding = 1, .waiting = 7}), 49.0 / (49 + 1), 0.02);
  EXPECT_NEAR(share_of_prompts({.decoding = 15, .waiting = 3}), 108.0 / (108 + 40), 0.02);
}

TEST(Pace, StepsWithPromptsOnlySayNothing) {
  Pace pace(kStretch);
  pace.observe(Pace::Seconds(1), {.decoding = 0, .waiting = 1}, 512);
  EXPECT_EQ(pace.prompt_tokens(kCrowd), 0);
}

}  // namespace
}  // namespace ferrum
