// Which texts of which requests make a step: each request in turn, none starved, states apart from vectors.
#include "engine/local/text_queue.h"

#include <gtest/gtest.h>

#include <map>

namespace ferrum {
namespace {

std::shared_ptr<TextJob> job(const std::vector<size_t>& lengths,
                             TextRequest::Result result = TextRequest::Result::kEmbeddings) {
  auto job = std::make_shared<TextJob>();
  job->request.result = result;
  for (const size_t length : lengths) {
    job->texts.emplace_back();
    job->texts.back().tokens.resize(length);
  }
  return job;
}

auto at_most(size_t most_texts, size_t most_tokens) {
  return [=](size_t texts, size_t tokens) { return texts <= most_texts && tokens <= most_tokens; };
}

// The steps until nothing is left, as numbers of texts by job.
std::vector<std::map<const TextJob*, int>> all_steps(TextQueue& queue, size_t texts, size_t tokens) {
  std::vector<std::map<const TextJob*, int>> steps;
  for (int i = 0; i < 1000; ++i) {
    queue.take([](const TextJob& job) { return job.next == job.texts.size(); });
    const auto parts = queue.next_step(at_most(texts, tokens));
    if (parts.empty()) break;
    steps.emplace_back();
    for (const TextQueue::Part& part : parts) ++steps.back()[part.job.get()];
  }
  return steps;
}

TEST(TextQueue, AStepTakesATextOfEachRequestInTurn) {
  TextQueue queue;
  const auto many = job(std::vector<size_t>(100, 10)), one = job({10}), two = job({10, 10});
  for (const auto& j : {many, one, two}) queue.add(j);
  const auto steps = all_steps(queue, 8, 1000);
  EXPECT_EQ(steps[0].at(many.get()), 5);
  EXPECT_EQ(steps[0].at(one.get()), 1);
  EXPECT_EQ(steps[0].at(two.get()), 2);
  EXPECT_EQ(steps.size(), 13U) << "100 + 3 texts, 8 a step";
}

TEST(TextQueue, ALongTextWaitsForItsTurnAndIsNotStarved) {
  TextQueue queue;
  const auto small = job(std::vector<size_t>(50, 4)), long_one = job({100});
  queue.add(small);
  queue.add(long_one);
  const auto steps = all_steps(queue, 8, 100);
  EXPECT_FALSE(steps[0].contains(long_one.get()));
  EXPECT_TRUE(steps[1].contains(long_one.get())) << "it comes first in the second step";
}

TEST(TextQueue, ATextLongerThanAStepIsComputedAlone) {
  TextQueue queue;
  const auto j = job({500, 5, 5});
  queue.add(j);
  const auto first = queue.next_step(at_most(8, 100));
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(queue.next_step(at_most(8, 100)).size(), 2U);
}

TEST(TextQueue, StatesAndVectorsAreNotMadeInOneStep) {
  TextQueue queue;
  const auto vectors = job({5, 5}), states = job({5, 5}, TextRequest::Result::kStates);
  queue.add(vectors);
  queue.add(states);
  for (const auto& parts : {queue.next_step(at_most(8, 100)), queue.next_step(at_most(8, 100))}) {
    ASSERT_EQ(parts.size(), 2U);
    EXPECT_EQ(parts[0].job, parts[1].job);
  }
}

TEST(TextQueue, UnwantedRequestsAreTakenOut) {
  TextQueue queue;
  const auto kept = job({5}), unwanted = job({5}), over = job({5});
  for (const auto& j : {kept, unwanted, over}) queue.add(j);
  over->over = true;
  const auto taken = queue.take([&](const TextJob& j) { return &j == unwanted.get(); });
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0], unwanted);
  EXPECT_EQ(queue.jobs(), 1U);
}

}  // namespace
}  // namespace ferrum
