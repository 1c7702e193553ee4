// The files of sentence-transformers, in the spelling of every version.
#include <gtest/gtest.h>

#include <string>

#include "base/error.h"
#include "checkpoint/safetensors/safetensors_writer.h"
#include "checkpoint/safetensors/sentence_files.h"
#include "support/errors.h"
#include "support/files.h"

namespace ferrum {
namespace {

using test::expect_error;

// A folder with these modules, whose first is the transformer.
class SentenceFolder {
 public:
  explicit SentenceFolder(const std::string& modules = "") {
    write("modules.json", R"([{"idx": 0, "path": "", "type": "sentence_transformers.models.Transformer"},
      {"idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"})" +
                              modules + "]");
    pooling(R"({"word_embedding_dimension": 8, "pooling_mode_mean_tokens": true})");
  }

  void write(const std::string& file, const std::string& text) { folder_.write(file, text); }
  void pooling(const std::string& json) { write("1_Pooling/config.json", json); }
  SentenceFiles read() const { return read_sentence_files(folder_.path(), 8); }
  const std::filesystem::path& path() const { return folder_.path(); }

 private:
  test::TemporaryFolder folder_;
};

TEST(SentenceFiles, PoolingInBothSpellings) {
  SentenceFolder folder;
  EXPECT_EQ(folder.read().head.pooling, std::vector{TextPooling::kMean});
  EXPECT_FALSE(folder.read().head.normalizes);
  folder.pooling(R"({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false,
                     "pooling_mode_lasttoken": true, "include_prompt": false})");
  EXPECT_EQ(folder.read().head.pooling, (std::vector{TextPooling::kFirst, TextPooling::kLast}));
  EXPECT_FALSE(folder.read().head.pools_prompt);
  folder.pooling(R"({"embedding_dimension": 8, "pooling_mode": "weightedmean"})");
  EXPECT_EQ(folder.read().head.pooling, std::vector{TextPooling::kWeightedMean});
  folder.pooling(R"({"pooling_mode": ["mean", "max"]})");
  EXPECT_EQ(folder.read().head.pooling, (std::vector{TextPooling::kMean, TextPooling::kMax}));
  folder.pooling(R"({"pooling_mode": "median"})");
  expect_error(ErrorCode::kUnsupported, {"1_Pooling", "'median'", "lasttoken"}, [&] { folder.read(); });
}

TEST(SentenceFiles, ModulesBehindThePooling) {
  SentenceFolder folder(R"(, {"path": "2_Dense", "type": "sentence_transformers.models.Dense"},
    {"path": "3_Normalize", "type": "sentence_transformers.base.modules.normalize.Normalize"})");
  folder.write(
      "2_Dense/config.json",
      R"({"in_features": 8, "out_features": 3, "activation_function": "torch.nn.modules.activation.Tanh"})");
  SafetensorsWriter writer(folder.path() / "2_Dense/model.safetensors", {{"linear.weight", "F32", {3, 8}}});
  const std::vector<float> zeros(24);
  writer.append(std::as_bytes(std::span(zeros)));
  writer.finish();
  const SentenceFiles files = folder.read();
  EXPECT_TRUE(files.head.normalizes);
  ASSERT_EQ(files.head.layers.size(), 1u);
  EXPECT_EQ(files.head.layers[0].out, 3);
  EXPECT_EQ(files.head.layers[0].function, TextLayer::Function::kTanh);
  EXPECT_EQ(files.head.width(8), 3);
  folder.write("2_Dense/config.json", R"({"in_features": 4, "out_features": 3})");
  expect_error(ErrorCode::kBadFile, {"modules.json", "4", "8"}, [&] { folder.read(); });
  folder.write("2_Dense/config.json",
               R"({"in_features": 8, "out_features": 3, "activation_function": "torch.nn.ReLU"})");
  expect_error(ErrorCode::kUnsupported, {"2_Dense", "'torch.nn.ReLU'"}, [&] { folder.read(); });
}

// As sentence-transformers 6 saves a cross-encoder.
TEST(SentenceFiles, AClassifierNeedsNoPooling) {
  const test::TemporaryFolder folder;
  folder.write("modules.json",
               R"([{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.base.Transformer"}])");
  EXPECT_THROW(read_sentence_files(folder.path(), 8), Error);
  EXPECT_TRUE(read_sentence_files(folder.path(), 8, true).head.pooling.empty());
}

TEST(SentenceFiles, PromptsAndTheLongestText) {
  SentenceFolder folder;
  EXPECT_EQ(folder.read().head.max_tokens, 0);
  folder.write("tokenizer_config.json", R"({"model_max_length": 1000000000000000019884624838656})");
  EXPECT_EQ(folder.read().head.max_tokens, 0) << "no limit that the model knows";
  folder.write("tokenizer_config.json", R"({"model_max_length": 512})");
  EXPECT_EQ(folder.read().head.max_tokens, 512);
  folder.write("sentence_bert_config.json", R"({"max_seq_length": 256, "do_lower_case": false})");
  EXPECT_EQ(folder.read().head.max_tokens, 256);
  folder.write("config_sentence_transformers.json",
               R"({"prompts": {"query": "query: ", "passage": ""}, "default_prompt_name": "query"})");
  const TextHeadDescription head = folder.read().head;
  EXPECT_EQ(head.default_prompt, "query");
  EXPECT_EQ(head.prompts,
            (std::vector<std::pair<std::string, std::string>>{{"passage", ""}, {"query", "query: "}}));
}

TEST(SentenceFilesFaults, B19_AModuleStaysInTheFolder) {
  const SentenceFolder out(R"(, {"path": "../2_Dense", "type": "sentence_transformers.models.Dense"})");
  expect_error(ErrorCode::kBadFile, {"modules.json", "path"}, [&] { out.read(); });
  const SentenceFolder unknown(R"(, {"path": "2_CNN", "type": "sentence_transformers.models.CNN"})");
  expect_error(ErrorCode::kUnsupported, {"modules.json", "CNN", "Normalize"}, [&] { unknown.read(); });
}

TEST(SentenceFiles, ALanguageModelThatJudges) {
  SentenceFolder folder;
  folder.write("modules.json",
               R"([{"path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"},
      {"path": "1_LogitScore", "type": "sentence_transformers.cross_encoder.modules.logit_score.LogitScore"}])");
  folder.write("1_LogitScore/config.json", R"({"true_token_id": 7, "false_token_id": 5})");
  EXPECT_EQ(folder.read().judges, (std::vector<TokenId>{7, 5}));
  folder.write("1_LogitScore/config.json", R"({"true_token_id": 7, "false_token_id": null})");
  EXPECT_EQ(folder.read().judges, std::vector<TokenId>{7});
  folder.write("1_LogitScore/config.json", R"({"false_token_id": 5})");
  expect_error(ErrorCode::kBadFile, {"1_LogitScore", "true_token_id"}, [&] { folder.read(); });
}

}  // namespace
}  // namespace ferrum
