#include "engine/local/best_of.h"

#include <gtest/gtest.h>

namespace ferrum {
namespace {

class Reader final : public EventSink {
 public:
  void push(Event event) override { events.push_back(std::move(event)); }
  bool cancelled() const override { return is_cancelled; }
  std::vector<Event> events;
  bool is_cancelled = false;
};

TokenEvent token(int choice, float logprob) {
  return {.choice = choice, .token = {.id = 1, .bytes = "x", .logprob = logprob}, .top = {}};
}

TEST(BestOf, ReportsTheMostLikelyWhenAllHaveEnded) {
  const auto reader = std::make_shared<Reader>();
  BestOf best(reader, {.drawn = 4, .kept = 2}, BestOf::Tokens::kKept);
  best.push(token(0, -3));
  best.push(TextEvent{0, "worst"});
  best.push(token(1, -1));
  best.push(token(1, -1));
  best.push(TextEvent{1, "second"});
  best.push(token(2, -0.5f));
  best.push(TextEvent{2, "best"});
  for (const int choice : {2, 0, 3}) best.push(FinishEvent{.choice = choice, .stop = std::to_string(choice)});
  EXPECT_TRUE(reader->events.empty());
  best.push(FinishEvent{.choice = 1, .stop = "1"});
  ASSERT_EQ(reader->events.size(), 4u);
  EXPECT_EQ(std::get<TextEvent>(reader->events[0]).text, "best");
  EXPECT_EQ(std::get<TextEvent>(reader->events[0]).choice, 0);
  EXPECT_EQ(std::get<FinishEvent>(reader->events[1]).stop, "2");
  EXPECT_EQ(std::get<TextEvent>(reader->events[2]).text, "second");
  EXPECT_EQ(std::get<TextEvent>(reader->events[2]).choice, 1);
  EXPECT_EQ(std::get<FinishEvent>(reader->events[3]).choice, 1);
}

TEST(BestOf, TokensAndErrorsAreReportedAndCancellingIsNoticed) {
  const auto reader = std::make_shared<Reader>();
  BestOf best(reader, {.drawn = 2, .kept = 1}, BestOf::Tokens::kTold);
  best.push(token(1, -1));
  best.push(FinishEvent{.choice = 1});
  EXPECT_FALSE(best.cancelled());
  reader->is_cancelled = true;
  EXPECT_TRUE(best.cancelled());
  best.push(FinishEvent{.choice = 0});
  ASSERT_EQ(reader->events.size(), 2u);
  EXPECT_EQ(std::get<TokenEvent>(reader->events[0]).choice, 0);
  best.push(ErrorEvent{"deadline", "late"});
  EXPECT_EQ(std::get<ErrorEvent>(reader->events.back()).code, "deadline");
}

}  // namespace
}  // namespace ferrum
