// A language model that judges: its scores are the logits of two tokens behind the turns in which it reads a
// query and a document.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <numeric>

#include "checkpoint/writers/convert.h"
#include "engine/backend_factory.h"
#include "engine/text_encoder.h"
#include "engine/text_inputs.h"
#include "ferrum/engine.h"
#include "support/files.h"
#include "support/paths.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;

constexpr const char* kModules = R"([
  {"path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"},
  {"path": "1_LogitScore", "type": "sentence_transformers.cross_encoder.modules.logit_score.LogitScore"}])";
constexpr const char* kTemplate =
    "{% for m in messages %}{% if m.role == 'system' %}<{{ m.content }}>{% endif %}{% endfor %}"
    "q: {% for m in messages %}{% if m.role == 'query' %}{{ m.content }}{% endif %}{% endfor %}"
    " d: {% for m in messages %}{% if m.role == 'document' %}{{ m.content }}{% endif %}{% endfor %} judge";

// A small decoder of the shared goldens as such a model.
class Judge : public ::testing::Test {
 protected:
  void SetUp() override {
    const fs::path golden = test::shared("goldens2/embed_qwen3_last");
    if (!fs::exists(golden)) GTEST_SKIP() << "needs " << golden;
    for (const char* file : {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"})
      if (fs::exists(golden / file)) fs::copy_file(golden / file, folder_.path() / file);
    folder_.write("modules.json", kModules);
    folder_.write("1_LogitScore/config.json", R"({"true_token_id": 70, "false_token_id": 50})");
    folder_.write("chat_template.jinja", kTemplate);
  }

  test::TemporaryFolder folder_;
};

TEST_F(Judge, ScoresAreLogitsOfItsTokens) {
  const std::shared_ptr<const Checkpoint> checkpoint = Checkpoint::open(folder_.path());
  const TextHeadDescription& head = checkpoint->model().text_head;
  ASSERT_TRUE(head.classifies);
  EXPECT_EQ(head.pair_form, "<{instruction}>q: {query} d: {document} judge");
  const auto tokenizer = checkpoint->load_tokenizer();
  const TextInputs inputs(checkpoint->model(), *tokenizer, 200);
  const TextTokens text = inputs.pair("who", "someone", TooLong::kRefused, "find");
  EXPECT_EQ(text.tokens, tokenizer->encode({"<find>q: who d: someone judge", true}, {.add_special = false}));

  TextEncoder encoder(make_backend({.name = "reference", .threads = 1, .activations = "f32"}), checkpoint,
                      {.longest_text = 200, .step_tokens = 200, .gives_states = true});
  const TextTokens* const one[] = {&text};
  const std::vector<float> logits = encoder.compute(one);
  const std::vector<float> states = encoder.states(one);
  const auto hidden = static_cast<size_t>(checkpoint->model().hidden);
  ASSERT_EQ(logits.size(), 2U);
  const HostTensor* rows = checkpoint->find({TensorRole::kHead});
  if (rows == nullptr) rows = checkpoint->find({TensorRole::kEmbedding});
  std::vector<float> row(hidden);
  for (const auto& [place, token] : {std::pair(0, 70), std::pair(1, 50)}) {
    decode_rows(*rows, token, 1, row.data());
    const double expected =
        std::inner_product(row.begin(), row.end(), states.end() - static_cast<std::ptrdiff_t>(hidden), 0.0);
    EXPECT_NEAR(logits[static_cast<size_t>(place)], expected, 1e-4 * std::max(1.0, std::abs(expected)));
  }
}

// Qwen3-Reranker's kind of file: rows of the head as cls.output, and the turns as a template.
TEST_F(Judge, ItsGgufFileScoresTheSame) {
  const fs::path file = folder_.path() / "judge.gguf";
  convert(folder_.path(), file, {.type = FileType::kF32, .pipeline = {}});
  const auto logits = [](const fs::path& path) {
    const std::shared_ptr<const Checkpoint> checkpoint = Checkpoint::open(path);
    const auto tokenizer = checkpoint->load_tokenizer();
    const TextTokens text =
        TextInputs(checkpoint->model(), *tokenizer, 200).pair("who", "someone", TooLong::kRefused, "");
    TextEncoder encoder(make_backend({.name = "reference", .threads = 1, .activations = "f32"}), checkpoint,
                        {.longest_text = 200, .step_tokens = 200});
    const TextTokens* const one[] = {&text};
    EXPECT_EQ(checkpoint->model().text_head.labels, (std::vector<std::string>{"yes", "no"}));
    return encoder.compute(one);
  };
  const std::vector<float> expected = logits(folder_.path()), got = logits(file);
  ASSERT_EQ(got.size(), 2U);
  for (size_t i = 0; i < 2; ++i) EXPECT_NEAR(got[i], expected[i], 1e-5 * std::abs(expected[i]));
}

TEST_F(Judge, ALongDocumentLosesItsEndAndTheTurnsStay) {
  const auto checkpoint = Checkpoint::open(folder_.path());
  const auto tokenizer = checkpoint->load_tokenizer();
  const TextInputs inputs(checkpoint->model(), *tokenizer, 40);
  const TextTokens cut = inputs.pair("who", std::string(500, 'x'), TooLong::kCut, "find");
  EXPECT_TRUE(cut.was_cut);
  EXPECT_EQ(cut.tokens.size(), 40U);
  EXPECT_TRUE(tokenizer->decode(cut.tokens, true).ends_with(" judge"));
}

TEST_F(Judge, TheEngineRanksWithIt) {
  EngineOptions options;
  options.model = folder_.path();
  options.threads = 1;
  const auto engine = Engine::load(options);
  ASSERT_TRUE(engine->info().texts);
  EXPECT_TRUE(engine->info().texts->ranks());
  EXPECT_TRUE(engine->info().texts->reads_instructions);
  TextRequest request;
  request.result = TextRequest::Result::kScores;
  request.texts = {TextPair{"who", "someone"}};
  const auto stream = engine->submit_texts(request);
  const std::optional<Event> event = stream->next();
  ASSERT_TRUE(event && std::holds_alternative<TextResultEvent>(*event));
  const std::vector<float>& scores = std::get<TextResultEvent>(*event).values;
  ASSERT_EQ(scores.size(), 2U);
  EXPECT_NEAR(scores[0] + scores[1], 1, 1e-6);
}

}  // namespace
}  // namespace ferrum
