// Options of requests at their extremes, all combined: a right answer or an error, the same with drafts,
// cache and small steps as without.
#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "base/random.h"
#include "engine/answers.h"

namespace ferrum {
namespace {

constexpr int kVocabulary = 1536;  // tokens of the model that requests are made of
constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Told {
  std::vector<test::ReadAnswer> choices;
  std::vector<float> prompt;  // of its tokens but the first, with alternatives
  std::string error;
};

Told read(EventStream& stream, int choices) {
  Told told;
  test::Answers answers;
  answers.choices.resize(static_cast<size_t>(choices));
  while (const std::optional<Event> event = stream.next()) {
    if (const auto* prompt = std::get_if<PromptEvent>(&*event)) {
      for (size_t i = 1; i < prompt->tokens.size(); ++i) {
        told.prompt.push_back(prompt->tokens[i].token.logprob);
        for (const TokenChance& other : prompt->tokens[i].top) told.prompt.push_back(other.logprob);
      }
    } else {
      test::take(*event, answers);
    }
  }
  told.choices = std::move(answers.choices);
  told.error = std::move(answers.error);
  return told;
}

Request combination(uint64_t key) {
  uint64_t drawn = 0;
  const auto one_of = [&](auto values) { return values[random_bits(key, drawn++) % values.size()]; };
  Request r;
  std::vector<int32_t> prompt;
  const int period = one_of(std::array{1, 3, 50});
  for (int i = 0; i < 40; ++i)
    prompt.push_back(i < period ? 300 + one_of(std::array{0, 7, 100}) + i
                                : prompt[static_cast<size_t>(i - period)]);
  r.prompt = TokenPrompt{std::move(prompt)};
  SamplingOptions& s = r.sampling;
  s.temperature = one_of(std::array{0.0f, 1e-30f, 1.0f, 100.0f});
  s.top_k = one_of(std::array{0, 1, kVocabulary});
  s.top_p = one_of(std::array{1.0f, std::numeric_limits<float>::min()});
  s.min_p = one_of(std::array{0.0f, 1.0f});
  s.typical_p = one_of(std::array{1.0f, 1e-6f});
  s.repetition_penalty = one_of(std::array{1.0f, 0.01f, 100.0f});
  s.repetition_window = one_of(std::array{-1, 0, 1});
  s.presence_penalty = one_of(std::array{0.0f, -2.0f, 2.0f});
  s.frequency_penalty = one_of(std::array{0.0f, -2.0f, 2.0f});
  s.dry_multiplier = one_of(std::array{0.0f, 100.0f});
  s.xtc_probability = one_of(std::array{0.0f, 1.0f});
  s.xtc_threshold = one_of(std::array{0.0f, 1.0f});
  s.mirostat = one_of(std::array{0, 0, 0, 1, 2});
  s.seed = one_of(std::array{uint64_t{0}, std::numeric_limits<uint64_t>::max()});
  if (one_of(std::array{false, true})) s.logit_bias = {{300, -kInfinity}, {301, -kInfinity}, {302, 100.0f}};
  r.choices = one_of(std::array{1, 1, 3});
  r.best_of = one_of(std::array{0, 0, 1, 4});
  r.max_tokens = one_of(std::array{0, 1, 6, 12});
  r.min_tokens = one_of(std::array{0, 0, 6});
  r.logprobs = one_of(std::array{std::optional<int>(), std::optional<int>(0), std::optional<int>(20)});
  r.prompt_logprobs = one_of(
      std::array{std::optional<int>(), std::optional<int>(), std::optional<int>(0), std::optional<int>(20)});
  r.stop = one_of(std::array{std::vector<std::string>(), std::vector<std::string>{"e"},
                             std::vector<std::string>(64, std::string(1000, 'x'))});
  if (one_of(std::array{false, true})) r.end_of_text = Request::EndOfText::kIgnored;
  return r;
}

void expect_same(const Told& told, const Told& wanted) {
  ASSERT_EQ(told.error, wanted.error);
  ASSERT_EQ(told.prompt, wanted.prompt);
  ASSERT_EQ(told.choices.size(), wanted.choices.size());
  for (size_t i = 0; i < told.choices.size(); ++i) {
    ASSERT_EQ(told.choices[i].text, wanted.choices[i].text);
    ASSERT_EQ(told.choices[i].tokens, wanted.choices[i].tokens);
    ASSERT_EQ(told.choices[i].logprobs, wanted.choices[i].logprobs);
    ASSERT_EQ(told.choices[i].finish.has_value(), wanted.choices[i].finish.has_value());
  }
}

TEST(EngineFaults, N5_OptionsAtTheirExtremesCombined) {
  const EngineOptions plain = {
      .model = test::demonstration("demo-dense"), .threads = 1, .max_context = 128, .prefix_cache = false};
  EngineOptions other = plain;
  other.max_sequences = 5;
  other.batch_tokens = 7;
  other.prefix_cache = true;
  other.speculate = "ngram";
  const auto engine = Engine::load(plain);
  const auto drafting = Engine::load(other);
  int answered = 0;
  int refused = 0;
  for (uint64_t key = 0; key < 150 && !testing::Test::HasFatalFailure(); ++key) {
    SCOPED_TRACE(key);
    const Request request = combination(key);
    const Told wanted = read(*engine->submit(request), request.choices);
    const auto first = drafting->submit(request);
    const auto second = drafting->submit(request);  // beside it
    expect_same(read(*first, request.choices), wanted);
    expect_same(read(*second, request.choices), wanted);
    if (!wanted.error.empty()) {
      ++refused;
      continue;
    }
    ++answered;
    for (const test::ReadAnswer& answer : wanted.choices) {
      ASSERT_TRUE(answer.finish);
      EXPECT_LE(answer.finish->usage.generated_tokens, request.max_tokens);
      if (request.min_tokens == 0) {  // among the tokens that an answer has to have, they are text
        for (const std::string& stop : request.stop) EXPECT_EQ(answer.text.find(stop), std::string::npos);
      }
      for (const int32_t id : answer.tokens)
        EXPECT_FALSE(request.sampling.logit_bias.contains(id) && request.sampling.logit_bias.at(id) < -100);
    }
  }
  EXPECT_GT(answered, 30);
  EXPECT_GT(refused, 10);
}

}  // namespace
}  // namespace ferrum
