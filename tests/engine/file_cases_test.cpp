// Models from public bug reports (../shared/cases/README.md), each loaded and run. Where a folder has no
// weights, those of the golden "llama" belong to it; where it has nothing but generation_config.json, the
// demonstration model does.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "checkpoint/readers/tokenizer_source.h"
#include "engine/answers.h"
#include "engine/golden.h"
#include "support/contains.h"
#include "support/files.h"
#include "support/paths.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;

fs::path cases(const fs::path& relative) { return test::shared("cases") / relative; }

// The files of `folder`, and in its place those of `base` that it lacks.
void link_all(const fs::path& folder, const fs::path& base, const test::TemporaryFolder& to) {
  for (const fs::path& from : {fs::absolute(folder), fs::absolute(base)})
    for (const auto& entry : fs::directory_iterator(from))
      if (const fs::path link = to.path() / entry.path().filename(); !fs::exists(link))
        fs::create_symlink(entry.path(), link);
}

std::string all(const std::vector<std::string>& warnings) {
  std::string text;
  for (const std::string& warning : warnings) text += warning + "\n";
  return text;
}

struct HfCase {
  const char* folder;
  const char* warning;  // a part of the only one; empty: there is none
};

class HfCases : public ::testing::TestWithParam<HfCase> {};

TEST_P(HfCases, AreReadAsTheGolden) {
  FERRUM_NEEDS_SHARED("cases");
  const auto golden_folder = test::shared("goldens/llama");
  const test::TemporaryFolder folder;
  const bool has_weights = fs::exists(cases(GetParam().folder) / "model-00001-of-00001.safetensors");
  link_all(cases(GetParam().folder), has_weights ? cases(GetParam().folder) : golden_folder, folder);
  const log::Recorder recorder;
  const test::Golden golden = test::read_golden(golden_folder);
  EXPECT_LT(test::relative_error(test::compute(folder.path(), golden, {}), golden.logits), 1e-5);
  const std::string warned = all(recorder.warnings());
  EXPECT_EQ(recorder.warnings().size(), GetParam().warning[0] == '\0' ? 0u : 1u) << warned;
  EXPECT_CONTAINS(warned, GetParam().warning);
}

INSTANTIATE_TEST_SUITE_P(Folders, HfCases,
                         ::testing::Values(HfCase{"hf/eos_m1", "config.json: eos_token_id is '-1'"},
                                           HfCase{"hf/nan_in_config", ""}, HfCase{"hf/arch_decapoda", ""},
                                           HfCase{"hf/act_swish", ""}, HfCase{"hf/maxpos_float", ""},
                                           HfCase{"hf/one_shard_no_index", ""},
                                           HfCase{"hf/idx_names_absent",
                                                  "model.safetensors.index.json: weight_map names tensors"}),
                         [](const auto& info) { return std::string(info.param.folder).substr(3); });

// The five numbers are transformers 5's, in float32, for the last of these positions.
TEST(FileCases, ATiedHeadWithOtherValues) {
  FERRUM_NEEDS_SHARED("cases");
  test::Golden input = {.sequences = 1, .length = 17, .vocab = 384, .ids = {}, .logits = {}};
  for (TokenId id = 3; id < 20; ++id) input.ids.push_back(id);
  input.logits.resize(static_cast<size_t>(input.length) * input.vocab);
  const log::Recorder recorder;
  const std::vector<float> tied = test::compute(cases("hf/tied_with_other_head"), input, {});
  EXPECT_CONTAINS(all(recorder.warnings()), "tie_word_embeddings");
  EXPECT_EQ(tied, test::compute(cases("hf/untied_other_head"), input, {}));
  const float expected[] = {1.6483372f, 0.7354413f, -0.2062102f, -4.2773833f, -0.6463372f};
  for (size_t i = 0; i < 5; ++i) EXPECT_NEAR(tied[size_t{16} * 384 + i], expected[i], 1e-4) << i;
}

test::ReadAnswer answer_of(Engine& engine, Request request) {
  const auto stream = engine.submit(std::move(request));
  test::Answers answers = test::read(*stream, 1);
  EXPECT_EQ(answers.error, "");
  return answers.choices[0];
}

class GenerationCases : public ::testing::TestWithParam<const char*> {};

TEST_P(GenerationCases, NeverMakeRequestsFail) {
  FERRUM_NEEDS_SHARED("cases");
  const test::TemporaryFolder folder;
  link_all(cases(GetParam()), test::shared("models/demo-dense"), folder);
  const auto engine = Engine::load({.model = folder.path(), .threads = 1, .max_context = 64});
  const SamplingOptions recommended = engine->recommended_sampling();
  const std::string name = GetParam();
  const SamplingOptions ours;
  EXPECT_EQ(recommended.top_k, name.ends_with("_neg") ? 0 : name.ends_with("_float") ? 50 : ours.top_k);
  EXPECT_EQ(recommended.top_p, name.ends_with("g_topp0") ? 0 : ours.top_p);
  Request request;
  request.prompt = TextPrompt{"Once upon a time"};
  request.sampling = recommended;
  request.max_tokens = 8;
  const test::ReadAnswer answer = answer_of(*engine, request);
  EXPECT_NE(answer.text, "");
  if (recommended.top_p > 0) return;
  request.sampling.temperature = 0;
  EXPECT_EQ(answer_of(*engine, request).text, answer.text) << "the likeliest tokens";
}

