#include "engine/pace.h"

#include <gtest/gtest.h>

namespace ferrum {
namespace {

constexpr double kStretch = 2;

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
      const int tokens = pace.prompt_tokens();
      const double time = decode + (tokens > 0 ? fixed + token * tokens : 0);
      pace.observe(Pace::Seconds(time), 4, tokens);
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
  EXPECT_EQ(pace.prompt_tokens(), 0);
  pace.observe(Pace::Seconds(0.02), 4, 0);
  EXPECT_EQ(pace.prompt_tokens(), Pace::kLeast);
}

TEST(Pace, PromptsTakeTheirShareAndNoMore) {
  Pace pace(kStretch);
  World world = {.token = 0.0005};
  world.run(pace, 1000);
  EXPECT_LE(world.stretch(), kStretch);
  EXPECT_GE(world.stretch(), 0.85 * kStretch) << "prompts have to come on as well";
  EXPECT_LE(world.most, 40);
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
  const int usual = pace.prompt_tokens();
  pace.observe(Pace::Seconds(10), 4, usual);
  World after = {.token = 0.0005};
  after.run(pace, 64);
  EXPECT_GE(after.prompt_tokens, 64 * usual / 2);
}

TEST(Pace, PromptsThatCostNothingAreNotHeldBack) {
  Pace pace(kStretch);
  World world = {.token = 0};
  world.run(pace, 20);
  EXPECT_GE(pace.prompt_tokens(), 1000);
}

TEST(Pace, OneStepThatSeemedToCostNothingIsNoReasonForALeap) {
  Pace pace(kStretch);
  pace.observe(Pace::Seconds(0.04), 4, 0);  // held up
  pace.observe(Pace::Seconds(0.03), 4, Pace::kLeast);
  EXPECT_LE(pace.prompt_tokens(), 2 * Pace::kLeast);
}

TEST(Pace, StepsWithPromptsOnlySayNothing) {
  Pace pace(kStretch);
  pace.observe(Pace::Seconds(1), 0, 512);
  EXPECT_EQ(pace.prompt_tokens(), 0);
}

}  // namespace
}  // namespace ferrum
