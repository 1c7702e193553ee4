// A thought ends when its budget is spent.
#include "engine/sampling/thought_budget.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "engine/test_sampler.h"
#include "ferrum/engine.h"
#include "support/paths.h"

namespace ferrum {
namespace {

enum : TokenId { kBegin = 0, kEnd = 1, kWord = 2, kOther = 3 };

ThoughtBudget budget(size_t tokens, bool open = false) {
  return {.begin = kBegin, .end = kEnd, .tokens = tokens, .prompt_is_open = open};
}

TEST(ThoughtBudget, ForcesTheEndOnceItIsSpent) {
  const auto forced = [](const ThoughtBudget& b, const std::vector<TokenId>& answer) {
    return b.next(answer).forced;
  };
  EXPECT_EQ(forced(budget(2), {}), std::nullopt);
  EXPECT_EQ(forced(budget(2), {kWord, kWord, kWord}), std::nullopt) << "these are no thoughts";
  EXPECT_EQ(forced(budget(2), {kBegin, kWord}), std::nullopt);
  EXPECT_EQ(forced(budget(2), {kBegin, kWord, kWord}), kEnd);
  EXPECT_EQ(forced(budget(2), {kBegin, kWord, kWord, kEnd, kWord}), std::nullopt);
  EXPECT_EQ(forced(budget(2, true), {kWord, kWord}), kEnd);
  EXPECT_EQ(forced(budget(0, true), {}), kEnd);
  EXPECT_EQ(forced(budget(0), {kBegin}), kEnd);
  EXPECT_EQ(forced(budget(2), {kBegin, kWord, kEnd, kBegin, kWord}), kEnd) << "one budget for all thoughts";
}

TEST(ThoughtBudget, NoSecondThoughtBeginsAfterIt) {
  EXPECT_EQ(budget(0).next({}).forbidden, std::nullopt);
  const std::vector<TokenId> spent = {kBegin, kWord, kEnd};
  EXPECT_EQ(budget(1).next(spent).forbidden, kBegin);
  EXPECT_EQ(budget(2).next(spent).forbidden, std::nullopt);
}

TEST(ThoughtBudget, TheSamplerKeepsIt) {
  SamplingOptions options;
  const std::vector<float> logits = {5, -9, 4, 3};
  for (const float temperature : {0.0f, 0.8f}) {
    options.temperature = temperature;
    test::TestSampler sampler(options, 1, {.prompt_tokens = 1, .thoughts = budget(1)});
    const std::vector<TokenId> inside = {kWord, kBegin, kWord};
    EXPECT_EQ(sampler.propose(logits, inside), kEnd);
    EXPECT_EQ(sampler.sample(logits, inside), kEnd);
    const std::vector<TokenId> after = {kWord, kBegin, kWord, kEnd};
    EXPECT_NE(sampler.sample(logits, after), kBegin);
  }
  test::TestSampler sampler(options, 1, {.prompt_tokens = 1, .thoughts = budget(0)});
  const std::vector<float> broken = {5, -9, 4, std::nanf("")};
  EXPECT_THROW(sampler.sample(broken, std::vector<TokenId>{kWord, kBegin}), Error);
}

// Through the public interface: beside others, with drafts, preemptions and several choices.
struct Read {
  std::vector<std::string> texts;
  Usage usage;
};

Read read(EventStream& stream, int choices) {
  Read r;
  r.texts.resize(static_cast<size_t>(choices));
  while (const std::optional<Event> event = stream.next()) {
    if (const auto* text = std::get_if<TextEvent>(&*event))
      r.texts[static_cast<size_t>(text->choice)] += text->text;
    if (const auto* finish = std::get_if<FinishEvent>(&*event)) {
      r.usage = finish->usage;
      r.usage.preemptions += finish->usage.preemptions;
    }
    if (const auto* error = std::get_if<ErrorEvent>(&*event)) ADD_FAILURE() << error->message;
  }
  return r;
}

EngineOptions options(int kv_tokens, const char* speculate) {
  return {.model = std::filesystem::path(FERRUM_SOURCE_DIR) / "models" / "demo-dense.gguf",
          .threads = 1,
          .max_context = 256,
          .max_sequences = 6,
          .kv_tokens = kv_tokens,
          .speculate = speculate};
}

TEST(ThoughtBudget, NothingElseChangesWhatAnAnswerWithOneSays) {
  const auto plain = Engine::load(options(1024, ""));
  std::vector<int32_t> ids = plain->tokens_of(
      ChatPrompt{.messages = {{"user", "the cat sat on the mat, the cat sat on the mat, the"}}});
  const std::string begin = "<think>";
  int32_t begin_id = -1;
  for (int32_t id = 0; begin_id < 0; ++id)
    if (plain->text_of(std::span(&id, 1)) == begin) begin_id = id;
  ids.push_back(begin_id);

  std::vector<Request> requests;
  for (int i = 0; i < 4; ++i) {
    Request r;
    r.prompt = TokenPrompt{ids};
    r.sampling.seed = static_cast<uint64_t>(i);
    r.choices = 1 + i % 2;
    r.max_tokens = 60;
    r.max_thought_tokens = 12 * i;
    r.end_of_text = Request::EndOfText::kIgnored;
    requests.push_back(r);
  }
  std::vector<Read> alone;
  for (const Request& r : requests) {
    alone.push_back(read(*plain->submit(r), r.choices));
    for (const std::string& text : alone.back().texts) {
      const size_t end = text.find("</think>");
      ASSERT_NE(end, std::string::npos) << text;
      EXPECT_EQ(text.find("<think>"), std::string::npos) << text;
    }
    EXPECT_LE(alone.back().usage.reasoning_tokens, r.max_thought_tokens + 1);
  }
  const auto busy = Engine::load(options(288, "ngram"));
  std::vector<std::unique_ptr<EventStream>> streams;
  for (const Request& r : requests) streams.push_back(busy->submit(r));
  for (size_t i = 0; i < requests.size(); ++i)
    EXPECT_EQ(read(*streams[i], requests[i].choices).texts, alone[i].texts);
  EXPECT_GT(busy->stats().drafted_tokens, 0);
  EXPECT_GT(busy->stats().preemptions, 0);
}

}  // namespace
}  // namespace ferrum