INSTANTIATE_TEST_SUITE_P(Files, GenerationCases,
                         ::testing::Values("generation/g_topk_neg", "generation/g_topk_float",
                                           "generation/g_topp0"),
                         [](const auto& info) { return std::string(info.param).substr(11); });

Request story() {
  Request request;
  request.prompt = ChatPrompt{.messages = {{"user", "Tell me a story about a dog."}}, .template_options = {}};
  request.sampling.temperature = 0;
  request.max_tokens = 400;
  return request;
}

class TurnCases : public ::testing::TestWithParam<const char*> {};

// Its metadata name <|endoftext|> alone.
TEST_P(TurnCases, AnAnswerEndsWithItsTurn) {
  FERRUM_NEEDS_SHARED("cases");
  const bool is_chat_ml = std::string(GetParam()) == "d2_eos_endoftext";
  const std::string end = is_chat_ml ? "<|im_end|>" : "<|eot_id|>";
  const auto engine =
      Engine::load({.model = cases("gguf") / (std::string(GetParam()) + ".gguf"), .threads = 2});
  const test::ReadAnswer answer = answer_of(*engine, story());
  ASSERT_TRUE(answer.finish);
  EXPECT_EQ(answer.finish->reason, FinishReason::kStop);
  EXPECT_EQ(answer.finish->stop, "");
  if (is_chat_ml) {
    EXPECT_EQ(answer.finish->usage.generated_tokens, 219);
  }
  EXPECT_EQ(answer.text.find(end), std::string::npos);
  Request stopped = story();
  stopped.stop = {end};
  const test::ReadAnswer same = answer_of(*engine, stopped);
  EXPECT_EQ(same.text, answer.text);
  ASSERT_TRUE(same.finish);
  EXPECT_EQ(same.finish->reason, FinishReason::kStop);
  EXPECT_EQ(same.finish->stop, end);
}

INSTANTIATE_TEST_SUITE_P(Models, TurnCases, ::testing::Values("d2_eos_endoftext", "e_eot_id"),
                         [](const auto& info) { return std::string(info.param); });

class VocabularyCases : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(VocabularyCases, LoadWithAWarning) {
  FERRUM_NEEDS_SHARED("cases");
  const auto& [name, warning] = GetParam();
  const log::Recorder recorder;
  const auto engine =
      Engine::load({.model = cases("gguf") / (std::string(name) + ".gguf"), .threads = 1, .max_context = 64});
  EXPECT_EQ(recorder.warnings().size(), 1u) << all(recorder.warnings());
  EXPECT_CONTAINS(all(recorder.warnings()), std::string(name) + ".gguf: " + warning);
  Request request;
  request.prompt = TextPrompt{"Once upon a time"};
  request.sampling.temperature = 0;
  request.max_tokens = 8;
  EXPECT_EQ(answer_of(*engine, request).finish->usage.generated_tokens, 8);
}

INSTANTIATE_TEST_SUITE_P(Files, VocabularyCases,
                         ::testing::Values(std::pair("s_pad_oob", "tokenizer.ggml.padding_token_id is"),
                                           std::pair("s_eos_oob", "tokenizer.ggml.eos_token_id is"),
                                           std::pair("s_duptok", "tokenizer.ggml.tokens has the token")),
                         [](const auto& info) { return std::string(info.param.first); });

// A control token has no text in which a stop string could be found.
TEST(StopStringsOfControlTokens, EndTheAnswer) {
  const auto engine =
      Engine::load({.model = test::demonstration("demo-dense"), .threads = 1, .max_context = 64});
  const std::vector<int32_t> start = {
      open_tokenizer(test::demonstration("demo-dense"))->find("<|im_start|>").value()};
  Request request;
  request.prompt = TextPrompt{"Once upon a time"};
  request.sampling.temperature = 0;
  request.sampling.repetition_penalty = 1;
  request.sampling.logit_bias = {{start[0], 100.0f}};
  request.max_tokens = 4;
  EXPECT_EQ(answer_of(*engine, request).finish->reason, FinishReason::kMaxTokens);
  request.stop = {"no such", "<|im_start|>"};
  const test::ReadAnswer stopped = answer_of(*engine, request);
  EXPECT_EQ(stopped.finish->reason, FinishReason::kStop);
  EXPECT_EQ(stopped.finish->stop, "<|im_start|>");
  EXPECT_EQ(stopped.finish->usage.generated_tokens, 1);
  EXPECT_EQ(stopped.text, "");
}

}  // namespace
}  // namespace ferrum
