// A model as the backbone of another: embedding vectors go in, hidden states come out, through the whole
// engine.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors/safetensors.h"
#include "engine/golden.h"
#include "ferrum/engine.h"
#include "support/paths.h"

namespace ferrum {
namespace {

struct Answer {
  std::vector<int32_t> tokens;
  std::vector<float> logprobs;
  std::map<int, std::vector<float>> states;  // by position
  Usage usage;
  std::string error;
};

Answer answer_of(Engine& engine, const Request& request) {
  Answer answer;
  engine.generate(request, [&](const Event& event) {
    if (const auto* token = std::get_if<TokenEvent>(&event)) {
      answer.tokens.push_back(token->token.id);
      answer.logprobs.push_back(token->token.logprob);
    } else if (const auto* state = std::get_if<HiddenEvent>(&event)) {
      EXPECT_TRUE(answer.states.emplace(state->position, state->values).second) << "each position once";
    } else if (const auto* finish = std::get_if<FinishEvent>(&event)) {
      answer.usage = finish->usage;
    } else if (const auto* error = std::get_if<ErrorEvent>(&event)) {
      answer.error = error->message;
    }
  });
  return answer;
}

class Backbone : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const auto folder = test::shared("goldens2") / GetParam();
    FERRUM_NEEDS_SHARED(folder);
    golden_ = test::read_golden(folder);
    checkpoint_ = Checkpoint::open(folder);
    EngineOptions options;
    options.model = folder;
    options.max_context = 256;
    options.threads = 2;
    options.activations = "f32";
    options.kv_dtype = "f32";
    options.batch_tokens = 16;
    options.max_sequences = 4;
    options.speculate = "ngram";
    engine_ = Engine::load(options);
    tokens_.assign(golden_.ids.begin(), golden_.ids.begin() + golden_.length);
  }

  Request request(Prompt prompt) const {
    Request r;
    r.prompt = std::move(prompt);
    r.sampling = {.repetition_penalty = 1, .temperature = 0};
    r.sampling.seed = 1;
    r.max_tokens = 12;
    r.logprobs = 0;
    r.end_of_text = Request::EndOfText::kIgnored;
    return r;
  }
  std::vector<float> vectors_of(std::span<const int32_t> tokens) const {
    const HostTensor& table = *checkpoint_->find({TensorRole::kEmbedding});
    const auto hidden = static_cast<size_t>(checkpoint_->model().hidden);
    std::vector<float> vectors(tokens.size() * hidden);
    for (size_t i = 0; i < tokens.size(); ++i) decode_rows(table, tokens[i], 1, vectors.data() + i * hidden);
    if (!checkpoint_->model().scales_vectors)
      for (float& value : vectors) value *= checkpoint_->model().embedding_scale;
    return vectors;
  }
  // The prompt with some of its tokens as vectors.
  MixedPrompt mixed() const {
    const std::span<const int32_t> all = tokens_;
    const auto third = all.size() / 3;
    return {{{.ids = {all.begin(), all.begin() + third}, .vectors = {}},
             {.ids = {}, .vectors = vectors_of(all.subspan(third, third))},
             {.ids = {all.begin() + 2 * third, all.end()}, .vectors = {}}}};
  }

  test::Golden golden_;
  std::shared_ptr<const Checkpoint> checkpoint_;
  std::unique_ptr<Engine> engine_;
  std::vector<int32_t> tokens_;
};

TEST_P(Backbone, VectorsAreAnsweredAsTheTokensTheyAreOf) {
  const Answer of_tokens = answer_of(*engine_, request(TokenPrompt{tokens_}));
  const Answer of_vectors = answer_of(*engine_, request(mixed()));
  EXPECT_EQ(of_vectors.error, "");
  EXPECT_EQ(of_vectors.tokens, of_tokens.tokens);
  EXPECT_EQ(of_vectors.logprobs, of_tokens.logprobs);
  EXPECT_EQ(of_vectors.usage.cached_tokens, 0);
  EXPECT_EQ(of_vectors.usage.prompt_tokens, static_cast<int>(tokens_.size()));

  const Answer again = answer_of(*engine_, request(mixed()));
  EXPECT_EQ(again.tokens, of_tokens.tokens);
  EXPECT_GT(again.usage.cached_tokens, 0);

  MixedPrompt other = mixed();
  other.parts[1].vectors[0] += 1;
  EXPECT_EQ(answer_of(*engine_, request(other)).usage.cached_tokens, 0);
}

TEST_P(Backbone, HiddenStatesAreThoseOfTheGolden) {
  const auto file = SafetensorsFile::open(test::shared("goldens2") / GetParam() / "golden.safetensors");
  const std::vector<float> expected = decoded(file->tensor("hidden"));
  const auto hidden = static_cast<size_t>(engine_->info().hidden);

  Request all = request(mixed());
  all.hidden_states = Request::HiddenStates::kAll;
  const Answer answer = answer_of(*engine_, all);
  ASSERT_EQ(answer.error, "");
  ASSERT_EQ(answer.states.size(), tokens_.size() + 11) << "what the last token would give is not computed";
  std::vector<float> states;
  for (size_t i = 0; i < tokens_.size(); ++i) {
    const std::vector<float>& state = answer.states.at(static_cast<int>(i));
    ASSERT_EQ(state.size(), hidden);
    states.insert(states.end(), state.begin(), state.end());
  }
  EXPECT_LE(test::relative_error(
                states, {expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(states.size())}),
            1e-3);

  Request drawn = all;
  drawn.hidden_states = Request::HiddenStates::kDrawn;
  const Answer last = answer_of(*engine_, drawn);
  EXPECT_EQ(last.states.size(), 12u);
  for (const auto& [position, state] : last.states) EXPECT_EQ(state, answer.states.at(position));

  Request prompt_alone = all;
  prompt_alone.max_tokens = 0;
  const Answer prompt = answer_of(*engine_, prompt_alone);
  EXPECT_EQ(prompt.states.size(), tokens_.size());
  for (const auto& [position, state] : prompt.states) EXPECT_EQ(state, answer.states.at(position));
}

TEST_P(Backbone, WhatCannotBeIsRefusedByName) {
  const auto refused = [&](const Request& r) { return answer_of(*engine_, r).error; };
  MixedPrompt narrow = mixed();
  narrow.parts[1].vectors.pop_back();
  EXPECT_NE(refused(request(narrow)).find("as wide as the model's"), std::string::npos);
  MixedPrompt both = mixed();
  both.parts[1].ids = {1};
  EXPECT_NE(refused(request(both)).find("not both"), std::string::npos);
  Request chances = request(mixed());
  chances.prompt_logprobs = 1;
  EXPECT_NE(refused(chances).find("prompt_logprobs"), std::string::npos);
  Request shifts = request(mixed());
  shifts.context_end = Request::ContextEnd::kShifts;
  EXPECT_NE(refused(shifts).find("shifted"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Goldens, Backbone, ::testing::Values("olmo2", "gemma3", "granite"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace ferrum
