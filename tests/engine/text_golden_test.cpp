// Small embedding models and rerankers of every family: what sentence-transformers and transformers make of
// texts in float32, from the folder and from the GGUF file that llama.cpp's converter makes of it.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/mapped_file.h"
#include "checkpoint/safetensors/safetensors.h"
#include "checkpoint/writers/convert.h"
#include "engine/backend_factory.h"
#include "engine/golden.h"
#include "engine/text_encoder.h"
#include "engine/text_results.h"
#include "support/files.h"
#include "support/paths.h"

namespace ferrum {
namespace {

using test::relative_error;

struct Texts {
  std::vector<TextTokens> tokens;
  std::vector<std::vector<TokenId>> expected_ids;  // empty: with a prompt, not told
  std::vector<float> expected;
};

class Case {
 public:
  Case(const std::filesystem::path& model, const std::filesystem::path& golden)
      : checkpoint_(Checkpoint::open(model)),
        tokenizer_(checkpoint_->load_tokenizer()),
        inputs_(checkpoint_->model(), *tokenizer_, longest_text(checkpoint_->model())),
        file_(SafetensorsFile::open(golden / "golden.safetensors")),
        json_(parse_json(MappedFile::open(golden / "golden.json")->text(), "golden.json")) {}

  const ModelDescription& model() const { return checkpoint_->model(); }

  Texts texts(const std::string& prompt) const {
    Texts t;
    if (model().text_head.classifies) {
      for (const Json& pair : json_["pairs"])
        t.tokens.push_back(
            inputs_.pair(pair[0].get<std::string>(), pair[1].get<std::string>(), TooLong::kCut));
    } else {
      for (const Json& text : json_["texts"])
        t.tokens.push_back(inputs_.single(inputs_.prompt(prompt), text.get<std::string>(), TooLong::kCut));
    }
    if (prompt.empty()) t.expected_ids = json_["ids"].get<std::vector<std::vector<TokenId>>>();
    const std::string name = model().text_head.classifies ? "logits" : "embeddings";
    t.expected = decoded(file_->tensor(prompt.empty() ? name : name + "." + prompt));
    return t;
  }

  std::vector<float> compute(const std::vector<TextTokens>& texts, const std::string& backend,
                             int step_tokens = 200) const {
    TextEncoderOptions options = {.step_tokens = step_tokens};
    for (const TextTokens& text : texts)
      options.longest_text = std::max(options.longest_text, static_cast<int>(text.tokens.size()));
    TextEncoder encoder(make_backend({.name = backend, .threads = 2, .activations = "f32"}), checkpoint_,
                        options);
    const auto width = static_cast<size_t>(encoder.width());
    const std::vector<float> rows = encoder.compute(texts);
    std::vector<float> all;
    for (size_t at = 0; at < rows.size(); at += width) {
      const std::vector<float> row =
          finished_embedding(std::span(rows).subspan(at, width), 0, model().text_head.normalizes);
      all.insert(all.end(), row.begin(), row.end());
    }
    return all;
  }

