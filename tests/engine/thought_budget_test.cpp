// A thought ends when its budget is spent.
#include "engine/sampling/thought_budget.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/error.h"
#include "engine/answers.h"
#include "engine/test_sampler.h"
#include "ferrum/engine.h"
#include "support/files.h"

namespace ferrum {
namespace {

enum : TokenId { kBegin = 0, kEnd = 1, kWord = 2, kOther = 3 };

// Marks in a vocabulary of these tokens, which writes a text with the longest ones.
std::shared_ptr<const ThoughtMarks> marks_in(const std::vector<std::string>& tokens, bool anywhere) {
  const auto bytes = [tokens](TokenId id) { return tokens.at(static_cast<size_t>(id)); };
  const auto encode = [tokens](const std::string& text) {
    std::vector<TokenId> ids;
    for (size_t at = 0; at < text.size();) {
      size_t longest = tokens.size();
      for (size_t i = 0; i < tokens.size(); ++i)
        if (text.compare(at, tokens[i].size(), tokens[i]) == 0 &&
            (longest == tokens.size() || tokens[i].size() > tokens[longest].size()))
          longest = i;
      EXPECT_LT(longest, tokens.size()) << text.substr(at);
      if (longest == tokens.size()) break;
      ids.push_back(static_cast<TokenId>(longest));
      at += tokens[longest].size();
    }
    return ids;
  };
  return std::make_shared<const ThoughtMarks>(
      ThoughtMarks::Vocabulary{.size = static_cast<int>(tokens.size()),
                               .bytes = bytes,
                               .is_text = [](TokenId) { return true; },
                               .encode = encode},
      ThoughtMarks::Texts{.open = "<think>", .close = "</think>", .begin = "<think>", .anywhere = anywhere});
}

ThoughtBudget budget(size_t tokens, bool open = false) {
  static const auto kMarks = marks_in({"<think>", "</think>", "word", "other"}, true);
  return {.marks = kMarks, .tokens = tokens, .prompt_is_open = open};
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
  using Tokens = std::vector<TokenId>;
  EXPECT_EQ(budget(0).next({}).forbidden, Tokens{});
  const Tokens spent = {kBegin, kWord, kEnd};
  EXPECT_EQ(budget(1).next(spent).forbidden, Tokens{kBegin});
  EXPECT_EQ(budget(2).next(spent).forbidden, Tokens{});
}

// Marks of several tokens, in a vocabulary that can also write them otherwise.
class MarksOfSeveralTokens : public testing::Test {
 protected:
  enum : TokenId { kLess, kSlash, kThink, kMore, kLessSlash, kX, kXLess, kMoreLine, kSpace, kLetter };
  using Tokens = std::vector<TokenId>;

  ThoughtBudget budget(size_t tokens, bool anywhere = false) const {
    return {.marks = anywhere ? anywhere_ : marks_, .tokens = tokens, .prompt_is_open = false};
  }
  // The tokens that are forced one after the other.
  static Tokens forced(const ThoughtBudget& budget, Tokens answer) {
    Tokens ids;
    while (const auto id = budget.next(answer).forced) {
      ids.push_back(*id);
      answer.push_back(*id);
    }
    return ids;
  }

