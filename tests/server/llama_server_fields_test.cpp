// llama-server's fields that shape an answer: its list of samplers and its limits of lines.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "server/api/line_limits.h"
#include "server/api/sampler_list.h"
#include "server/openai_fixture.h"

namespace ferrum {
namespace {

using nlohmann::json;
using server::LineLimits;
using std::chrono::milliseconds;

using Samplers = test::OpenAi;

TEST_F(Samplers, StagesThatTheListLeavesOutAreOff) {
  const json all = {
      {"temperature", 0.5},    {"top_k", 7},       {"top_p", 0.9},           {"min_p", 0.1},
      {"repeat_penalty", 1.3}, {"typical_p", 0.8}, {"xtc_probability", 0.5}, {"dry_multiplier", 2},
      {"presence_penalty", 1}};
  json body = all;
  body["samplers"] = {"top_k", "top-p"};
  const SamplingOptions two = asked_chat(body).sampling;
  EXPECT_EQ(two.top_k, 7);
  EXPECT_EQ(two.top_p, 0.9f);
  EXPECT_EQ(two.temperature, 1);
  EXPECT_EQ(two.min_p, 0);
  EXPECT_EQ(two.typical_p, 1);
  EXPECT_EQ(two.xtc_probability, 0);
  EXPECT_EQ(two.repetition_penalty, 1);
  EXPECT_EQ(two.presence_penalty, 0);
  EXPECT_EQ(two.dry_multiplier, 0);
  body["samplers"] = "edtkypmx";
  const SamplingOptions eight = asked_text(body).sampling;
  EXPECT_EQ(eight.temperature, 0.5f);
  EXPECT_EQ(eight.repetition_penalty, 1.3f);
  EXPECT_EQ(eight.xtc_probability, 0.5f);
  EXPECT_EQ(asked_chat({{"samplers", json::array()}, {"min_p", 0.2}}).sampling.min_p, 0.2f);
}

TEST_F(Samplers, AnOrderThatGivesOtherTokensIsRefused) {
  const json late = {{"samplers", {"top_k", "temperature"}}, {"top_k", 7}, {"temperature", 0.5}};
  for (const std::string& path : {test::kChat, test::kText})
    expect_refused(path, path == test::kChat ? test::chat(late) : test::text(late), "samplers",
                   "temperature cannot come behind top_k");
  // Where a stage does nothing, its place does not matter.
  for (const double neutral : {0.0, 1.0})
    asked_chat({{"samplers", {"top_k", "temperature"}}, {"top_k", 7}, {"temperature", neutral}});
  asked_chat({{"samplers", {"top_k", "temperature"}}, {"top_k", 0}, {"temperature", 0.5}});
  expect_refused(test::kChat, test::chat({{"samplers", {"top_j"}}}), "samplers",
                 "there is no sampler 'top_j'");
  expect_refused(test::kChat, test::chat({{"samplers", "kj"}}), "samplers", "there is no sampler 'j'");
  expect_refused(test::kChat, test::chat({{"samplers", 5}}), "samplers");
}

TEST_F(Samplers, LimitsOfLinesAreForGaps) {
  expect_refused(test::kChat, test::chat({{"t_max_predict_ms", 500}}), "t_max_predict_ms");
  expect_refused(test::kText, test::text({{"n_indent", 2}}), "n_indent");
}

// Gives texts, then the end.
class ListedStream final : public EventStream {
 public:
  ListedStream(std::vector<std::string> texts, bool& cancelled) : cancelled_(cancelled) {
    for (std::string& text : texts) events_.emplace_back(TextEvent{.text = std::move(text)});
    events_.emplace_back(FinishEvent{});
  }
  std::optional<Event> next() override { return poll(); }
  std::optional<Event> poll() override {
    if (events_.empty()) return std::nullopt;
    Event event = std::move(events_.front());
    events_.pop_front();
    return event;
  }
  bool over() const override { return events_.empty(); }
  void subscribe(std::function<void()> /*on_event*/) override {}
  void cancel() override { cancelled_ = true; }

 private:
  std::deque<Event> events_;
  bool& cancelled_;
};

struct Within {
  std::string text;
  FinishReason reason = FinishReason::kStop;
  bool cancelled = false;
};

// Each text comes 100 ms after the one before.
Within read_within(const LineLimits& limits, std::vector<std::string> texts) {
  Within found;
  server::Streams streams;
  streams.push_back(std::make_unique<ListedStream>(std::move(texts), found.cancelled));
  auto now = std::chrono::steady_clock::time_point();
  streams = server::within(std::move(streams), limits, [&] { return now += milliseconds(100); });
  while (const std::optional<Event> event = streams[0]->poll()) {
    if (const auto* text = std::get_if<TextEvent>(&*event)) found.text += text->text;
    if (const auto* finish = std::get_if<FinishEvent>(&*event)) found.reason = finish->reason;
  }
  return found;
}

TEST(LineLimits, ALineThatIsIndentedLessEndsTheAnswer) {
  const LineLimits limits{.indent = 2};
  const std::string whole = "x\n  y\n\t z\n end";
  for (size_t size = 1; size <= whole.size(); ++size) {
    std::vector<std::string> pieces;
    for (size_t i = 0; i < whole.size(); i += size) pieces.push_back(whole.substr(i, size));
    const Within found = read_within(limits, pieces);
    EXPECT_EQ(found.text, "x\n  y\n\t z\n ") << size;
    EXPECT_EQ(found.reason, FinishReason::kMaxTokens);
    EXPECT_TRUE(found.cancelled);
  }
  EXPECT_EQ(read_within(limits, {"a\n\n  b"}).text, "a\n") << "an empty line has no indentation";
  const Within kept = read_within(limits, {"a\n  b"});
  EXPECT_EQ(kept.text, "a\n  b");
  EXPECT_EQ(kept.reason, FinishReason::kStop);
  EXPECT_FALSE(kept.cancelled);
}

TEST(LineLimits, ALateAnswerEndsWithItsLine) {
  const LineLimits limits{.time = milliseconds(250)};
  EXPECT_EQ(read_within(limits, {"a", "b\n", "c", "d", "e\n f", "g"}).text, "ab\ncde\n f");
  EXPECT_EQ(read_within(limits, {"a", "b", "c", "d", "e"}).text, "abcde")
      << "without a line's end it goes on";
  EXPECT_EQ(read_within(limits, {"a\n", "b\n", "c\n"}).reason, FinishReason::kStop);
}

}  // namespace
}  // namespace ferrum