 private:
  std::shared_ptr<const Checkpoint> checkpoint_;
  std::unique_ptr<const Tokenizer> tokenizer_;
  TextInputs inputs_;
  std::unique_ptr<SafetensorsFile> file_;
  Json json_;
};

// GGUF files have rounded weights or those of the folder, and no limit of the folder's tokenizer.
enum class Stored : uint8_t { kFloat, kConverted, kRounded };

// Of a file that knows no limit; and its embeddings have length 1, whatever the folder's have.
void leave_out_cut_ones(Texts& texts, bool normalizes) {
  constexpr size_t kLimit = 64;
  const size_t width = texts.expected.size() / texts.tokens.size();
  Texts kept;
  for (size_t i = 0; i < texts.tokens.size(); ++i) {
    if (texts.expected_ids[i].size() >= kLimit) continue;
    kept.tokens.push_back(texts.tokens[i]);
    kept.expected_ids.push_back(texts.expected_ids[i]);
    const std::vector<float> row =
        finished_embedding(std::span(texts.expected).subspan(i * width, width), 0, normalizes);
    kept.expected.insert(kept.expected.end(), row.begin(), row.end());
  }
  texts = std::move(kept);
}

void expect_agreement(const Case& c, Stored stored, double most = 1e-4) {
  std::vector<std::string> prompts = {""};
  for (const auto& [name, text] : c.model().text_head.prompts)
    if (!text.empty()) prompts.push_back(name);
  for (const std::string& prompt : prompts) {
    SCOPED_TRACE(prompt);
    Texts texts = c.texts(prompt);
    if (stored == Stored::kConverted) leave_out_cut_ones(texts, c.model().text_head.normalizes);
    for (size_t i = 0; i < texts.expected_ids.size(); ++i) {
      if (stored == Stored::kFloat || texts.expected_ids[i].size() < 64) {
        EXPECT_EQ(texts.tokens[i].tokens, texts.expected_ids[i]) << "text " << i;
      }
    }
    const double tolerance = stored == Stored::kRounded ? 2e-2 : most;
    EXPECT_LE(relative_error(c.compute(texts.tokens, "reference"), texts.expected), tolerance);
    const std::vector<float> packed = c.compute(texts.tokens, "cpu");
    EXPECT_LE(relative_error(packed, texts.expected), std::max(tolerance, 1e-3));
    std::vector<float> alone;
    for (const TextTokens& text : texts.tokens) {
      const std::vector<float> row = c.compute({text}, "cpu");
      alone.insert(alone.end(), row.begin(), row.end());
    }
    EXPECT_EQ(alone, packed) << "bit for bit, whatever else is in the step";
  }
}

std::string test_name(const ::testing::TestParamInfo<std::string>& info) { return info.param; }

class TextFolders : public ::testing::TestWithParam<std::string> {};

TEST_P(TextFolders, Agree) {
  const auto folder = test::shared("goldens2") / GetParam();
  FERRUM_NEEDS_SHARED(folder);
  expect_agreement(Case(folder, folder), Stored::kFloat);
}

INSTANTIATE_TEST_SUITE_P(HuggingFace, TextFolders,
                         ::testing::Values("embed_bert_mean", "embed_bert_cls", "embed_xlmr_cls",
                                           "embed_xlmr_mean_prompts", "embed_modernbert_cls", "embed_nomic",
                                           "embed_gemma", "embed_qwen3_last", "embed_jina_v3", "embed_gte",
                                           "rerank_bert", "rerank_xlmr", "rerank_modernbert",
                                           "classify_qwen3"),
                         test_name);

class TextFiles : public ::testing::TestWithParam<std::string> {};

TEST_P(TextFiles, Agree) {
  const auto file = test::shared("goldens2/gguf") / (GetParam() + ".gguf");
  FERRUM_NEEDS_SHARED(file);
  expect_agreement(Case(file, test::shared("goldens2") / GetParam()), Stored::kRounded);
}

INSTANTIATE_TEST_SUITE_P(Gguf, TextFiles,
                         ::testing::Values("embed_bert_mean", "embed_qwen3_last", "embed_xlmr_cls",
                                           "rerank_xlmr"),
                         test_name);

// By the formulas of its code, which is not in transformers (tests/data/goldens/generate_encoders.py); and
// the file that llama.cpp's converter makes, which leaves out one bias.
TEST(TextMixtures, NomicAgrees) {
  const auto folder = test::data("goldens/nomic_moe");
  expect_agreement(Case(folder, folder), Stored::kFloat);
  const auto gguf = test::data("goldens/nomic_moe_gguf");
  expect_agreement(Case(gguf / "model.gguf", gguf), Stored::kFloat);
}

// Jina embeddings 2 in both forms of their code, and the files that llama.cpp's converter makes of them; and
// a reranker (tests/data/goldens/generate_jina.py).
TEST(JinaBert, Agrees) {
  for (const std::string name : {"jina_v2", "jina_v2_code", "jina_reranker"}) {
    SCOPED_TRACE(name);
    const auto folder = test::data("goldens/" + name);
    expect_agreement(Case(folder, folder), Stored::kFloat);
    EXPECT_FALSE(weights_of(*Checkpoint::open(folder)).empty()) << "the memory plan lists them";
  }
  for (const std::string name : {"jina_v2_gguf", "jina_v2_code_gguf"}) {
    SCOPED_TRACE(name);
    const auto folder = test::data("goldens/" + name);
    expect_agreement(Case(folder / "model.gguf", folder), Stored::kFloat);
  }
}

// The GGUF file that Ferrum makes of a folder.
class TextConversions : public ::testing::TestWithParam<std::string> {
 protected:
  static std::filesystem::path folder() {
    const auto own = test::data("goldens") / GetParam();
    return std::filesystem::exists(own) ? own : test::shared("goldens2") / GetParam();
  }
  std::filesystem::path converted(FileType type) const {
    const auto file = folder_.path() / "model.gguf";
    convert(folder(), file, {.type = type, .pipeline = {}});
    return file;
  }

  test::TemporaryFolder folder_;
};

TEST_P(TextConversions, Agree) {
  FERRUM_NEEDS_SHARED(folder());
  const Case file(converted(FileType::kF32), folder());
  expect_agreement(file, Stored::kConverted);
  const std::vector<std::string> labels = Checkpoint::open(folder())->model().text_head.labels;
  if (!labels.empty()) {
    EXPECT_EQ(file.model().text_head.labels, labels);
  }
}

TEST_P(TextConversions, AgreeRounded) {
  FERRUM_NEEDS_SHARED(folder());
  expect_agreement(Case(converted(FileType::kF16), folder()), Stored::kConverted, 1e-2);
}

INSTANTIATE_TEST_SUITE_P(Gguf, TextConversions,
                         ::testing::Values("embed_bert_mean", "embed_bert_cls", "embed_xlmr_cls",
                                           "embed_xlmr_mean_prompts", "embed_modernbert_cls", "embed_nomic",
                                           "embed_gemma", "embed_qwen3_last", "embed_jina_v3", "rerank_bert",
                                           "rerank_xlmr", "rerank_modernbert", "classify_qwen3", "jina_v2",
                                           "jina_v2_code", "jina_reranker"),
                         test_name);

}  // namespace
}  // namespace ferrum