  const std::vector<std::string> tokens_ = {"<", "/", "think", ">", "</", "x", "x<", ">\n", " ", "t"};
  const std::shared_ptr<const ThoughtMarks> marks_ = marks_in(tokens_, false);
  const std::shared_ptr<const ThoughtMarks> anywhere_ = marks_in(tokens_, true);
  const Tokens open_ = {kLess, kThink, kMore};
  Tokens opened(const Tokens& more) const {
    Tokens answer = open_;
    answer.insert(answer.end(), more.begin(), more.end());
    return answer;
  }
};

TEST_F(MarksOfSeveralTokens, AreForcedAsTheVocabularyWritesThem) {
  const Tokens close = {kLessSlash, kThink, kMore};
  EXPECT_EQ(forced(budget(0), open_), close);
  EXPECT_EQ(forced(budget(2), opened({kX})), Tokens{});
  EXPECT_EQ(forced(budget(2), opened({kX, kSpace})), close);
  EXPECT_EQ(forced(budget(2), opened({kX, kX})), close) << "x< would be one token, but x has come";
  EXPECT_EQ(forced(budget(2), {kX, kX, kX}), Tokens{}) << "no thought";
}

TEST_F(MarksOfSeveralTokens, WhatTheModelBeganIsCompleted) {
  EXPECT_EQ(forced(budget(2), opened({kX, kLess})), (Tokens{kSlash, kThink, kMore}));
  EXPECT_EQ(forced(budget(2), opened({kX, kXLess})), (Tokens{kSlash, kThink, kMore}));
  EXPECT_EQ(forced(budget(1), opened({kX, kLessSlash, kThink})), Tokens{kMore});
  EXPECT_EQ(forced(budget(1), opened({kX, kLessSlash, kThink, kMoreLine})), Tokens{}) << "it is over";
  EXPECT_EQ(forced(budget(3), opened({kX, kLessSlash, kX})), (Tokens{kLessSlash, kThink, kMore}))
      << "what turns out to be no mark is a thought";
}

TEST_F(MarksOfSeveralTokens, TokensAreCountedWithoutThem) {
  ThoughtScan scan = budget(9).scan();
  for (const TokenId id : opened({kX, kX, kLessSlash, kThink})) scan.take(id);
  EXPECT_EQ(scan.tokens(), 4u);
  EXPECT_TRUE(scan.inside());
  scan.take(kMore);
  EXPECT_EQ(scan.tokens(), 2u);
  EXPECT_FALSE(scan.inside());
}

TEST_F(MarksOfSeveralTokens, TextAboutThoughtsIsNone) {
  const Tokens talk = {kX, kLess, kThink, kMore, kX, kX, kX};
  EXPECT_EQ(forced(budget(2), talk), Tokens{});
  EXPECT_NE(forced(budget(2, true), talk), Tokens{}) << "in formats where thoughts begin anywhere";
  EXPECT_NE(forced(budget(1), {kSpace, kLess, kThink, kMore, kX}), Tokens{}) << "white space may precede one";
}

TEST_F(MarksOfSeveralTokens, NoSecondThoughtIsCompleted) {
  Tokens answer = opened({kX, kLessSlash, kThink, kMore, kX});
  EXPECT_EQ(budget(1, true).next(answer).forbidden, Tokens{}) << "no token has all of the mark";
  answer.push_back(kLess);
  answer.push_back(kThink);
  EXPECT_EQ(budget(1, true).next(answer).forbidden, (Tokens{kMore, kMoreLine}));
  EXPECT_EQ(budget(1).next(answer).forbidden, Tokens{}) << "it is text there";
}

// An opened call ends a thought that was left open.
TEST_F(MarksOfSeveralTokens, ACallEndsAThought) {
  ThoughtBudget limited = budget(2);
  limited.calls = std::make_shared<const grammar::ByteSearch>(std::vector<grammar::TextPattern>{{"<x", "x"}},
                                                              grammar::Limits{});
  const Tokens call = opened({kX, kX, kLess, kX, kSpace, kX});
  EXPECT_EQ(limited.next(std::span(call).first(5)).forced, kLessSlash);
  EXPECT_EQ(limited.next(call).forced, std::nullopt);
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

EngineOptions options(const std::filesystem::path& model, int kv_tokens, const char* speculate) {
  return {.model = model,
          .threads = 1,
          .max_context = 256,
          .max_sequences = 6,
          .kv_tokens = kv_tokens,
          .speculate = speculate};
}

const std::filesystem::path kModel = test::demonstration("demo-dense");

// The model with a vocabulary that writes both marks with several tokens, and a template that has them.
std::filesystem::path model_without_mark_tokens(const test::TemporaryFolder& folder) {
  std::string bytes = test::read_file(kModel);
  for (const std::string mark : {"<think>", "</think>"}) {
    std::string entry(8, '\0');  // an entry of the vocabulary: length, text
    entry[0] = static_cast<char>(mark.size());
    const size_t at = bytes.find(entry + mark);
    EXPECT_NE(at, std::string::npos);
    bytes[at + entry.size() + 1] = '#';
  }
  // Key, type and length stand before the template. Data stay aligned by 32 bytes.
  const std::string key = "tokenizer.chat_template";
  const size_t length_at = bytes.find(key) + key.size() + 4;
  const std::string comment = "{#- <think> and </think>     -#}";
  EXPECT_EQ(comment.size(), 32u);
  uint64_t length = 0;
  std::memcpy(&length, &bytes[length_at], sizeof length);
  length += comment.size();
  std::memcpy(&bytes[length_at], &length, sizeof length);
  bytes.insert(length_at + sizeof length, comment);
  return folder.write("several.gguf", bytes);
}

void expect_budgets_hold(const std::filesystem::path& model, bool several) {
  const auto plain = Engine::load(options(model, 1024, ""));
  std::vector<int32_t> ids = plain->tokens_of(
      ChatPrompt{.messages = {{"user", "the cat sat on the mat, the cat sat on the mat, the"}}});
  const std::vector<int32_t> begin =
      plain->tokens_of(TextPrompt{.text = "<think>", .bos = TextPrompt::Bos::kOmitted});
  EXPECT_EQ(begin.size() > 1, several);
  ids.insert(ids.end(), begin.begin(), begin.end());

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
    const auto mark = static_cast<int>(
        plain->tokens_of(TextPrompt{.text = "</think>", .bos = TextPrompt::Bos::kOmitted}).size());
    EXPECT_EQ(mark > 1, several);
    EXPECT_LE(alone.back().usage.reasoning_tokens, r.max_thought_tokens + mark);
  }
  const auto busy = Engine::load(options(model, 288, "ngram"));
  std::vector<std::unique_ptr<EventStream>> streams;
  for (const Request& r : requests) streams.push_back(busy->submit(r));
  for (size_t i = 0; i < requests.size(); ++i)
    EXPECT_EQ(read(*streams[i], requests[i].choices).texts, alone[i].texts);
  EXPECT_GT(busy->stats().drafted_tokens, 0);
  EXPECT_GT(busy->stats().preemptions, 0);
}

TEST(ThoughtBudget, NothingElseChangesWhatAnAnswerWithOneSays) { expect_budgets_hold(kModel, false); }

TEST(ThoughtBudget, NothingElseChangesItWhereMarksAreSeveralTokens) {
  const test::TemporaryFolder folder;
  expect_budgets_hold(model_without_mark_tokens(folder), true);
}

}  // namespace
}  // namespace ferrum
